"""Load: concurrent participants at a realistic pace, over HTTP, by server and database.

Each participant enrolls, fetches images in advance and answers about every 5 s; some reload, some
leave for good, and everyone who finishes or leaves is replaced. 500 participants give about 100
answers per second. Clients run on the same cores. Targets for 500 participants: nothing lost,
duplicated or failed, 99% of answers within 250 ms. Then the answers of 20 participants beside 32
clients that send a byte per second, read nothing, or send 20 requests at once; target: 99% in
500 ms. Then answers at saturation, compared with a bare insert of the same durability; target: 0.7
times as many. Options: `python -m benchmarks.load --help`.
"""

import asyncio
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click
from sqlalchemy import Engine, select

from benchmarks.faults import create_database, start_postgresql
from benchmarks.servers import NAMES, BareServer, find_setup, running, title
from study_server.participants.enrollment import enroll_participant
from study_server.protocol.model import Protocol
from study_server.protocol.study_toml import create_protocol
from study_server.storage.engine import open_engine, read_session, write_transaction
from study_server.storage.models import Participant, Trial
from study_server.storage.schema import ensure_current_schema
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, RecruitmentSource
from tests.conftest import short_protocol, write_stimuli
from tests.faults.people import Browser, Ledger, Pace, compare, percentiles, start_participants
from tests.faults.servers import Server, started
from tests.faults.test_slow_clients import CLIENTS_OF_A_KIND, answer_beside
from tests.imported_studies import open_study

PACE = Pace(answer_s=4.7, reload=0.01, vanish=0.004, retry_s=0.5)
PROTOCOL = short_protocol(practice=10, trials=40, attention_checks=4)
# By preset: the value of the judgment of the chosen image, said to be fake or of rank 1.
CHOSEN_VALUES = {"zhang2016": 0, "pairwise": 1}
CONNECTIONS, SATURATION_S = 16, 15
SERVER_TITLES = (
    "granian-sqlite",
    "waitress-sqlite",
    "gunicorn-sqlite",
    "nginx-granian-sqlite",
    "granian-postgresql",
    "granian-2-postgresql",
    "waitress-postgresql",
    "gunicorn-2-postgresql",
    "nginx-granian-2-postgresql",
)
WIDTH = 44  # width of the first column
TABLE_HEAD = (
    f"{'server':{WIDTH}}{'people':>7}{'answers':>9}{'a second':>10}"
    f"{'p50':>7}{'p95':>7}{'p99':>7} ms"
    f"{'failed':>8}{'refused':>9}{'lost':>6}{'doubled':>9}"
    f"{'busy':>6}{'enroll p99':>11}{'memory':>10}{'CPU':>6}"
)


