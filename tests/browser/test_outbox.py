"""Tests of the message queue in Chromium: order, persistence and (with a fake clock) retries."""

import pytest
from playwright.sync_api import Page

from tests.browser.lone_player import TrialApi

MODULES = """
  const { openOutbox, createMessageId } = await import("/static/player/network/outbox.js");
  const { createMemoryStore, openStore } = await import("/static/player/network/store.js");
  const { RequestRefusedError, createApiClient } = await import("/static/player/network/server.js");
"""


def evaluate(page: Page, script: str, visit: bool = True) -> object:
    """Run a script in which the modules' names are defined, and return its value."""
    if visit:
        TrialApi().visit(page)
    return page.evaluate(f"async () => {{ {MODULES} {script} }}")


def test_messages_arrive_once_and_in_order(page: Page) -> None:
    script = """
      const arrived = [];
      const send = async (url) => {
        await new Promise((resolve) => setTimeout(resolve, url === "a" ? 50 : 0)); // a is slow
        arrived.push(url);
        return `reply to ${url}`;
      };
      const outbox = await openOutbox(send, await openStore("order"));
      const kept = await Promise.all(["a", "b", "c"].map((url) => outbox.enqueue(url, {})));
      const replies = await Promise.all(kept.map(({ reply }) => reply));
      await outbox.whenEmpty();
      return [arrived, replies, outbox.pendingCount()];
    """
    replies = ["reply to a", "reply to b", "reply to c"]
    assert evaluate(page, script) == [["a", "b", "c"], replies, 0]


def test_a_message_survives_its_page(page: Page) -> None:
    keep = """
      const never = () => new Promise(() => {});
      const outbox = await openOutbox(never, await openStore("lasting"));
      await outbox.enqueue("/first", { n: 1 });
      await outbox.enqueue("/second", { n: 2 });
    """
    evaluate(page, keep)
    page.reload()
    send = """
      const sent = [];
      const send = async (url, body) => void sent.push([url, body.n]);
      const outbox = await openOutbox(send, await openStore("lasting"));
      const before = outbox.pendingCount();
      await outbox.whenEmpty();
      return [before, sent, outbox.pendingCount()];
    """
    assert evaluate(page, send, visit=False) == [2, [["/first", 1], ["/second", 2]], 0]


def test_a_refused_message_does_not_hold_up_the_next(page: Page) -> None:
    script = """
      const send = async (url) => {
        if (url === "a") throw new RequestRefusedError(409, "voided");
        return "taken";
      };
      const outbox = await openOutbox(send, createMemoryStore());
      const [a, b] = [await outbox.enqueue("a", {}), await outbox.enqueue("b", {})];
      const refusal = await a.reply.catch((error) => error.message);
      const reply = await b.reply;
      await outbox.whenEmpty();
      return [refusal, reply, outbox.pendingCount()];
    """
    assert evaluate(page, script) == ["voided", "taken", 0]


def test_a_lost_message_is_retried_with_increasing_pauses(page: Page) -> None:
    page.clock.install(time=0)
    TrialApi().visit(page)
    script = """
      window.attempts = [];
      const fetch = window.fetch; // the page's own player uses it, too
      window.fetch = async (url, options) => {
        if (!url.startsWith("/p/x/")) return fetch(url, options);
        window.attempts.push(Math.round(performance.now() - window.began));
        if (window.attempts.length < 9) throw new TypeError("no network");
        return new Response(null, { status: 204 });
      };
      window.troubles = 0;
      const server = createApiClient("/p/x", () => (window.troubles += 1));
      const outbox = await openOutbox(server.send, createMemoryStore());
      window.began = performance.now();
      await outbox.enqueue("/p/x/trials/t/response", {});
      outbox.whenEmpty().then(() => (window.done = true));
    """
    evaluate(page, script, visit=False)
    for _ in range(90):
        page.clock.run_for(1000)
    assert page.evaluate("window.done")
    after_ms = [1000 * second for second in (0, 0.5, 1.5, 3.5, 7.5, 15.5, 30.5, 45.5, 60.5)]
    assert page.evaluate("window.attempts") == pytest.approx(after_ms, abs=50)
    assert page.evaluate("window.troubles") == 8


def test_a_restored_network_ends_the_pause(page: Page) -> None:
    page.clock.install(time=0)
    TrialApi().visit(page)
    script = """
      window.attempts = 0;
      const fetch = window.fetch; // the page's own player uses it, too
      window.fetch = async (url, options) => {
        if (!url.startsWith("/p/x/")) return fetch(url, options);
        window.attempts += 1;
        if (window.attempts < 2) throw new TypeError("no network");
        return new Response(null, { status: 204 });
      };
      const outbox = await openOutbox(createApiClient("/p/x", () => {}).send, createMemoryStore());
      const { reply } = await outbox.enqueue("/p/x/environment", {});
      await new Promise((resolve) => queueMicrotask(resolve));
      while (window.attempts === 0) await null;
      for (let n = 0; n < 20; n += 1) await null;
      window.dispatchEvent(new Event("online"));
      await reply;
      return window.attempts;
    """
    assert evaluate(page, script, visit=False) == 2


def test_every_message_has_its_own_id(page: Page) -> None:
    ids = evaluate(page, "return Array.from({ length: 1000 }, createMessageId);")
    assert isinstance(ids, list)
    assert len(set(ids)) == 1000
    assert all(20 < len(name) <= 64 for name in ids)
