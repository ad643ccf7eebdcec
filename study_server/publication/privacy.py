"""Coarsen what a published table says about participants' devices until nobody stands out.

Each value alone is harmless, but a rare combination of a screen, a browser language and a color
vision can be recognized by someone who knows the person. Every combination that fewer than
MIN_SHARED participants share is therefore made coarser, one field after the other (local
suppression for k-anonymity; Sweeney 2002).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from study_server.export.rows import ExportRow

MIN_SHARED = 5  # participants with the same combination
FIELDS = (
    "source", "language", "inputs", "viewport", "device_pixel_ratio", "refresh_hz", "color_gamut",
    "dynamic_range", "inverted_colors", "forced_colors", "night_light", "color_vision",
    "plates_correct",
)  # fmt: skip
VIEWPORT_STEP = 400  # pixels


@dataclass(frozen=True)
class CoarseningStep:
    """A field to make coarser, and how. done: what the change is called in the published notes."""

    field: str
    coarsen: Callable[[str], str]
    done: str


def _leave_out(_value: str) -> str:
    return ""


def _round_viewport(viewport: str) -> str:
    sides = viewport.split("x")
    if len(sides) != 2 or not all(side.isdigit() for side in sides):
        return ""
    return "x".join(str(int(side) // VIEWPORT_STEP * VIEWPORT_STEP) for side in sides)


def _round_rate(refresh_hz: str) -> str:
    try:
        return str(round(float(refresh_hz) / 10) * 10)
    except ValueError:
        return ""


# From what tells most about a person and least about the answers to the opposite.
STEPS = (
    CoarseningStep("viewport", _round_viewport, f"rounded down to {VIEWPORT_STEP} px"),
    CoarseningStep("refresh_hz", _round_rate, "rounded to 10 Hz"),
    CoarseningStep("language", lambda tag: tag.split("-")[0], "without its region"),
    *(
        CoarseningStep(field, _leave_out, "left out")
        for field in (
            "viewport", "plates_correct", "device_pixel_ratio", "refresh_hz", "language",
            "dynamic_range", "color_gamut", "night_light", "color_vision", "inverted_colors",
            "forced_colors", "inputs", "source",
        )
    ),
)  # fmt: skip


def coarsen_environments(
    rows: Sequence[ExportRow], min_shared: int = MIN_SHARED
) -> tuple[list[ExportRow], list[str]]:
    """Return the rows of participants with coarser fields, and a note on every change.

    Afterwards, at least `min_shared` participants share each combination of FIELDS, or the
    combination is empty.
    """
    coarse = [{**row, **{field: _to_text(row.get(field)) for field in FIELDS}} for row in rows]
    notes = []
    for step in STEPS:
        rare = _find_rare(coarse, min_shared)
        changed = [row for row in rare if row[step.field] != step.coarsen(str(row[step.field]))]
        for row in changed:
            row[step.field] = step.coarsen(str(row[step.field]))
        if changed:
            notes.append(f"{step.field}: {step.done} for {len(changed)} of {len(rows)}")
    return coarse, notes


def _find_rare(rows: Sequence[dict[str, object]], min_shared: int) -> list[dict[str, object]]:
    shared = Counter(map(_combination, rows))
    return [row for row in rows if shared[_combination(row)] < min_shared]


def _combination(row: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(row[field] for field in FIELDS)


def _to_text(value: object) -> str:
    return "" if value is None else str(value)
