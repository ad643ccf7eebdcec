"""The report on a million trials: 25,000 participants, 1,600 photographs, three methods.

Targets: all statistics in under 2 s after reading the CSV; the whole command, with figures and
page, in under 8 s and 1.2 GB. Above 20,000 trials, the mixed model is not fitted.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from analysis.findings.report_data import ReportOptions, assemble_findings
from analysis.inputs.published import read_published_rates
from analysis.inputs.responses import RESPONSE_COLUMNS
from analysis.inputs.sources import read_responses
from study_server.tasks.catalog import DEFAULT_TASK

PEOPLE, TRIALS, IMAGES = 25_126, 40, 1600
ROWS = 1_000_000  # fewer than PEOPLE * TRIALS, because some abandon the study
METHODS, LOGITS = ("l2", "mcl", "zhang2016"), (-1.5, -1.0, -0.9)
SIDES = ("left", "right")
HABIT_BY_REMAINDER = dict(enumerate(("gives up", "too fast", "one side", "in turn", "disturbed")))
REPORT = Path(__file__).parents[1] / "analysis" / "report.py"
NUMBERS_LABEL, COMMAND_LABEL = "all statistics", "the whole command"
MAX_SECONDS = {NUMBERS_LABEL: 2.0, COMMAND_LABEL: 8.0}
MAX_GB = 1.2

Value = TypeVar("Value")


def write_responses(path: Path, people: int = PEOPLE) -> None:
    """Write the responses of participants to 40 photographs each, with alternating methods.

    One participant in a hundred each abandons half way, answers too fast, always chooses one side,
    alternates sides, or is disturbed all the time, so that every rule excludes somebody.
    """
    rng = np.random.default_rng(0)
    participant_effects, image_effects = rng.normal(0, 0.5, people), rng.normal(0, 0.8, IMAGES)
    names = [rng.bytes(11).hex() for _ in range(people)]
    with path.open("w") as file:
        file.write(",".join(RESPONSE_COLUMNS) + "\n")
        for person in range(people):
            habit = HABIT_BY_REMAINDER.get(person % 100, "")
            trials = TRIALS // 2 if habit == "gives up" else TRIALS
            image = rng.choice(IMAGES, trials, replace=False)
            method = (np.arange(trials) + person) % len(METHODS)
            logit = np.array(LOGITS)[method] + participant_effects[person] + image_effects[image]
            truth = rng.integers(0, 2, trials)
            answer = truth ^ (rng.random(trials) < 1 / (1 + np.exp(-logit)))
            answer = {"one side": truth * 0, "in turn": np.arange(trials) % 2}.get(habit, answer)
            rt_ms = rng.lognormal(7.2, 0.4, trials) / (12 if habit == "too fast" else 1)
            outcome = "abandoned" if habit == "gives up" else "complete"
            flags = "hidden" if habit == "disturbed" else ""
            file.writelines(
                f"large,{names[person]},,{outcome},live,test,0,{at},{DEFAULT_TASK},2,sequential,fake,photos/{i:05},"
                f"{METHODS[m]},photos/{i:05},,{SIDES[t]},{SIDES[a]},{rt:.1f},1000,1000.1,999,"
                f"{flags},2026-01-05T10:{at:02}:00.{person:06}+00:00,"
                f"2026-01-05T10:{at:02}:05.{person:06}+00:00,{'ab' * 32}\n"
                for at, (i, m, t, a, rt) in enumerate(
                    zip(image, method, truth, answer, rt_ms, strict=True)
                )
            )


def measure(path: Path) -> dict[str, tuple[float, float]]:
    """Return wall-clock seconds and CPU seconds of each part."""
    responses, reading = time_call(lambda: read_responses(str(path)), resource.RUSAGE_SELF)
    assert len(responses) == ROWS
    _, finding = time_call(
        lambda: assemble_findings(responses, read_published_rates(), ReportOptions()),
        resource.RUSAGE_SELF,
    )
    command = [sys.executable, str(REPORT), str(path), "--out", str(path.parent / "report")]
    _, whole = time_call(
        lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL),
        resource.RUSAGE_CHILDREN,
    )
    return {"reading the CSV": reading, NUMBERS_LABEL: finding, COMMAND_LABEL: whole}


def time_call(act: Callable[[], Value], who: int) -> tuple[Value, tuple[float, float]]:
    """Return the function's value, and its wall-clock and CPU seconds. who: as in getrusage."""
    began, used = time.perf_counter(), cpu_seconds(who)
    value = act()
    return value, (time.perf_counter() - began, cpu_seconds(who) - used)


def cpu_seconds(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "responses.csv"
        write_responses(path)
        size = path.stat().st_size / 1e6
        print(f"\n{ROWS:,} trials, {size:.0f} MB of CSV, {os.cpu_count()} cores\n")
        seconds = measure(path)
    for part, (taken, processors) in seconds.items():
        bar = f" (target: {MAX_SECONDS[part]:.0f} s)" if part in MAX_SECONDS else ""
        print(f"{part:<26}{taken:6.2f} s, CPU time {processors:.2f} s{bar}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9
    print(f"{'peak memory':<26}{peak:6.2f} GB (target: {MAX_GB} GB)")


if __name__ == "__main__":
    main()
