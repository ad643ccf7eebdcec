"""`make bench`: every measurement in a process of its own, and docs/benchmarks.md of them all."""

import os
import platform
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import torch

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
MEASUREMENTS = (
    "coverage",
    "false_differences",
    "peeking",
    "bootstrap",
    "report",
    "soft_encoding",
    "classification_loss",
    "annealed_mean",
    "network",
    "batch",
    "player_timing",
    "blindness",
)
INTRODUCTION = """# Measured side by side

Written by `make bench`, on {machine}. Peers run in the same process, in turns; quote
the ratios, for the milliseconds are this machine's.
"""


def main() -> None:
    sections = [measure(name) for name in MEASUREMENTS]
    PAGE.write_text("\n".join([INTRODUCTION.format(machine=machine()), *sections]), "utf-8")
    print(f"\n{PAGE}")


def measure(name: str) -> str:
    """A section of the page; raises CalledProcessError where a measurement fails."""
    about = str(import_module(f"benchmarks.{name}").__doc__)
    print(f"\n{about}", flush=True)
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    printed = done.stdout.strip("\n")
    print(printed, flush=True)
    title, _, text = about.strip().partition("\n")
    return "\n\n".join([f"## {title.rstrip('.')}", text.strip(), f"```\n{printed}\n```\n"])


def machine() -> str:
    """What it ran on."""
    names = Path("/proc/cpuinfo")
    lines = names.read_text().splitlines() if names.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    model = models[0] if models else platform.processor() or platform.machine()
    return f"{os.cpu_count()} cores of {model}, torch {torch.__version__}"


if __name__ == "__main__":
    main()