@click.command()
@click.option(
    "--people",
    multiple=True,
    type=int,
    default=(500,),
    show_default=True,
    help="Number of concurrent participants. Repeatable.",
)
@click.option(
    "--coming",
    "arrival_s",
    type=int,
    default=60,
    show_default=True,
    help="Seconds until all have arrived; not timed.",
)
@click.option(
    "--seconds", type=int, default=180, show_default=True, help="Seconds to measure after that."
)
@click.option(
    "--images", type=int, default=200, show_default=True, help="Number of photographs (256 px)."
)
@click.option(
    "--server",
    multiple=True,
    type=click.Choice(NAMES),
    default=SERVER_TITLES,
    show_default=True,
    help="Server and database to measure. Repeatable.",
)
@click.option(
    "--preset",
    type=click.Choice(list(CHOSEN_VALUES)),
    default="zhang2016",
    show_default=True,
    help="Protocol of the study: real or fake, or preferences.",
)
@click.option(
    "--slow/--no-slow", default=True, show_default=True, help="Also measure with slow clients."
)
@click.option(
    "--saturate/--no-saturate",
    default=True,
    show_default=True,
    help="Also measure the answers per second at saturation.",
)
def main(
    people: tuple[int, ...], arrival_s: int, seconds: int, images: int, server: tuple[str, ...],
    preset: str, slow: bool, saturate: bool,
) -> None:  # fmt: skip
    """Measure how many concurrent participants the server can handle, on loopback."""
    with tempfile.TemporaryDirectory(prefix="load-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL and nginx run as other users
        manifest = write_stimuli(folder / "files", images=images, size=256)
        print(TABLE_HEAD, flush=True)
        for kind in server:
            with open_database_for(kind, folder) as url:
                for count in people:
                    measure_people(folder, kind, url, manifest, preset, count, arrival_s, seconds)
        if slow:
            print_slow_clients(folder, manifest, server)
        if saturate:
            print_saturation(folder, manifest)


@contextmanager
def open_database_for(kind: str, folder: Path) -> Iterator[str]:
    """Create an empty database for a server in its own folder, and yield its URL."""
    place = folder / f"database-{kind}"
    place.mkdir()
    place.chmod(0o755)
    if kind.endswith("sqlite"):
        yield f"sqlite:///{place / 'study.sqlite'}"
        return
    with start_postgresql(place) as url:
        yield create_database(url, "load")


def measure_people(
    folder: Path, kind: str, url: str, manifest: Path, preset: str, people: int, coming: int,
    seconds: int,
) -> None:  # fmt: skip
    engine = open_engine(url)
    ensure_current_schema(engine)
    slug = f"load-{people}"
    open_study(engine, create_load_protocol(slug, preset), manifest, folder / "instance")
    setup, _, behind_nginx = find_setup(kind)
    server = setup.create(folder, url, behind_nginx=behind_nginx)
    with running(server, behind_nginx=behind_nginx) as address:
        ledger = asyncio.run(run_participants(address, slug, people, coming, seconds))
        memory_mb, cpu_s = measure_memory_and_cpu(server)
    comparison = compare(engine, ledger, slug, CHOSEN_VALUES[preset])
    busy = server.log.read_text().count("OperationalError")
    p50, p95, p99 = percentiles(ledger.answers_s, 50, 95, 99)
    (enrol,) = percentiles(ledger.enrolments_s, 99)
    rate, cpu = len(ledger.answers_s) / seconds, cpu_s / (coming + seconds)
    print(f"{title(kind):{WIDTH}}{people:7}{len(ledger.saved):9}{rate:10.1f}", end="")
    print(f"{p50:7.0f}{p95:7.0f}{p99:7.0f}   {ledger.failures:8}{len(ledger.refused):9}", end="")
    print(
        f"{comparison.lost + comparison.changed:6}{comparison.doubled:9}{busy:6}{enrol:8.0f} ms",
        end="",
    )
    print(f"{memory_mb:7.0f} MB{cpu:6.0%}", flush=True)
    engine.dispose()


def create_load_protocol(slug: str, preset: str) -> Protocol:
    """Return the preset's protocol without questions to people, who are programs here."""
    anyone = {"device": "any", "color_vision": "unasked", "night_light": "unasked"}
    return create_protocol(slug, preset).model_copy(update=anyone)


async def run_participants(
    address: str, slug: str, people: int, coming: int, seconds: int
) -> Ledger:
    """Run participants who arrive one after the other; only answers after that are timed."""
    stop = asyncio.Event()
    ledger, tasks = start_participants(address, slug, people, PACE, stop, within_s=coming)
    await asyncio.sleep(coming)
    ledger.answers_s.clear()
    await asyncio.sleep(seconds)
    stop.set()
    await asyncio.gather(*tasks)
    return ledger


def measure_memory_and_cpu(server: Server) -> tuple[float, float]:
    """Return the peak resident memory (MB) and CPU seconds of a server and its workers."""
    assert server.process is not None
    mine = str(server.process.pid)
    status: dict[Path, str] = {}
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            status[each] = (each / "status").read_text()
    family = [
        each for each, text in status.items() if each.name == mine or f"PPid:\t{mine}\n" in text
    ]
    peak_kb = sum(int(status[each].split("VmHWM:")[1].split()[0]) for each in family)
    ticks = sum(
        sum(map(int, (each / "stat").read_text().rpartition(")")[2].split()[11:13]))
        for each in family
    )
    return peak_kb / 1024, ticks / os.sysconf("SC_CLK_TCK")


def print_slow_clients(folder: Path, manifest: Path, servers: tuple[str, ...]) -> None:
    """Print percentiles of the answer times of 20 participants beside 32 slow clients."""
    print(f"\n{'answers with 32 slow clients: p50, p99 in ms':{WIDTH}}", end="")
    print("".join(f"{client.__name__:>20}" for client in CLIENTS_OF_A_KIND))
    for kind in servers:
        place = folder / f"slow-{kind}"
        place.mkdir()
        place.chmod(0o755)
        setup, database, behind_nginx = find_setup(kind)
        with open_database_for(database, place) as url:
            engine = open_engine(url)
            ensure_current_schema(engine)
            open_study(engine, PROTOCOL, manifest, place / "instance")
            engine.dispose()
            server = setup.create(place, url, behind_nginx=behind_nginx)
            with running(server, behind_nginx=behind_nginx) as address:
                port = int(address.rpartition(":")[2])
                ledgers = [asyncio.run(answer_beside(client, port)) for client in CLIENTS_OF_A_KIND]
        cells = [
            "".join(f"{ms:10.0f}" for ms in percentiles(ledger.answers_s, 50, 99))
            for ledger in ledgers
        ]
        print(f"{title(kind):{WIDTH}}{''.join(cells)}", flush=True)


def print_saturation(folder: Path, manifest: Path) -> None:
    """Print answers per second at saturation with 16 connections, ours and bare in turns."""
    folder = folder / "full"
    folder.mkdir()
    url = f"sqlite:///{folder / 'full.sqlite'}"
    engine = open_engine(url)
    ensure_current_schema(engine)
    open_study(engine, PROTOCOL, manifest, folder / "instance")
    ours, bare = Server(folder, url), BareServer(folder, url)
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    with started(ours), started(bare):
        for _ in range(2):
            rates["bare"].append(measure_saturation(bare, [f"/{n}" for n in range(20_000)]))
            rates["ours"].append(measure_saturation(ours, new_trials(engine, 150)))
    ratio = max(rates["ours"]) / max(rates["bare"])
    print(f"\nanswers per second at saturation, {CONNECTIONS} connections, better of two turns")
    print(f"ours{max(rates['ours']):21.0f}{ratio:8.2f} x (target: 0.7 x)")
    print(f"a bare insert{max(rates['bare']):12.0f}{1:8.2f} x")


def new_trials(engine: Engine, people: int) -> list[str]:
    """Enroll participants; return the addresses of all their trials, in order of presentation."""
    for _ in range(people):
        with write_transaction(engine) as db:
            enroll_participant(
                db, find_study(db, "short"), secrets.token_hex(8), Mode.LIVE, RecruitmentSource.LINK
            )
    query = select(Participant.token, Trial.token).join(Trial).order_by(Trial.place, Participant.id)
    newest = select(Participant.id).order_by(Participant.id.desc()).limit(people)
    with read_session(engine) as db:
        rows = db.execute(query.where(Participant.id.in_(newest)))
        return [f"/p/{person}/trials/{trial}" for person, trial in rows]


def measure_saturation(server: Server, trials: list[str]) -> float:
    """Return the answers per second."""

    async def send(ledger: Ledger) -> None:
        browser = Browser(server.address, ledger, 0.1)
        body = b'{"answer":{"choice":0},"rt_ms":800,"first_ms":1000.0,"second_ms":1000.0,"id":"%s"}'
        while trials and time.monotonic() < end:
            message = body.replace(b"%s", secrets.token_hex(8).encode())
            status, _, _ = await browser.persist("POST", f"{trials.pop(0)}/response", message)
            ledger.complete += status == 200
        browser.close()

    async def all_of_them() -> Ledger:
        ledger = Ledger()
        await asyncio.gather(*(send(ledger) for _ in range(CONNECTIONS)))
        return ledger

    began = time.monotonic()
    end = began + SATURATION_S
    ledger = asyncio.run(all_of_them())
    return ledger.complete / (time.monotonic() - began)


if __name__ == "__main__":
    main()
