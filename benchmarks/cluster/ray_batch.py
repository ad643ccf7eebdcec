"""Stimuli on two nodes of a Ray cluster.

Two Ray nodes with one CPU each, on this machine, make the stimuli of the same photographs as
`colorizer batch` alone. All bytes are compared. Then they begin once more, and one node is killed
with SIGKILL at a third of the way. CPU seconds are counted from the first stimulus on, and for each
worker of Ray from the time when it has loaded the networks, so that starting is not counted.
Target: Ray's workers take at most 15% more than one process.
"""

import csv
import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import click
from ray.cluster_utils import Cluster

from benchmarks.batch import write_photographs
from colorizer.photos.folders import find_photographs

PROJECT = Path(__file__).parents[2]
MAX_EXTRA = 0.15
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
CPUS_PER_NODE = 1


class Process(NamedTuple):
    """A process, the title that it gives itself, and its CPU seconds so far."""

    pid: int
    title: str
    cpu_s: float


class Seconds(NamedTuple):
    """CPU seconds for each photograph, of the processes that make stimuli and of Ray's others."""

    workers: float
    others: float


class CpuWatch:
    """Samples the CPU seconds of the descendants of this process, twice a second."""

    def __init__(self, out: Path) -> None:
        self.out, self.photographs_before = out, 0
        self.start_s, self.latest_s = dict[int, float](), dict[int, float]()  # by process
        self.workers = set[int]()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._sample)
        self.thread.start()

    def stop(self) -> None:
        self.stopping.set()
        self.thread.join()

    def count_seconds(self) -> Seconds:
        """Return the CPU seconds for each photograph after the first stimulus."""
        photographs = count_stimuli(self.out) - self.photographs_before
        spent = {pid: s - self.start_s.get(pid, 0) for pid, s in self.latest_s.items()}
        workers = sum(spent[pid] for pid in self.workers)
        return Seconds(workers / photographs, (sum(spent.values()) - workers) / photographs)

    def _sample(self) -> None:
        while not self.stopping.wait(0.5):
            for process in find_descendants():
                self.latest_s[process.pid] = process.cpu_s
                if not self.photographs_before or "__init__" in process.title:
                    self.start_s[process.pid] = process.cpu_s
                if "PartWorker" in process.title or "colorizer batch" in process.title:
                    self.workers.add(process.pid)
            self.photographs_before = self.photographs_before or count_stimuli(self.out)


def find_descendants() -> list[Process]:
    """Return all descendants of this process."""
    found, parents = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            title = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue  # it has ended
        pid = int(folder.name)
        parents[pid] = int(fields[1])
        found[pid] = Process(pid, title, (int(fields[11]) + int(fields[12])) / TICKS_PER_S)
    own = {os.getpid()}
    for pid in sorted(parents):  # parents have smaller numbers, unless they wrap around
        if parents[pid] in own:
            own.add(pid)
    return [found[pid] for pid in own - {os.getpid()}]


def count_stimuli(out: Path) -> int:
    return sum(1 for _ in out.glob("real/[0-9]*.png"))


@click.command(name="ray", help=__doc__)
@click.option("--count", default=1000, show_default=True, help="Photographs.")
@click.option("--photos", type=click.Path(path_type=Path), help="Instead of drawn ones.")
@click.option("--kill/--no-kill", default=True, show_default=True, help="Also kill a node.")
def ray_batch(count: int, photos: Path | None, kill: bool) -> None:
    with TemporaryDirectory(prefix="ray-batch-") as name:
        place = Path(name)
        if photos is None:
            write_photographs(place / "photos", count)
        else:
            link_photographs(find_photographs(photos)[:count], place / "photos")
        measure(place, kill)


def link_photographs(files: Sequence[Path], folder: Path) -> None:
    folder.mkdir()
    for number, file in enumerate(files):
        (folder / f"{number:05}{file.suffix}").symlink_to(file.resolve())


def measure(place: Path, kill: bool) -> None:
    count = len(list((place / "photos").iterdir()))
    alone = run(place, "alone")
    with TemporaryDirectory(prefix="ray-") as sessions:
        cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": CPUS_PER_NODE, "temp_dir": sessions},
        )
        other = cluster.add_node(num_cpus=CPUS_PER_NODE)
        try:
            shared = run(place, "shared", cluster.address)
            print(f"\n{count} photographs: real, l2, mcl and foil at 256 px")
            print(f"one process:   {alone.workers:.3f} CPU s a photograph")
            extra = shared.workers / alone.workers - 1
            print(
                f"Ray's workers: {shared.workers:.3f} CPU s a photograph, {extra:+.1%} "
                f"(target: at most +{MAX_EXTRA:.0%}); Ray's other processes: {shared.others:.3f}"
            )
            print(compare(place / "alone", place / "shared"), flush=True)
            if kill:
                run(
                    place,
                    "killed",
                    cluster.address,
                    killer(cluster, other, place / "killed", count),
                )
                print(f"after that: {compare(place / 'alone', place / 'killed')}", flush=True)
        finally:
            cluster.shutdown()


def run(
    place: Path,
    name: str,
    address: str | None = None,
    in_the_middle: Callable[[], None] | None = None,
) -> Seconds:
    """Make the stimuli; return the CPU seconds, without those of starting."""
    arguments = ["batch", "--photos", "photos", "--out", name, "--device", "cpu", "--quiet"]
    if address is not None:
        arguments += ["--engine", "ray", "--address", address]
    command = [sys.executable, "-m", "colorizer", *arguments]
    watch = CpuWatch(place / name)
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(command, cwd=place, env=environment) as process:
        if in_the_middle is not None:
            in_the_middle()
        code = process.wait()
    watch.stop()
    if code not in (0, 1):  # 1: some photographs were refused
        sys.exit(f"colorizer batch ended with {code}")
    return watch.count_seconds()


def killer(cluster: Cluster, node: Any, out: Path, count: int) -> Callable[[], None]:
    """Return a function that waits for a third of the stimuli and then kills a node."""

    def kill() -> None:
        while (made := count_stimuli(out)) < count / 3:
            time.sleep(0.2)
        cluster.remove_node(node, allow_graceful=False)
        print(f"a node killed after {made} photographs", flush=True)

    return kill


def compare(alone: Path, shared: Path) -> str:
    """Say that both folders have the same stimuli; exits if one differs, is missing or doubled."""
    rows = read_manifest(alone)
    if read_manifest(shared) != rows:
        sys.exit(f"{shared}: the manifests differ")
    if len({(row["image"], row["method"]) for row in rows}) != len(rows):
        sys.exit(f"{shared}: a stimulus is listed twice")
    for row in rows:
        content = (shared / row["file"]).read_bytes()
        if hashlib.sha256(content).hexdigest() != row["sha256"]:
            sys.exit(f"{shared / row['file']}: not the file of the manifest")
    if len(list(shared.rglob("*.png"))) != len(rows):
        sys.exit(f"{shared}: there are files that the manifest does not list")
    return f"{len(rows)} of {len(rows)} stimuli and the manifest are equal"


def read_manifest(out: Path) -> list[dict[str, str]]:
    with (out / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))
