"""Fooling rates that others published (published.toml says where each stands)."""

import tomllib
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

ASSUMED_DEFF = 2.0  # of a published rate with a count of trials but no standard error


@dataclass(frozen=True)
class PublishedRate:
    """A rate in [0, 1] and its standard error.

    se_assumed: made from the count of trials and a typical design effect. read_from: `original`,
    `copy` or `memory`. compare_with: our methods that it is compared with.
    """

    label: str
    source: str
    method: str
    rate: float
    se: float | None
    se_assumed: bool
    read_from: str
    compare_with: tuple[str, ...]


def read_published_rates() -> list[PublishedRate]:
    """All published rates, in the file's order."""
    path = Path(__file__).with_name("published.toml")
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["published"]
    return [
        PublishedRate(
            **{key: entry[key] for key in ("label", "source", "method", "rate")},
            read_from=entry["checked"],
            se=_standard_error(entry.get("se"), entry.get("n"), entry["rate"]),
            se_assumed="se" not in entry and "n" in entry,
            compare_with=tuple(entry["compare_with"]),
        )
        for entry in entries
    ]


def _standard_error(se: float | None, n: int | None, rate: float) -> float | None:
    if se is not None or n is None:
        return se
    return sqrt(ASSUMED_DEFF * rate * (1 - rate) / n)
