"""The report on ten million answers in Parquet, counted by DuckDB or read into memory.

Participants answer 40 trials each on 1,600 photographs and three methods. One in a hundred leaves
halfway, and as many answer too fast, always choose one side, alternate, or are disturbed. Targets
on a quiet machine with two cores: 1e7 answers in 15 s and 2 GB, 1e8 in 90 s and 4.5 GB. For a
million answers, the report is also made in memory. Pass other sizes as arguments, such as 1e8.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow.parquet import ParquetWriter

from analysis.large.engine import DUCKDB, MEMORY
from study_server.tasks.catalog import DEFAULT_TASK

TRIALS, IMAGES, PEOPLE_PER_GROUP, CHOICES = 40, 1600, 5000, 4
METHODS, LOGITS = ("l2", "mcl", "zhang2016"), np.array([-1.5, -1.0, -0.9])
SIDES = ("left", "right")
LEAVES, FAST, ONE_SIDE, IN_TURN, DISTURBED = range(5)  # the habit of person number % 100
EPOCH_US, TRIAL_US, ANSWER_US = 1_767_607_200_000_000, 5_000_000, 4_000_000
MAX_IN_MEMORY = 1_000_000
TARGETS = {10_000_000: "15 s, 2 GB", 100_000_000: "90 s, 4.5 GB"}
REPORT = Path(__file__).parents[1] / "analysis" / "report.py"


def write_answers(file: Path, answers: int) -> None:
    """Write the answers of as many participants as it takes, one row group after the other."""
    writer = None
    for table in _iterate_groups(answers):
        writer = writer or ParquetWriter(file, table.schema, compression="zstd")
        writer.write_table(table, row_group_size=len(table))
    if writer:
        writer.close()


def _iterate_groups(answers: int) -> Iterator[pa.Table]:
    rng = np.random.default_rng(0)
    image_effects = rng.normal(0, 0.8, IMAGES)
    first = 0
    while answers > 0:
        table = _make_group(rng, first, image_effects)[:answers]
        yield table
        first, answers = first + PEOPLE_PER_GROUP, answers - len(table)


def _make_group(
    rng: np.random.Generator, first: int, image_effects: NDArray[np.float64]
) -> pa.Table:
    """Return the answers of a group of participants. first: the number of its first one."""
    shape = PEOPLE_PER_GROUP, TRIALS
    person, place = (codes.reshape(shape) for codes in np.indices(shape))
    habit = (first + person) % 100
    quarters = np.argsort(rng.random((PEOPLE_PER_GROUP, IMAGES // CHOICES)), axis=1)[:, :TRIALS]
    image = quarters * CHOICES + rng.integers(0, CHOICES, shape)  # nobody sees an image twice
    method = (place + person + first) % len(METHODS)
    ability = rng.normal(0, 0.5, PEOPLE_PER_GROUP)[:, None]
    truth = rng.integers(0, 2, shape)
    logit = LOGITS[method] + ability + image_effects[image]
    is_fooled = rng.random(shape) < 1 / (1 + np.exp(-logit))
    answer = np.select([habit == ONE_SIDE, habit == IN_TURN], [0, place % 2], truth ^ is_fooled)
    rt_ms = np.round(rng.lognormal(7.2, 0.4, shape) / np.where(habit == FAST, 12, 1))
    began = EPOCH_US + (first + person) * 1000 + place * TRIAL_US
    names = [rng.bytes(11).hex() for _ in range(PEOPLE_PER_GROUP)]
    rows = np.flatnonzero((habit != LEAVES) | (place < TRIALS // 2))

    def take(values: NDArray[Any]) -> NDArray[Any]:
        return values.ravel()[rows]

    def words(codes: NDArray[Any], vocabulary: tuple[str, ...] | list[str]) -> pa.Array:
        return pa.array(vocabulary).take(pa.array(take(codes)))

    def same(value: object, kind: pa.DataType | None = None) -> pa.Array:
        return pa.repeat(pa.scalar(value, kind), len(rows))

    images = [f"photos/{code:05}" for code in range(IMAGES)]
    moment = pa.timestamp("us", "UTC")
    return pa.table(
        {
            "study": same("large"),
            "participant": words(person, names),
            "person": same(None, pa.string()),
            "outcome": words((habit == LEAVES).astype(np.int64), ("complete", "abandoned")),
            "mode": same("live"),
            "kind": same("test"),
            "block": same(0),
            "position": take(place),
            "task": same(DEFAULT_TASK),
            "candidates": same(2),
            "presentation": same("sequential"),
            "question": same("fake"),
            "image": words(image, images),
            "method": words(method, METHODS),
            "real_image": words(image, images),
            "repeat_of": same(None, pa.int64()),
            "truth": words(truth, SIDES),
            "answer": words(answer, SIDES),
            "rt_ms": take(rt_ms),
            "exposure_ms": same(1000.0),
            "first_ms": same(1000.1),
            "second_ms": same(999.0),
            "flags": words((habit == DISTURBED).astype(np.int64), ("", "hidden")),
            "started_at": pa.array(take(began), moment),
            "received_at": pa.array(take(began) + ANSWER_US, moment),
            "design_sha256": same("ab" * 32),
        }
    )


def measure(file: Path, engine: str) -> tuple[float, float, float]:
    """Return seconds, CPU seconds and the peak memory in GB of the whole command."""
    began = time.perf_counter()
    command = [sys.executable, str(REPORT), str(file), "--out", str(file.with_name("report"))]
    process = subprocess.Popen([*command, "--engine", engine], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    cpu = usage.ru_utime + usage.ru_stime
    return time.perf_counter() - began, cpu, usage.ru_maxrss * 1024 / 1e9


def main() -> None:
    sizes = [int(float(text)) for text in sys.argv[1:]] or [MAX_IN_MEMORY, min(TARGETS)]
    for answers in sizes:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "responses.parquet"
            write_answers(file, answers)
            print(f"\n{answers:,} answers, {file.stat().st_size / 1e6:.0f} MB of Parquet")
            for engine in (DUCKDB, MEMORY) if answers <= MAX_IN_MEMORY else (DUCKDB,):
                seconds, cpu, gigabytes = measure(file, engine)
                target = TARGETS.get(answers)
                print(
                    f"{engine:<8}{seconds:7.1f} s, CPU time {cpu:6.1f} s, {gigabytes:.2f} GB"
                    + (f" (target: {target})" if target else ""),
                    flush=True,
                )
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"\nwriting the answers took up to {own:.2f} GB")


if __name__ == "__main__":
    main()
