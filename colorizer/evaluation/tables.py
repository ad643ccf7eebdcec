"""The output of `colorizer evaluate`: a table with published values, metrics.json and CSVs."""

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorizer.evaluation.scores import ImageMetrics, MeanEstimate, MeanEstimates, MetricValue
from colorizer.files import atomic_write

METRICS_COLUMNS = ("method", "metric", "mean", "ci95_low", "ci95_high", "images", "published")
NAME_WIDTH, VALUE_WIDTH = 22, 16  # widths of the table's columns in characters
DECIMALS = {
    "psnr": 2,
    "ssim": 3,
    "ciede2000": 2,
    "st_lpips": 3,
    "kl": 2,
}  # in the table; 1 for all other metrics
SOURCE_WORDS = {"memory": "memory", "copy": "a copy"}  # where a published value was read
TABLE_FOOTNOTES = """
{images} photographs. Below each mean: its 95% confidence interval (bootstrap over photographs;
jackknife for weighted AuC, plain_gray_chroma, patches and top1).
AuC, top1 and same_class in percent. Published AuC values are for other photographs (Zhang, Isola &
Efros 2016, Table 1) and have not been verified against the paper; check them before citing.
Sources: {checked}.
PSNR and SSIM favor gray over plausible colors. Gap: difference from the photographs; negative
values mean duller colors.
LPIPS, FID and KID are not included, because they need the weights of other networks. ST-LPIPS
(st_lpips, with --perceptual) is not LPIPS; do not compare it with published LPIPS.
"""


@dataclass(frozen=True)
class PublishedAuc:
    """A published AuC on ImageNet's validation photographs (Zhang, Isola & Efros 2016, table 1).

    method: our most similar method. read_from: `copy` for a second-hand copy of the table; `memory`
    for values that must be checked before they are cited. auc: in [0, 1].
    """

    method: str
    read_from: str
    auc: dict[str, float]


PUBLISHED_AUCS = (
    PublishedAuc("gray", "memory", {"auc_raw": 0.891, "auc_rebalanced": 0.580}),
    PublishedAuc("l2", "memory", {"auc_raw": 0.912, "auc_rebalanced": 0.644}),
    PublishedAuc("mcl-annealed", "copy", {"auc_raw": 0.895, "auc_rebalanced": 0.673}),
)


def write_metrics(
    folder: Path, estimates: MeanEstimates, scores: Mapping[str, ImageMetrics]
) -> None:
    """Write metrics.csv, metrics.txt and metrics.json, and images.csv with each image's values."""
    images = len(scores)
    _write_table(folder / "metrics.csv", METRICS_COLUMNS, _iterate_metric_rows(estimates, images))
    metrics = list(next(iter(estimates.values())))
    _write_table(folder / "images.csv", ("image", "method", *metrics), _iterate_image_rows(scores))
    with atomic_write(folder / "metrics.txt") as temporary:
        temporary.write_text(render_table(estimates, images), encoding="utf-8")
    with atomic_write(folder / "metrics.json") as temporary:
        temporary.write_text(json.dumps(_to_json(estimates, images), indent=1, allow_nan=False))


def render_table(estimates: MeanEstimates, images: int) -> str:
    """Render the table: one column per method, one row per metric.

    Below each row are its intervals and, if there are any, the published values.
    """
    methods, metrics = list(estimates), list(next(iter(estimates.values())))
    lines = [_format_line("", methods)]
    for metric in metrics:
        estimates_in_row = [estimates[method][metric] for method in methods]
        published = [_find_published_auc(method, metric) for method in methods]
        lines.append(
            _format_line(metric, [format_number(metric, each.mean) for each in estimates_in_row])
        )
        lines.append(_format_line("", [format_interval(metric, each) for each in estimates_in_row]))
        if any(value is not None for value in published):
            lines.append(
                _format_line("  published", [format_number(metric, value) for value in published])
            )
    checked = ", ".join(
        f"{row.method} from {SOURCE_WORDS[row.read_from]}" for row in PUBLISHED_AUCS
    )
    return "\n".join(lines) + "\n" + TABLE_FOOTNOTES.format(images=images, checked=checked)


def _to_json(estimates: MeanEstimates, images: int) -> dict[str, Any]:
    """Return the content of metrics.json (docs/formats.md); infinite numbers become null."""
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
            yield image, method, *(_value_or_none(score) for score in metrics.values())


def _iterate_metric_rows(
    estimates: MeanEstimates, images: int
) -> Iterator[Sequence[str | float | None]]:
    for method, by_metric in estimates.items():
        for metric, each in by_metric.items():
            low, high = each.ci95 or (None, None)
            published = _find_published_auc(method, metric)
            yield method, metric, _finite_or_none(each.mean), low, high, images, published


def _find_published_auc(method: str, metric: str) -> float | None:
    return next((row.auc.get(metric) for row in PUBLISHED_AUCS if row.method == method), None)


def _value_or_none(score: MetricValue) -> float | None:
    return _finite_or_none(score.value) if score.weight else None


def _finite_or_none(number: float) -> float | None:
    return number if math.isfinite(number) else None


def format_number(metric: str, value: float | None) -> str:
    """Format a value of a metric; AuC and shares are in percent, as in the literature."""
    if value is None:
        return ""
    if math.isnan(value):
        return "-"
    percent = metric.startswith("auc") or metric in ("top1", "same_class")
    scale = 100 if percent else 1  # as in the literature
    return f"{scale * value:.{DECIMALS.get(metric, 1)}f}"


def format_interval(metric: str, estimate: MeanEstimate) -> str:
    """Format the interval of a mean; empty if there is none."""
    return (
        " to ".join(format_number(metric, bound) for bound in estimate.ci95)
        if estimate.ci95
        else ""
    )


def _format_line(name: str, cells: Sequence[str]) -> str:
    return (f"{name:<{NAME_WIDTH}}" + "".join(f"{cell:>{VALUE_WIDTH}}" for cell in cells)).rstrip()
