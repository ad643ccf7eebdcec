"""Tests that clients that send or read slowly, or flood the server, do not delay others."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, suppress

import pytest

from tests.conftest import short_protocol, write_stimuli
from tests.faults import loops
from tests.faults.people import Browser, Ledger, Pace, enter, percentiles, start_participants
from tests.faults.servers import Server, serving

CLIENTS = 32  # of a kind, at once
PEOPLE, SECONDS = 20, 12.0
PACE = Pace(answer_s=1.0)
MAX_P99_MS = 500

Client = Callable[[int, str], Coroutine[None, None, None]]

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run `study serve` with an open study whose images have a realistic size of 200 KB."""
    folder = tmp_path_factory.mktemp("slow")
    manifest = write_stimuli(folder / "stimuli", images=30, size=256)
    url = f"sqlite:///{folder / 'study.sqlite'}"
    protocol = short_protocol(practice=1, trials=20, attention_checks=1)
    with serving(folder, url, manifest, protocol) as ((server,), _):
        yield server


async def send_slowly(port: int, _image: str) -> None:
    """Send bodies at one byte per second, repeatedly."""
    head = b"POST /s/short HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            with closing(writer):
                writer.write(head)
                while True:
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(1)


async def never_read(port: int, image: str) -> None:
    """Request more images than the system's buffers hold, and read none."""
    requests = 50 * f"GET {image} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(requests)
        await asyncio.sleep(3600)


async def pipeline(port: int, _image: str) -> None:
    """Request 20 pages at once without waiting for the first, repeatedly."""
    requests = 20 * b"GET /s/short HTTP/1.1\r\nHost: x\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):
        while True:
            writer.write(requests)
            for _ in range(20):
                await reader.readuntil(b"</html>")


CLIENTS_OF_A_KIND: tuple[Client, ...] = (send_slowly, never_read, pipeline)


@pytest.mark.parametrize("client", CLIENTS_OF_A_KIND)
def test_other_clients_answers_are_stored_within_half_a_second(
    client: Client, server: Server
) -> None:
    ledger = loops.run(answer_beside(client, server.port))
    assert len(ledger.saved) > PEOPLE * SECONDS / 4
    assert ledger.failures == 0
    (p99,) = percentiles(ledger.answers_s, 99)
    assert p99 < MAX_P99_MS


async def answer_beside(client: Client, port: int) -> Ledger:
    """Run participants while 32 such clients are connected, and return their ledger.

    They enter before the clients come, all but one: a new participant reads the consent page, which
    waits for its turn among the pages that other clients request.
    """
    address = f"http://127.0.0.1:{port}"
    image = await find_image(address)
    stop = asyncio.Event()
    ledger, people = start_participants(address, "short", PEOPLE, PACE, stop, within_s=2)
    while len(ledger.enrolments_s) < PEOPLE:
        await asyncio.sleep(0.1)
    ledger.answers_s.clear()  # those before the slow clients came
    clients = [asyncio.create_task(client(port, image)) for _ in range(CLIENTS)]
    latecomer = Browser(address, ledger, PACE.retry_s)
    await enter(latecomer, "short")  # which is slower, but possible
    latecomer.close()
    await asyncio.sleep(SECONDS)
    failed = [task.exception() for task in clients if task.done()]
    for task in clients:
        task.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    stop.set()
    await asyncio.gather(*people)
    assert failed == []  # all of them were there until the end
    return ledger


async def find_image(address: str) -> str:
    """Return the address of an image of a new participant's first trial."""
    browser = Browser(address, Ledger(), retry_s=1)
    batch = await browser.post(f"{await enter(browser, 'short')}/resume", {})
    browser.close()
    return str(batch["trials"][0]["slots"][0]["image"])
