"""Tests that withdrawals do not delay the answers of other people."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from study_server.jobs.queue import list_jobs
from study_server.protocol.model import Protocol
from study_server.storage.engine import open_engine, read_session
from study_server.vocabulary import JobState
from tests.faults import loops
from tests.faults.people import FORM, Browser, Ledger, Pace, enter, start_participants
from tests.faults.servers import serving

PEOPLE, WITHDRAWALS = 12, 5
PACE = Pace(answer_s=0.5)
MAX_MS = 250

pytestmark = pytest.mark.alone


@pytest.fixture
def served_url(tmp_path: Path, many: Path, protocol: Protocol) -> Iterator[tuple[str, str]]:
    """Run `study serve`; yield the URL of its SQLite database and its address."""
    url = f"sqlite:///{tmp_path / 'study.sqlite'}"
    with serving(tmp_path, url, many, protocol) as ((server,), _):
        yield url, server.address


def test_the_slowest_answer_beside_withdrawals_and_an_open_reader_takes_a_quarter_second(
    served_url: tuple[str, str], tmp_path: Path
) -> None:
    url, address = served_url
    ledger = loops.run(withdraw_beside(address, tmp_path / "study.sqlite"))
    assert len(ledger.answers_s) > 50
    assert ledger.failures == 0
    assert 1000 * max(ledger.answers_s) < MAX_MS
    engine = open_engine(url)
    with read_session(engine) as db:
        assert [job.state for job in list_jobs(db)] == [JobState.WAITING]
    engine.dispose()


async def withdraw_beside(address: str, database: Path) -> Ledger:
    """Let five people withdraw while others answer and a reader is open; return the ledger."""
    leavers = [Browser(address, Ledger(), retry_s=1) for _ in range(WITHDRAWALS)]
    bases = [await enter(browser, "short") for browser in leavers]
    stop = asyncio.Event()
    ledger, people = start_participants(address, "short", PEOPLE, PACE, stop, within_s=1)
    await asyncio.sleep(4)
    ledger.answers_s.clear()
    with closing(sqlite3.connect(database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM trial").fetchone()
        for browser, base in zip(leavers, bases, strict=True):
            status, _, _ = await browser.persist("POST", f"{base}/withdraw", b"", FORM)
            assert status == 200
            await asyncio.sleep(1)
    stop.set()
    await asyncio.gather(*people)
    for browser in leavers:
        browser.close()
    return ledger
