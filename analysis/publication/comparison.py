"""Compare a report that was computed again with the published one."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

RELATIVE_TOLERANCE = 1e-9  # other processors and library versions change later digits
ABSOLUTE_TOLERANCE = 1e-12  # for numbers that are 0 but for rounding
SOFTWARE = "software"  # the part of a report that names the versions


@dataclass(frozen=True)
class Difference:
    """A value that is not the same. place: its keys, joined by dots."""

    place: str
    published: object
    computed: object


def find_difference(
    published: Mapping[str, object], computed: Mapping[str, object]
) -> Difference | None:
    """Return the first difference between two reports, or None; the software may differ."""
    contents = map(without_software, (published, computed))
    return next(_iterate_differences("", *contents), None)


def without_software(report: Mapping[str, object]) -> dict[str, object]:
    """Return a report without the part that names the versions."""
    return {key: value for key, value in report.items() if key != SOFTWARE}


def _iterate_differences(place: str, published: object, computed: object) -> Iterator[Difference]:
    if isinstance(published, Mapping) and isinstance(computed, Mapping):
        for key in dict.fromkeys([*published, *computed]):
            inner = f"{place}.{key}" if place else str(key)
            yield from _iterate_differences(inner, published.get(key), computed.get(key))
    elif _is_list(published) and _is_list(computed) and len(published) == len(computed):
        for number, pair in enumerate(zip(published, computed, strict=True)):
            yield from _iterate_differences(f"{place}.{number}", *pair)
    elif not _are_equal(published, computed):
        yield Difference(place, published, computed)


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, list)


def _are_equal(published: object, computed: object) -> bool:
    if isinstance(published, float) and isinstance(computed, (float, int)):
        return math.isclose(
            published, computed, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE
        )
    return published == computed
