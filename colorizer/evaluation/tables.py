"""What `colorizer evaluate` writes: a table with published values, metrics.json and CSVs."""

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorizer.evaluation.scores import ImageMetrics, MeanEstimate, MeanEstimates
from colorizer.files import atomic_write

METRICS_COLUMNS = ("method", "metric", "mean", "ci95_low", "ci95_high", "images", "published")
NAME_WIDTH, VALUE_WIDTH = 22, 16  # letters: width of the table's columns
DECIMALS = {"psnr": 2, "ssim": 3, "ciede2000": 2}  # in the table; one of all others
TABLE_FOOTNOTES = """
{images} photographs. Below each mean its 95 % interval, bootstrapped over the photographs.
AuC and class accuracy in percent; published AuC are on other photographs (Zhang, Isola & Efros
2016, table 1); read from: {checked}.
PSNR and SSIM prefer gray to a guess; a gap is to the photographs, below 0 is too drab.
LPIPS, FID and KID are left out: they need weights of networks that are not at hand.
"""


@dataclass(frozen=True)
class PublishedAuc:
    """AuC on ImageNet's validation photographs (Zhang, Isola & Efros 2016, table 1)."""

    method: str  # our method that is its nearest relative
    read_from: str  # where it was read: `copy`, a second-hand copy; `memory`: check before printing
    auc: dict[str, float]  # in [0, 1]


PUBLISHED_AUCS = (
    PublishedAuc("gray", "memory", {"auc_raw": 0.891, "auc_rebalanced": 0.580}),
    PublishedAuc("l2", "memory", {"auc_raw": 0.912, "auc_rebalanced": 0.644}),
    PublishedAuc("mcl-annealed", "copy", {"auc_raw": 0.895, "auc_rebalanced": 0.673}),
)


def write_metrics(
    folder: Path, estimates: MeanEstimates, scores: Mapping[str, ImageMetrics]
) -> None:
    """metrics.csv, metrics.txt, metrics.json and, of each photograph, images.csv, each whole."""
    images = len(scores)
    _write_table(folder / "metrics.csv", METRICS_COLUMNS, _iterate_metric_rows(estimates, images))
    metrics = list(next(iter(estimates.values())))
    _write_table(folder / "images.csv", ("image", "method", *metrics), _iterate_image_rows(scores))
    with atomic_write(folder / "metrics.txt") as temporary:
        temporary.write_text(render_table(estimates, images), encoding="utf-8")
    with atomic_write(folder / "metrics.json") as temporary:
        temporary.write_text(json.dumps(_to_json(estimates, images), indent=1, allow_nan=False))


def render_table(estimates: MeanEstimates, images: int) -> str:
    """A column a method, a line a metric; below it its intervals and what was published."""
    methods, metrics = list(estimates), list(next(iter(estimates.values())))
    lines = [_format_line("", methods)]
    for metric in metrics:
        estimates_in_row = [estimates[method][metric] for method in methods]
        printed = [_find_published_auc(method, metric) for method in methods]
        lines.append(
            _format_line(metric, [_format_number(metric, each.mean) for each in estimates_in_row])
        )
        lines.append(
            _format_line("", [_format_interval(metric, each) for each in estimates_in_row])
        )
        if any(value is not None for value in printed):
            lines.append(
                _format_line("  published", [_format_number(metric, value) for value in printed])
            )
    checked = ", ".join(f"{published.method} {published.read_from}" for published in PUBLISHED_AUCS)
    return "\n".join(lines) + "\n" + TABLE_FOOTNOTES.format(images=images, checked=checked)


def _to_json(estimates: MeanEstimates, images: int) -> dict[str, Any]:
    """As formats.md has it; null where a number is infinite."""
    return {
        method: {
            **{
                metric: {"mean": _finite_or_none(each.mean), "ci95": each.ci95}
                for metric, each in by_metric.items()
            },
            "images": images,
        }
        for method, by_metric in estimates.items()
    }


def _write_table(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[str | float | None]]
) -> None:
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _iterate_image_rows(
    scores: Mapping[str, ImageMetrics],
) -> Iterator[Sequence[str | float | None]]:
    for image, by_method in scores.items():
        for method, metrics in by_method.items():
            yield image, method, *(_finite_or_none(score.value) for score in metrics.values())


def _iterate_metric_rows(
    estimates: MeanEstimates, images: int
) -> Iterator[Sequence[str | float | None]]:
    for method, by_metric in estimates.items():
        for metric, each in by_metric.items():
            low, high = each.ci95 or (None, None)
            published = _find_published_auc(method, metric)
            yield method, metric, _finite_or_none(each.mean), low, high, images, published


def _find_published_auc(method: str, metric: str) -> float | None:
    return next((known.auc.get(metric) for known in PUBLISHED_AUCS if known.method == method), None)


def _finite_or_none(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _format_number(metric: str, value: float | None) -> str:
    if value is None:
        return ""
    percent = metric.startswith("auc") or metric == "class_accuracy"
    scale = 100 if percent else 1  # as the literature prints it
    return f"{scale * value:.{DECIMALS.get(metric, 1)}f}"


def _format_interval(metric: str, estimate: MeanEstimate) -> str:
    return (
        " to ".join(_format_number(metric, bound) for bound in estimate.ci95)
        if estimate.ci95
        else ""
    )


def _format_line(name: str, cells: Sequence[str]) -> str:
    return (f"{name:<{NAME_WIDTH}}" + "".join(f"{cell:>{VALUE_WIDTH}}" for cell in cells)).rstrip()
