"""What `colorizer evaluate` writes: a table with published values, metrics.json and CSVs."""

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorizer.evaluation.scores import Estimate, Estimates, Scores
from colorizer.files import atomic_write

COLUMNS = ("method", "metric", "mean", "ci95_low", "ci95_high", "images", "published")
FIRST, OTHERS = 22, 16  # letters: width of the table's columns
DECIMALS = {"psnr": 2, "ssim": 3, "ciede2000": 2}  # in the table; one of all others
NOTES = """
{images} photographs. Below each mean its 95 % interval, bootstrapped over the photographs.
AuC and class accuracy in percent; published AuC are on other photographs (Zhang, Isola & Efros
2016, table 1); read from: {checked}.
PSNR and SSIM prefer gray to a guess; a gap is to the photographs, below 0 is too drab.
LPIPS, FID and KID are left out: they need weights of networks that are not at hand.
"""


@dataclass(frozen=True)
class Published:
    """AuC on ImageNet's validation photographs (Zhang, Isola & Efros 2016, table 1)."""

    like: str  # our method that is its nearest relative
    checked: str  # where it was read: `copy`, a second-hand copy; `memory`: check before printing
    auc: dict[str, float]  # in [0, 1]


PUBLISHED = (
    Published("gray", "memory", {"auc_raw": 0.891, "auc_rebalanced": 0.580}),
    Published("l2", "memory", {"auc_raw": 0.912, "auc_rebalanced": 0.644}),
    Published("mcl-annealed", "copy", {"auc_raw": 0.895, "auc_rebalanced": 0.673}),
)


def write_scores(folder: Path, estimates: Estimates, scores: Mapping[str, Scores]) -> None:
    """metrics.csv, metrics.txt, metrics.json and, of each photograph, images.csv, each whole."""
    images = len(scores)
    _write_table(folder / "metrics.csv", COLUMNS, _rows(estimates, images))
    metrics = list(next(iter(estimates.values())))
    _write_table(folder / "images.csv", ("image", "method", *metrics), _image_rows(scores))
    with atomic_write(folder / "metrics.txt") as temporary:
        temporary.write_text(render_table(estimates, images), encoding="utf-8")
    with atomic_write(folder / "metrics.json") as temporary:
        temporary.write_text(json.dumps(_plain(estimates, images), indent=1, allow_nan=False))


def render_table(estimates: Estimates, images: int) -> str:
    """A column a method, a line a metric; below it its intervals and what was published."""
    methods, metrics = list(estimates), list(next(iter(estimates.values())))
    lines = [_line("", methods)]
    for metric in metrics:
        found = [estimates[method][metric] for method in methods]
        printed = [_published(method, metric) for method in methods]
        lines.append(_line(metric, [_number(metric, each.mean) for each in found]))
        lines.append(_line("", [_interval(metric, each) for each in found]))
        if any(value is not None for value in printed):
            lines.append(_line("  published", [_number(metric, value) for value in printed]))
    checked = ", ".join(f"{known.like} {known.checked}" for known in PUBLISHED)
    return "\n".join(lines) + "\n" + NOTES.format(images=images, checked=checked)


def _plain(estimates: Estimates, images: int) -> dict[str, Any]:
    """As formats.md has it; null where a number is infinite."""
    return {
        method: {
            **{
                metric: {"mean": _finite(each.mean), "ci95": each.ci95}
                for metric, each in found.items()
            },
            "images": images,
        }
        for method, found in estimates.items()
    }


def _write_table(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[str | float | None]]
) -> None:
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _image_rows(scores: Mapping[str, Scores]) -> Iterator[Sequence[str | float | None]]:
    for image, found in scores.items():
        for method, metrics in found.items():
            yield image, method, *(_finite(score.value) for score in metrics.values())


def _rows(estimates: Estimates, images: int) -> Iterator[Sequence[str | float | None]]:
    for method, found in estimates.items():
        for metric, each in found.items():
            low, high = each.ci95 or (None, None)
            published = _published(method, metric)
            yield method, metric, _finite(each.mean), low, high, images, published


def _published(method: str, metric: str) -> float | None:
    return next((known.auc.get(metric) for known in PUBLISHED if known.like == method), None)


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _number(metric: str, value: float | None) -> str:
    if value is None:
        return ""
    percent = metric.startswith("auc") or metric == "class_accuracy"
    scale = 100 if percent else 1  # as the literature prints it
    return f"{scale * value:.{DECIMALS.get(metric, 1)}f}"


def _interval(metric: str, found: Estimate) -> str:
    return " to ".join(_number(metric, bound) for bound in found.ci95) if found.ci95 else ""


def _line(name: str, cells: Sequence[str]) -> str:
    return (f"{name:<{FIRST}}" + "".join(f"{cell:>{OTHERS}}" for cell in cells)).rstrip()
