"""Run every benchmark in its own process and write docs/benchmarks.md (`make bench`).

`python -m benchmarks NAME...` runs only the named benchmarks.
"""

import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import torch

BENCHMARKS_PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
BENCHMARK_NAMES = (
    "coverage",
    "false_differences",
    "unequal_methods",
    "dropout",
    "strengths",
    "ratings",
    "peeking",
    "hype_time",
    "stopping",
    "planning",
    "bootstrap",
    "report",
    "large_report",
    "soft_encoding",
    "classification_loss",
    "annealed_mean",
    "network",
    "batch",
    "cluster.training",
    "player_timing",
    "blindness",
    "quick",
)
INTRODUCTION = """# Benchmarks

Written by `make bench`, or per section by `python -m benchmarks NAME...`. Alternatives take turns
in the same process, so that other load on the machine affects all of them equally. Quote the
ratios; the milliseconds depend on the machine. Run timings on an otherwise idle machine.
"""


def main(names: Sequence[str]) -> None:
    """Run the named benchmarks, or all, and replace their sections of the page."""
    unknown = sorted({*names} - {*BENCHMARK_NAMES})
    if unknown:
        sys.exit(f"unknown benchmark {unknown[0]}; choose from {', '.join(BENCHMARK_NAMES)}")
    sections = read_sections(BENCHMARKS_PAGE.read_text("utf-8"))
    for name in names or BENCHMARK_NAMES:
        sections[read_docstring(name)[0]] = run_benchmark(name)
        write_page(sections)  # after each one, because a later one may fail
    print(f"\n{BENCHMARKS_PAGE}")


def read_sections(page: str) -> dict[str, str]:
    """Return the sections of the page by title."""
    _, *sections = page.split("\n## ")
    return {text.partition("\n")[0]: f"## {text.rstrip()}\n" for text in sections}


def write_page(sections: Mapping[str, str]) -> None:
    titles = [read_docstring(name)[0] for name in BENCHMARK_NAMES]
    known = [sections[title] for title in titles if title in sections]
    BENCHMARKS_PAGE.write_text("\n".join([INTRODUCTION, *known]), "utf-8")


def read_docstring(name: str) -> tuple[str, str]:
    """Return the title and the text of a benchmark's module docstring."""
    title, _, text = str(import_module(f"benchmarks.{name}").__doc__).strip().partition("\n")
    return title.rstrip("."), text.strip()


def run_benchmark(name: str) -> str:
    """Run a benchmark and return its section. Raises CalledProcessError if it fails."""
    title, text = read_docstring(name)
    print(f"\n{title}\n{text}", flush=True)
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    printed = done.stdout.strip("\n")
    print(printed, flush=True)
    where = f"`python -m benchmarks.{name}`, {datetime.now(UTC).date()}, {describe_machine()}"
    return "\n\n".join([f"## {title}", text, f"{where}:", f"```\n{printed}\n```\n"])


def describe_machine() -> str:
    """Return the processor, its vector instructions, and the PyTorch version."""
    names = Path("/proc/cpuinfo")
    lines = names.read_text().splitlines() if names.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    model = models[0] if models else platform.processor() or platform.machine()
    vectors = torch.backends.cpu.get_cpu_capability()
    return f"{os.cpu_count()} cores of {model} ({vectors}), torch {torch.__version__}"


if __name__ == "__main__":
    main(sys.argv[1:])
