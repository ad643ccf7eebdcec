"""Terminal output of the commands: progress bars and refusals on stderr, results on stdout."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from colorizer.photos.folders import count_other_files, describe_other_files
from colorizer.training.loop import EpochReport, StepReport

T = TypeVar("T")


def show_progress(items: Iterable[T], activity: str, total: int, quiet: bool) -> Iterator[T]:
    """Yield the items and show a progress bar, labeled with the activity."""
    with _progress_bar(quiet) as bar:
        task = bar.add_task(activity, total=total, note="")
        for item in items:
            yield item
            bar.advance(task)


def run_with_progress(training: Iterable[StepReport | EpochReport], quiet: bool) -> None:
    """Run a training to its end; show a bar with loss and speed, and print one line per epoch."""
    with _progress_bar(quiet) as bar:
        task = bar.add_task("training", total=1.0, note="")
        for report in training:
            if isinstance(report, StepReport):
                note = f"loss {report.losses[0]:.4g} · {report.images_per_s:.0f} img/s"
                bar.update(
                    task, completed=report.progress, note=note, description=f"epoch {report.epoch}"
                )
            elif not quiet:
                bar.console.print(_describe_epoch(report), soft_wrap=True, highlight=False)


def print_summary(result: Mapping[str, float], path: str, quiet: bool, as_json: bool) -> None:
    """Print the result of a command on one line."""
    if as_json:
        click.echo(json.dumps({**result, "file": path}))
    elif not quiet:
        numbers = ", ".join(f"{name} {value:.5g}" for name, value in result.items())
        click.echo(f"{path}: {numbers}")


def print_refused(refused: Mapping[str, str]) -> None:
    """Print one line for each refused input, even with --quiet."""
    for name, reason in refused.items():
        click.echo(
            f"refused {_on_one_line(name)}: {_on_one_line(' '.join(reason.split()))}", err=True
        )


def print_other_files(folder: Path, without: Path | None = None) -> None:
    """Print how many files of a folder are not read, by kind; nothing if there are none."""
    print_kinds(str(folder), count_other_files(folder, without))


def print_kinds(place: str, kinds: Counter[str]) -> None:
    """Print how many files at a path or URL are not read, by kind; nothing if there are none."""
    if kinds:
        click.echo(_on_one_line(f"{place}: skipped {describe_other_files(kinds)}"), err=True)


def print_near_duplicates(others: Mapping[str, str]) -> None:
    """Print one line for each skipped near-duplicate, with the photograph that is used instead."""
    for name, first in others.items():
        click.echo(
            f"skipped {_on_one_line(name)}: near-duplicate of {_on_one_line(first)}", err=True
        )


def _on_one_line(text: str) -> str:
    """Escape line breaks, control characters and undecodable bytes."""
    return text if text.isprintable() else ascii(text)


def _describe_epoch(epoch: EpochReport) -> str:
    numbers = ", ".join(f"{name} {value:.5g}" for name, value in epoch.row.items())
    return f"{numbers}{', best so far' if epoch.is_best else ''}"


def _progress_bar(quiet: bool) -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
    )
