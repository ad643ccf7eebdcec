"""Servers: people at once on two servers with folders of their own, one of which is killed.

Two `study serve`, each with an instance folder of its own, share one PostgreSQL and mirror the
stimuli of a bucket (moto); nginx with docs/nginx.conf is in front of both and sends the images.
People take part at the pace of benchmarks/load.py. In the middle, one server is killed like a power
cut, and started again 15 s later. Targets: 99% of the answers within 500 ms, none lost or doubled.
Then everything that a client receives through nginx for both images of each pair, without the
pixels, is given to the classifier of benchmarks/blindness.py. Target: p > 0.01.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import click
from sqlalchemy import Engine, select

from benchmarks.faults import start_postgresql
from benchmarks.load import PACE, create_load_protocol, measure_memory_and_cpu
from study_server.object_storage.bucket import Bucket
from study_server.object_storage.mirror import publish_to
from study_server.storage.engine import open_engine, read_session
from study_server.storage.models import Trial
from study_server.storage.schema import ensure_current_schema
from tests.blindness import Guesses, Pair, Reply, guess
from tests.buckets import BUCKET, run_storage, storage_variables
from tests.conftest import write_stimuli
from tests.faults.people import (
    Browser,
    Difference,
    Ledger,
    answer,
    compare,
    enter,
    percentiles,
    start_participants,
)
from tests.faults.servers import Server
from tests.imported_studies import open_study
from tests.nginx import nginx, site_configuration, wait_for
from tests.ports import free_port
from tests.study_server.acting import fake_slot

SLUG, PRESET = "load", "zhang2016"
DEAD_S = 15
P99_BAR_MS = 500
READERS = 10  # people whose replies the classifier gets
SETTINGS = {
    "STUDY_MAX_UNANSWERED": "0",  # all of these people have one address
    "STUDY_X_ACCEL": "/stimuli",
    "STUDY_TRUSTED_PROXIES": "1",
}


@dataclass(frozen=True)
class Cluster:
    """Two servers, their database, and the address of nginx in front of them."""

    servers: list[Server]
    engine: Engine
    address: str


@click.command(help=__doc__)
@click.option("--people", default=1000, show_default=True, help="Concurrent participants.")
@click.option("--coming", default=120, show_default=True, help="Seconds until all have arrived.")
@click.option("--seconds", default=120, show_default=True, help="Seconds to measure after that.")
@click.option("--images", default=200, show_default=True, help="Photographs (256 px).")
@click.option("--kill/--no-kill", default=True, show_default=True, help="Kill one server.")
@click.option("--blind/--no-blind", default=True, show_default=True, help="Also try to find fakes.")
def servers(people: int, coming: int, seconds: int, images: int, kill: bool, blind: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="servers-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL and nginx run as other users
        cluster = stack.enter_context(start_cluster(folder, images))
        ledger = asyncio.run(take_part(cluster, people, coming, seconds, kill))
        print_result(cluster, people, seconds, ledger, compare(cluster.engine, ledger, SLUG, 0))
        if blind:
            print_guesses(guess_fakes(cluster))


@contextmanager
def start_cluster(folder: Path, images: int) -> Iterator[Cluster]:
    """Import a study into a bucket, and run both servers and nginx."""
    with ExitStack() as stack:
        url = stack.enter_context(start_postgresql(folder))
        os.environ.update(storage_variables(stack.enter_context(run_storage())))
        engine = open_engine(url)
        stack.callback(engine.dispose)
        ensure_current_schema(engine)
        import_into_bucket(engine, folder, images)
        pair = [create_server(folder / name, url) for name in ("one", "two")]
        for server in pair:
            server.start()
            stack.callback(server.kill)
        for server in pair:
            server.wait()
            print(f"{server.folder.name}: {count_files(server)} stimuli mirrored, and well")
        port = free_port()
        site = site_configuration(pair[0].folder, port, pair[0].port).replace(
            f"server 127.0.0.1:{pair[0].port};",
            "".join(f"server 127.0.0.1:{server.port};" for server in pair),
        )
        stack.enter_context(nginx(folder, site))
        wait_for(port)
        yield Cluster(pair, engine, f"http://127.0.0.1:{port}")


def import_into_bucket(engine: Engine, folder: Path, images: int) -> None:
    """Import and open the study on a third machine, which puts its stimuli into the bucket."""
    manifest = write_stimuli(folder / "files", images=images, size=256)
    open_study(engine, create_load_protocol(SLUG, PRESET), manifest, folder / "import")
    (stimuli,) = (folder / "import" / "stimuli").iterdir()
    with publish_to(Bucket(f"s3://{BUCKET}/load"))(stimuli, stimuli.name):
        pass


def create_server(folder: Path, url: str) -> Server:
    folder.mkdir()
    folder.chmod(0o755)
    return Server(folder, url, settings=SETTINGS | {"STUDY_STIMULI_URL": f"s3://{BUCKET}/load"})


def count_files(server: Server) -> int:
    return sum(path.is_file() for path in (server.folder / "instance" / "stimuli").rglob("*"))


async def take_part(cluster: Cluster, people: int, coming: int, seconds: int, kill: bool) -> Ledger:
    """Let people arrive, then measure; in the middle, kill the second server for a while."""
    stop = asyncio.Event()
    ledger, tasks = start_participants(cluster.address, SLUG, people, PACE, stop, within_s=coming)
    await asyncio.sleep(coming)
    ledger.answers_s.clear()
    await asyncio.sleep(seconds / 2)
    if kill:
        await asyncio.to_thread(cluster.servers[1].kill)
        await asyncio.sleep(DEAD_S)
        cluster.servers[1].start()
    await asyncio.sleep(seconds / 2 - (DEAD_S if kill else 0))
    stop.set()
    await asyncio.gather(*tasks)
    return ledger


def print_result(
    cluster: Cluster, people: int, seconds: int, ledger: Ledger, difference: Difference
) -> None:
    p50, p95, p99 = percentiles(ledger.answers_s, 50, 95, 99)
    (enroll,) = percentiles(ledger.enrolments_s, 50)
    lost = difference.lost + difference.changed
    print(
        f"\n{'people':>8}{'answers':>9}{'a second':>10}{'p50':>7}{'p95':>7}{'p99 ms':>8}"
        f"{'sent again':>12}{'refused':>9}{'lost':>6}{'doubled':>9}{'enroll p50':>12}"
    )
    print(
        f"{people:8}{len(ledger.saved):9}{len(ledger.answers_s) / seconds:10.1f}"
        f"{p50:7.0f}{p95:7.0f}{p99:8.0f}{ledger.failures:12}{len(ledger.refused):9}"
        f"{lost:6}{difference.doubled:9}{enroll:9.0f} ms"
    )
    print(f"bars: p99 below {P99_BAR_MS} ms, 0 lost, 0 doubled")
    for server in cluster.servers:
        memory_mb, cpu_s = measure_memory_and_cpu(server)
        print(f"{server.folder.name}: {memory_mb:.0f} MB, {cpu_s:.0f} s of CPU since its start")
    print(f"load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)


def guess_fakes(cluster: Cluster) -> Guesses:
    """Return what a classifier finds in the replies through nginx, without the pixels."""
    pairs = asyncio.run(collect_pairs(cluster.address))
    with read_session(cluster.engine) as db:
        tokens = [str(pair.trial["token"]) for pair in pairs]
        trials = db.scalars(select(Trial).where(Trial.token.in_(tokens)))
        slots = {trial.token: fake_slot(trial) for trial in trials}
    return guess(pairs, [slots[token] == 0 for token in tokens])


async def collect_pairs(address: str) -> list[Pair]:
    """Let people take part one after the other, and return the replies for all of their pairs."""
    pairs: list[Pair] = []
    for seed in range(READERS):
        browser, rng = Browser(address, Ledger(), 0.1), Random(seed)
        base = await enter(browser, SLUG)
        batch = await browser.post(f"{base}/resume", {})
        while batch["trials"]:
            trial = batch["trials"][0]
            replies = [await read_image(browser, trial, slot) for slot in (0, 1)]
            pairs.append(Pair(trial, *replies))
            mine = f"{base}/trials/{trial['token']}"
            await browser.post(f"{mine}/start", {})
            batch = await answer(browser, mine, rng)
        browser.close()
    return pairs


async def read_image(browser: Browser, trial: dict[str, list[dict[str, str]]], slot: int) -> Reply:
    url, began = trial["slots"][slot]["image"], time.perf_counter()
    status, headers, body = await browser.persist("GET", url)
    ms = 1000 * (time.perf_counter() - began)
    return Reply(url, status, list(headers.items()), body, slot, ms)


def print_guesses(guesses: Guesses) -> None:
    print(
        f"through nginx: {guesses.right} of {guesses.of} fakes found from {guesses.features} "
        f"features without pixels, p = {guesses.p:.2g} (target: > 0.01)"
    )
