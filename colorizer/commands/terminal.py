"""What the commands say: bars and refusals on stderr, results on stdout."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from colorizer.training.loop import EpochReport, StepReport

T = TypeVar("T")


def show_progress(items: Iterable[T], doing: str, total: int, quiet: bool) -> Iterator[T]:
    """The items, with a bar beside them."""
    with _progress_bar(quiet) as bar:
        task = bar.add_task(doing, total=total, note="")
        for item in items:
            yield item
            bar.advance(task)


def run_with_progress(training: Iterable[StepReport | EpochReport], quiet: bool) -> None:
    """Run a training to its end: a bar with loss and speed, a line an epoch."""
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
    """A command's result, on one line."""
    if as_json:
        click.echo(json.dumps({**result, "file": path}))
    elif not quiet:
        numbers = ", ".join(f"{name} {value:.5g}" for name, value in result.items())
        click.echo(f"{path}: {numbers}")


def print_refused(refused: Mapping[str, str]) -> None:
    """A line for each input that was left out, also where all else is quiet."""
    for name, reason in refused.items():
        click.echo(
            f"refused {_on_one_line(name)}: {_on_one_line(' '.join(reason.split()))}", err=True
        )


def print_near_duplicates(others: Mapping[str, str]) -> None:
    """A line for each near-duplicate that was left out, with the photograph that stays."""
    for name, first in others.items():
        click.echo(
            f"left out {_on_one_line(name)}: a near-duplicate of {_on_one_line(first)}", err=True
        )


def _on_one_line(text: str) -> str:
    """Line breaks, control characters and bytes that are no text written as escapes."""
    return text if text.isprintable() else ascii(text)


def _describe_epoch(epoch: EpochReport) -> str:
    numbers = ", ".join(f"{name} {value:.5g}" for name, value in epoch.row.items())
    return f"{numbers}{', the best so far' if epoch.is_best else ''}"


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
