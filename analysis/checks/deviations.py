"""Whether a study was done and analyzed as it had been registered: match, or each deviation."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.inputs.design import Design, Plan
from analysis.inputs.responses import Responses
from analysis.inputs.trial_table import TrialTable
from analysis.trials import BoolArray

UNCHECKED = ("hypotheses", "stopping", "wording", "stimuli")  # responses cannot tell
CONDITIONS = ("presentation", "question", "exposure_ms")
KINDS = {  # as protocols count them
    "qualification": "qualification",
    "practice": "practice",
    "trials": "test",
    "attention_checks": "attention",
}


@dataclass(frozen=True)
class Deviation:
    """What was done otherwise than planned, in words."""

    what: str
    planned: str
    done: str


@dataclass(frozen=True)
class Verdict:
    """sha256: of the design; without one, what the responses carry.

    margin: that the design fixed for equivalence. unchecked: what it fixes and responses cannot
    show.
    """

    sha256: str | None
    verdict: Literal["match", "deviations", "unknown"]
    deviations: tuple[Deviation, ...] = ()
    unchecked: tuple[str, ...] = ()
    margin: float | None = None


def judge_design(
    design: Design | None, used: Plan, taken: Responses, record: TrialTable
) -> Verdict:
    """used: what the analysis went by, whatever the design says. taken, record: the same trials."""
    if design is None:
        carried = [digest for digest in taken.distinct("design_sha256") if digest]
        return Verdict(carried[0] if len(carried) == 1 else None, "unknown")
    deviations = (
        *_compare_hashes(design, taken),
        *_compare_conditions(design, taken),
        *_compare_pairing(design, record),
        *_compare_methods(design, record),
        *_compare_assignment(design, record),
        *_compare_counts(design, taken, record),
        *_compare_people(design, record),
        *_compare_plans(design.plan, used),
    )
    verdict: Literal["match", "deviations"] = "deviations" if deviations else "match"
    return Verdict(design.sha256, verdict, deviations, UNCHECKED, design.plan.margin)


def _compare_hashes(design: Design, taken: Responses) -> Iterator[Deviation]:
    """Every row must be of this study and carry this design's hash."""
    study = taken.distinct("study")[0]
    if study != design.study:
        yield Deviation("study", design.study, study)
    for digest in taken.distinct("design_sha256"):
        if digest != design.sha256:
            under = f"under another design, {digest[:12]}" if digest else "before any design"
            rows = taken.isin("design_sha256", digest)
            yield Deviation("design", design.sha256[:12], f"{_count_trials(rows)} {under}")


def _compare_conditions(design: Design, taken: Responses) -> Iterator[Deviation]:
    """How test trials were shown; a protocol has one value, or a list to draw from."""
    test = taken.isin("kind", "test")
    for column in CONDITIONS:
        if column in design.protocol:
            planned = [_plain(value) for value in _list_planned(design, column)]
            for done in taken.distinct(column):
                rows = taken.isin(column, done)[test]
                if rows.any() and _plain(done) not in planned:
                    seen = f"{_plain(done)} in {_count_trials(rows)}"
                    yield Deviation(column, " or ".join(planned), seen)


def _list_planned(design: Design, column: str) -> list[Any]:
    """An exposure of 0 is that of an image that stays until the answer."""
    value = design.protocol[column]
    values = value if isinstance(value, list) else [value]
    return [each or None for each in values] if column == "exposure_ms" else values


def _compare_pairing(design: Design, record: TrialTable) -> Iterator[Deviation]:
    """Whether fakes stood beside their own photographs, as planned."""
    ways = {True: "each fake beside its photograph", False: "fakes beside other photographs"}
    planned, done = design.protocol.get("paired"), record.real_image is None
    if planned in ways and planned != done and not record.is_single:
        yield Deviation("paired", ways[bool(planned)], ways[done])


def _compare_methods(design: Design, record: TrialTable) -> Iterator[Deviation]:
    shown = set(record.tested_methods())
    planned = set(design.protocol.get("methods", shown))
    for method in sorted(shown - planned):
        yield Deviation("methods", f"without {method}", f"{method} was shown")
    for method in sorted(planned - shown):
        yield Deviation("methods", f"with {method}", f"{method} was never shown")


def _compare_assignment(design: Design, record: TrialTable) -> Iterator[Deviation]:
    """One method a person, or all to each who completed."""
    each = _count_methods(record)
    match design.protocol.get("assignment"):
        case "between":
            wrong, planned = each > 1, "one method a person"
        case "within":
            methods = design.protocol.get("methods", record.tested_methods())
            wrong, planned = is_complete(record) & (each < len(methods)), "all methods a person"
        case _:
            return
    if wrong.any():
        yield Deviation("assignment", planned, f"otherwise for {_count_people(wrong)}")


def _compare_counts(design: Design, taken: Responses, record: TrialTable) -> Iterator[Deviation]:
    """Who completed saw as many trials of each kind, and as many repeats, as planned."""
    once = taken.isin("repeat_of", "")
    counted = {key: once & taken.isin("kind", kind) for key, kind in KINDS.items()}
    for key, rows in {**counted, "repeats": ~once}.items():
        if key in design.protocol:
            shown = record.participant[record.is_valid & rows[record.response_row]]
            each = np.bincount(shown, minlength=len(record.participants))
            wrong = is_complete(record) & (each != design.protocol[key])
            if wrong.any():
                done = f"otherwise for {_count_people(wrong)}"
                yield Deviation(key, f"{design.protocol[key]} a person", done)


def _compare_people(design: Design, record: TrialTable) -> Iterator[Deviation]:
    planned, completed = design.plan.participants, int(is_complete(record).sum())
    if planned is not None and planned != completed:
        yield Deviation("participants", str(planned), f"{completed} completed")


def _compare_plans(planned: Plan, used: Plan) -> Iterator[Deviation]:
    """What the analysis was told, against what had been planned."""
    rules = asdict(used.rules)
    pairs = {rule: (value, rules[rule]) for rule, value in asdict(planned.rules).items()}
    for what, (before, after) in {**pairs, "margin": (planned.margin, used.margin)}.items():
        if before != after:
            yield Deviation(what, _plain(before), _plain(after))


def is_complete(record: TrialTable) -> BoolArray:
    """(P,): who finished."""
    complete: BoolArray = record.outcomes == "complete"
    return complete


def _count_methods(record: TrialTable) -> NDArray[np.int64]:
    """(P,): how many methods each was tested on; photographs shown alone are of none."""
    people, methods = len(record.participants), len(record.methods)
    tested = record.is_test & record.shows_fake
    of_test = record.participant[tested] * methods + record.method[tested]
    trials = np.bincount(of_test, minlength=people * methods).reshape(people, methods)
    each: NDArray[np.int64] = np.count_nonzero(trials, axis=1)
    return each


def _count_trials(rows: BoolArray) -> str:
    return f"{int(rows.sum())} of {len(rows)} trials"


def _count_people(wrong: BoolArray) -> str:
    return f"{int(wrong.sum())} of {len(wrong)} participants"


def _plain(value: Any) -> str:
    """A value as words; 1000, 1000.0 and "1000" are the same, none and empty too."""
    if value is None or value == "":
        return "none"
    try:
        return f"{float(value):g}" if not isinstance(value, bool) else str(value).lower()
    except ValueError:
        return str(value)
