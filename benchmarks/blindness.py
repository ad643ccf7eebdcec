"""Blinding: can the fake be identified from what a browser receives, without the pixels?

Ten participants answer fifty pairs each in Chromium. For both images of each pair, everything that
the browser receives is recorded: address, status, headers, size, order, time, and the file without
its pixels. A random forest is trained on the first half of the pairs to find the side of the fake
and tested on the second half. As a positive control, the same is repeated with an ETag that reveals
the order of import.
"""

import re
import tempfile
import time
from pathlib import Path

from flask import Response, request
from playwright.sync_api import Browser, Route
from sqlalchemy import select

from study_server.storage.engine import read_session
from study_server.storage.models import Trial
from tests.blindness import Guesses, Pair, Reply, guess
from tests.browser.conftest import launch
from tests.browser.robot import build_robot, finish
from tests.conftest import LiveStudy, serve_study, short_protocol, write_stimuli
from tests.study_server.acting import fake_slot

PEOPLE, TRIALS, SIZE = 10, 50, 64  # 64 px, a quarter of the usual size, to finish in minutes
SHORT_TIMINGS = {
    "exposure_ms": 20,
    "gap_ms": 0,
    "blank_ms": 20,
    "first_blank_ms": 20,
    "after_ms": 0,
}


def main() -> None:
    with launch() as browser:
        for name, is_leaky in (("unmodified server", False), ("with a revealing ETag", True)):
            guesses = guess_fakes(browser, is_leaky)
            print(f"{name:22}{guesses.right} of {guesses.of} guessed correctly from ", end="")
            print(
                f"{guesses.features} features, p = {guesses.p:.2g}"
                f"{'' if is_leaky else ' (target: > 0.01)'}"
            )


def guess_fakes(browser: Browser, leaks: bool) -> Guesses:
    protocol = short_protocol(
        "short", practice=0, trials=TRIALS, attention_checks=0, **SHORT_TIMINGS
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = write_stimuli(folder / "stimuli", images=TRIALS, size=SIZE)
        with serve_study(folder, manifest, protocol) as study:
            if leaks:
                plant_etag(study)
            pairs = [pair for _ in range(PEOPLE) for pair in collect_pairs(browser, study)]
            with read_session(study.engine) as db:
                slots = {trial.token: fake_slot(trial) for trial in db.scalars(select(Trial))}
    assert len(pairs) == PEOPLE * TRIALS, len(pairs)
    return guess(pairs, [slots[str(pair.trial["token"])] == 0 for pair in pairs])


def plant_etag(study: LiveStudy) -> None:
    """Set the ETag to the stimulus's row id; photographs were imported before their fakes."""

    @study.app.after_request
    def leak(reply: Response) -> Response:
        slot = (request.view_args or {}).get("slot")
        if slot is not None:
            with read_session(study.engine) as db:
                token = (request.view_args or {})["trial_token"]
                trial = db.scalars(select(Trial).where(Trial.token == token)).one()
                reply.set_etag(f"{trial.candidates[slot].id:x}")
        return reply


def collect_pairs(browser: Browser, study: LiveStudy) -> list[Pair]:
    """Answer all trials of one participant; return the pairs as the browser received them."""
    context = browser.new_context()
    images: dict[str, list[Reply]] = {}
    trials_by_token: dict[str, dict[str, object]] = {}

    def pass_image(route: Route) -> None:
        token, began = route.request.url.split("/")[-2], time.perf_counter()
        reply = route.fetch()
        headers = [(header["name"], header["value"]) for header in reply.headers_array]
        ms = 1000 * (time.perf_counter() - began)
        mine = images.setdefault(token, [])
        mine.append(Reply(reply.url, reply.status, headers, reply.body(), len(mine), ms))
        route.fulfill(response=reply)

    def pass_trials(route: Route) -> None:
        reply = route.fetch()
        trials_by_token.update({trial["token"]: trial for trial in reply.json()["trials"]})
        route.fulfill(response=reply)

    context.route(re.compile("/[01]$"), pass_image)
    for address in ("**/resume", "**/trials", "**/response"):
        context.route(address, pass_trials)
    page = context.new_page()
    build_robot(page)
    page.goto(study.entry)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Take part").click()
    finish(page)
    context.close()
    return [build_pair(trial, images[token]) for token, trial in trials_by_token.items()]


def build_pair(trial: dict[str, object], replies: list[Reply]) -> Pair:
    left, right = sorted(replies, key=lambda reply: reply.url.rpartition("/")[2])
    return Pair(trial, left, right)


if __name__ == "__main__":
    main()
