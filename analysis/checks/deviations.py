"""Compare a study and its analysis with the frozen design, and list each deviation."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.inputs.design import Design, Plan
from analysis.inputs.responses import Responses
from analysis.inputs.trial_table import TrialTable
from analysis.trials import BoolArray

UNCHECKED_KEYS = ("hypotheses", "stopping", "wording", "stimuli")  # not visible in the responses
CONDITION_COLUMNS = ("presentation", "question", "exposure_ms")
KIND_BY_PROTOCOL_KEY = {  # the trial kinds that a protocol counts
    "qualification": "qualification",
    "practice": "practice",
    "trials": "test",
    "attention_checks": "attention",
}


@dataclass(frozen=True)
class Deviation:
    """A difference between the plan and the study, as texts for the report."""

    aspect: str
    planned: str
    done: str


@dataclass(frozen=True)
class DesignCheck:
    """The result of the comparison with the frozen design.

    sha256: the design's hash; without a design, the hash in the responses. unchecked: parts of the
    design that the responses cannot show. margin: the equivalence margin fixed in the design.
    """

    sha256: str | None
    verdict: Literal["match", "deviations", "unknown"]
    deviations: tuple[Deviation, ...] = ()
    unchecked: tuple[str, ...] = ()
    margin: float | None = None


def check_against_design(
    design: Design | None, used_plan: Plan, selected: Responses, table: TrialTable
) -> DesignCheck:
    """Compare a study with its design; the verdict is `unknown` without a design.

    used_plan: the plan that the analysis used. selected, table: the same trials, as text and as
    numbers.
    """
    if design is None:
        carried = [digest for digest in selected.distinct("design_sha256") if digest]
        return DesignCheck(carried[0] if len(carried) == 1 else None, "unknown")
    deviations = (
        *_compare_hashes(design, selected),
        *_compare_conditions(design, selected),
        *_compare_pairing(design, table),
        *_compare_methods(design, table),
        *_compare_assignment(design, table),
        *_compare_counts(design, selected, table),
        *_compare_participant_count(design, table),
        *_compare_plans(design.plan, used_plan),
    )
    verdict: Literal["match", "deviations"] = "deviations" if deviations else "match"
    return DesignCheck(design.sha256, verdict, deviations, UNCHECKED_KEYS, design.plan.margin)


def check_judged_against_design(
    design: Design | None, used_plan: Plan, selected: Responses, table: TrialTable
) -> DesignCheck:
    """Compare what can be compared without the truth of each trial."""
    if design is None:
        return check_against_design(design, used_plan, selected, table)
    deviations = (
        *_compare_hashes(design, selected),
        *_compare_participant_count(design, table),
        *_compare_plans(design.plan, used_plan),
    )
    verdict: Literal["match", "deviations"] = "deviations" if deviations else "match"
    return DesignCheck(design.sha256, verdict, deviations, UNCHECKED_KEYS, design.plan.margin)


def _compare_hashes(design: Design, selected: Responses) -> Iterator[Deviation]:
    """Check that every row belongs to this study and has the hash of this design."""
    study = selected.distinct("study")[0]
    if study != design.study:
        yield Deviation("study", design.study, study)
    for digest in selected.distinct("design_sha256"):
        if digest != design.sha256:
            under = f"with another design, {digest[:12]}" if digest else "without a frozen design"
            rows = selected.isin("design_sha256", digest)
            yield Deviation("design", design.sha256[:12], f"{_format_trial_share(rows)} {under}")


def _compare_conditions(design: Design, selected: Responses) -> Iterator[Deviation]:
    """Compare how test trials were shown; the protocol has one value, or a list to draw from."""
    test = selected.isin("kind", "test")
    for column in CONDITION_COLUMNS:
        if column in design.protocol:
            planned = [_format_value(value) for value in _list_planned(design, column)]
            for done in selected.distinct(column):
                rows = selected.isin(column, done)[test]
                if rows.any() and _format_value(done) not in planned:
                    done_text = f"{_format_value(done)} in {_format_trial_share(rows)}"
                    yield Deviation(column, " or ".join(planned), done_text)


def _list_planned(design: Design, column: str) -> list[Any]:
    """Return the planned values of a column. An exposure of 0 (until the answer) becomes None."""
    value = design.protocol[column]
    values = value if isinstance(value, list) else [value]
    return [each or None for each in values] if column == "exposure_ms" else values


def _compare_pairing(design: Design, table: TrialTable) -> Iterator[Deviation]:
    """Check whether fakes were shown with their own photographs, as planned."""
    descriptions = {
        True: "each fake with its own photograph",
        False: "each fake with a different photograph",
    }
    planned, done = design.protocol.get("paired"), table.real_image is None
    if planned in descriptions and planned != done and not table.is_single:
        yield Deviation("paired", descriptions[bool(planned)], descriptions[done])


def _compare_methods(design: Design, table: TrialTable) -> Iterator[Deviation]:
    shown = set(table.tested_methods())
    planned = set(design.protocol.get("methods", shown))
    for method in sorted(shown - planned):
        yield Deviation("methods", f"without {method}", f"{method} was shown")
    for method in sorted(planned - shown):
        yield Deviation("methods", f"with {method}", f"{method} was never shown")


def _compare_assignment(design: Design, table: TrialTable) -> Iterator[Deviation]:
    """Check the methods per participant: one (between), or all for those who finished (within)."""
    each = _count_methods(table)
    match design.protocol.get("assignment"):
        case "between":
            wrong, planned = each > 1, "one method per participant"
        case "within":
            methods = design.protocol.get("methods", table.tested_methods())
            wrong, planned = (
                completed_mask(table) & (each < len(methods)),
                "all methods per participant",
            )
        case _:
            return
    if wrong.any():
        yield Deviation("assignment", planned, f"different for {_format_participant_share(wrong)}")


def _compare_counts(design: Design, selected: Responses, table: TrialTable) -> Iterator[Deviation]:
    """Check that participants who finished saw the planned trials of each kind, and repeats."""
    once = selected.isin("repeat_of", "")
    rows_by_key = {
        key: once & selected.isin("kind", kind) for key, kind in KIND_BY_PROTOCOL_KEY.items()
    }
    for key, rows in {**rows_by_key, "repeats": ~once}.items():
        if key in design.protocol:
            shown = table.participant[table.is_valid & rows[table.response_row]]
            each = np.bincount(shown, minlength=len(table.participants))
            wrong = completed_mask(table) & (each != design.protocol[key])
            if wrong.any():
                done = f"a different number for {_format_participant_share(wrong)}"
                yield Deviation(key, f"{design.protocol[key]} per participant", done)


def _compare_participant_count(design: Design, table: TrialTable) -> Iterator[Deviation]:
    planned, completed = design.plan.participants, int(completed_mask(table).sum())
    if planned is not None and planned != completed:
        yield Deviation("participants", str(planned), f"{completed} completed")


def _compare_plans(planned: Plan, used_plan: Plan) -> Iterator[Deviation]:
    """Compare the rules and the margin of the analysis with the planned ones."""
    rules = asdict(used_plan.rules)
    pairs = {rule: (value, rules[rule]) for rule, value in asdict(planned.rules).items()}
    for key, (before, after) in {**pairs, "margin": (planned.margin, used_plan.margin)}.items():
        if before != after:
            yield Deviation(key, _format_value(before), _format_value(after))


def completed_mask(table: TrialTable) -> BoolArray:
    """Return (P,): whether each participant finished."""
    complete: BoolArray = table.outcomes == "complete"
    return complete


def _count_methods(table: TrialTable) -> NDArray[np.int64]:
    """Return (P,): on how many methods each participant was tested.

    Photographs shown as single images belong to no method.
    """
    participants, methods = len(table.participants), len(table.methods)
    tested = table.is_test & table.shows_fake
    of_test = table.participant[tested] * methods + table.method[tested]
    trials = np.bincount(of_test, minlength=participants * methods).reshape(participants, methods)
    each: NDArray[np.int64] = np.count_nonzero(trials, axis=1)
    return each


def _format_trial_share(rows: BoolArray) -> str:
    return f"{int(rows.sum())} of {len(rows)} trials"


def _format_participant_share(wrong: BoolArray) -> str:
    return f"{int(wrong.sum())} of {len(wrong)} participants"


def _format_value(value: Any) -> str:
    """Format a value. 1000, 1000.0 and "1000" are formatted alike, and so are None and ""."""
    if value is None or value == "":
        return "none"
    try:
        return f"{float(value):g}" if not isinstance(value, bool) else str(value).lower()
    except ValueError:
        return str(value)
