"""Training on two nodes that share no disk.

Two `torchrun` agents on this machine, each in a folder of its own with its own copy of the shards,
train one model. Their losses are compared with those of one process that runs the two halves of
every batch one after the other, normalizes each by itself and averages the gradients. Then one
agent and its process are killed with SIGKILL, the other finishes alone, and both go on for another
epoch. Every start uses the same command line, except for the number of epochs.
"""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import click

from benchmarks.cluster import single_precision
from colorizer.networks.checkpoint import read_header
from colorizer.training.state import RESUME_FILE
from tests.colorizer.pictures import write_pictures
from tests.colorizer.training.test_distributed import TwoHalves
from tests.ports import free_port

PROJECT = Path(__file__).parents[2]
PHOTOGRAPHS = 48
EPOCHS = 2
MAX_DIFFERENCE = 1e-4
TRAIN = (
    *("train", "--resume", "--objective", "l2", "--backbone", "resnet50v2", "--weights", "random"),
    *("--crop", "32", "--batch-size", "8", "--shards", "shards", "--cache", "cache", "--quiet"),
    *("--device", "cpu", "--save-minutes", "0.05"),
)
RENDEZVOUS = ("--rdzv-backend", "c10d", "--rdzv-conf", "last_call_timeout=5")
RUN = Path("runs", "l2")
LOSSES = ("train_loss", "val_loss")


def prepare(place: Path) -> list[Path]:
    """Write a folder for each of three machines, with the split and the shards; return them."""
    write_pictures(place / "photos", PHOTOGRAPHS, side=64)
    with chdir(place):
        call("split", "photos", "--test", "4", "--val", "8", "--quiet")
        call("shard", "photos", "--out", "shards", "--megabytes", "1", "--quiet")
    shutil.rmtree(place / "photos")
    folders = [place / name for name in ("reference", "a", "b")]
    for folder in folders:
        shutil.copytree(place / "data", folder / "data")
        shutil.copytree(place / "shards", folder / "shards")
    return folders


def call(*arguments: str) -> None:
    try:
        single_precision.call(list(arguments))
    except SystemExit as exit_:
        if exit_.code:
            raise


def start_agents(nodes: Sequence[Path], epochs: int) -> list[subprocess.Popen[bytes]]:
    """Start one agent on each node; the first one hosts the rendezvous."""
    agent = (sys.executable, "-m", "torch.distributed.run", *RENDEZVOUS, "--max-restarts", "2")
    place = ("--rdzv-endpoint", f"127.0.0.1:{free_port()}", "--nnodes", f"1:{len(nodes)}")
    command = (
        *agent,
        *place,
        "-m",
        "benchmarks.cluster.single_precision",
        *TRAIN,
        "--epochs",
        str(epochs),
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT)}
    agents = []
    for node in nodes:
        with (node / "errors.txt").open("ab") as errors:
            agents.append(subprocess.Popen(command, cwd=node, stderr=errors, env=environment))
    return agents


def finish(agents: Sequence[subprocess.Popen[bytes]]) -> None:
    codes = [agent.wait(timeout=1800) for agent in agents]
    if any(codes):
        sys.exit(f"the agents ended with {codes}")


def read_log(folder: Path) -> list[dict[str, str]]:
    with (folder / RUN / "log.csv").open() as file:
        return list(csv.DictReader(file))


def largest_difference(one: Path, other: Path) -> float:
    """Return the largest relative difference between the losses of two runs."""
    pairs = zip(read_log(one), read_log(other), strict=True)
    values = [(float(a[name]), float(b[name])) for a, b in pairs for name in LOSSES]
    return max(abs(b / a - 1) for a, b in values)


def wait_for_second_epoch(node: Path, agent: subprocess.Popen[bytes]) -> int:
    """Wait until the node has saved a step of the second epoch; return the number of steps."""
    save, epochs, steps = node / RUN / RESUME_FILE, 0, 0
    while not (epochs and steps):
        if agent.poll() is not None:
            sys.exit(f"an agent ended early with {agent.returncode}")
        time.sleep(0.2)
        if save.exists():
            header = read_header(save)
            epochs, steps = header["epoch"], header["steps_done"]
    return steps


def kill_node(agent: subprocess.Popen[bytes]) -> None:
    """Kill an agent and its worker, which has a session of its own, with SIGKILL."""
    children = Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split()
    for pid in (agent.pid, *map(int, children)):
        os.kill(pid, signal.SIGKILL)
    agent.wait()


def measure(place: Path) -> None:
    reference, *nodes = prepare(place)
    one, other = nodes
    with chdir(reference), mock.patch("colorizer.training.distributed.wrap_ddp", TwoHalves):
        call(*TRAIN, "--epochs", str(EPOCHS))
    finish(start_agents(nodes, EPOCHS))
    steps = sum(int(row["steps"]) for row in read_log(one))
    print(f"\n{PHOTOGRAPHS} photographs, batches of 8, {steps} steps in float32\n")
    for label, node in (("two nodes and one process", one), ("one node and the other", other)):
        difference = largest_difference(reference if node is one else one, node)
        print(f"largest relative difference of losses, {label}: {difference:.1e}")
        if difference > MAX_DIFFERENCE:
            sys.exit(f"the losses differ by more than {MAX_DIFFERENCE}")

    for node in nodes:
        shutil.rmtree(node / "runs")
    agents = start_agents(nodes, EPOCHS)
    steps = wait_for_second_epoch(other, agents[1])
    kill_node(agents[1])
    print(f"node b killed after epoch 1 and {steps} steps, with what it had saved")
    finish(agents[:1])
    print(f"node a alone: {describe(one)}; the killed node: {describe(other)}")
    finish(start_agents(nodes, EPOCHS + 1))
    print(f"both started again: {describe(one)}; the killed node: {describe(other)}")


def describe(node: Path) -> str:
    header = read_header(node / RUN / RESUME_FILE)
    losses = ", ".join(f"{row['val_loss'][:7]}" for row in read_log(node))
    return f"{header['epoch']} epochs and {header['steps_done']} steps, validation losses {losses}"


@click.command()
def training() -> None:
    """Train on two nodes that share no disk, and kill one of them."""
    with TemporaryDirectory() as folder:
        measure(Path(folder))


if __name__ == "__main__":
    training()
