"""Compare a study and its analysis with the frozen design, and list each deviation."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from analysis.checks.study_facts import (
    CONDITIONS,
    JUDGED_CONDITIONS,
    KIND_BY_PROTOCOL_KEY,
    REPEATS,
    StudyFacts,
    count_facts,
    count_methods,
)
from analysis.inference.detection import REAL_METHOD
from analysis.inputs.changes import SettingChange
from analysis.inputs.design import Design, Plan
from analysis.inputs.judgments import Judgments
from analysis.inputs.responses import Responses
from analysis.inputs.trial_table import TrialTable
from analysis.trials import BoolArray

UNCHECKED_KEYS = ("hypotheses", "stopping", "wording", "stimuli")  # not visible in the responses


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


def check_against_design(design: Design | None, used_plan: Plan, facts: StudyFacts) -> DesignCheck:
    """Compare a study with its design; the verdict is `unknown` without a frozen design.

    used_plan: the plan that the analysis used.
    """
    if design is None or not design.is_frozen:
        carried = [digest for digest in facts.rows if digest]
        return DesignCheck(carried[0] if len(carried) == 1 else None, "unknown")
    planned = set(design.protocol.get("methods", facts.methods))
    deviations = (
        *_compare_hashes(design, facts),
        *_compare_conditions(design, facts, CONDITIONS),
        *_compare_pairing(design, facts),
        *_compare_methods(planned, facts.methods),
        *_compare_assignment(design, planned, facts),
        *_compare_counts(design, facts),
        *_compare_participant_count(design, facts),
        *_compare_plans(design.plan, used_plan),
    )
    return _conclude(design, deviations)


def check_judged_against_design(
    design: Design | None,
    used_plan: Plan,
    selected: Responses,
    table: TrialTable,
    judgments: Judgments,
) -> DesignCheck:
    """Compare a study whose candidates are judged with its design, as `check_against_design`.

    judgments: those of the selected responses, which name the methods.
    """
    facts = count_facts(selected, table)
    if design is None or not design.is_frozen:
        return check_against_design(design, used_plan, facts)
    tested = judgments.select(selected.isin("kind", "test")[judgments.trial])
    shown = set(tested.method.tolist())
    planned = set(design.protocol.get("methods", shown))
    competing = planned | ({REAL_METHOD} if design.protocol.get("include_real") else set())
    fakes = tested.select(tested.method != REAL_METHOD)
    method = np.unique(fakes.method, return_inverse=True)[1].astype(np.int64)
    each = count_methods(selected.codes("participant")[fakes.trial], method, table)
    facts = replace(facts, methods=shown, methods_each=each)
    deviations = (
        *_compare_hashes(design, facts),
        *_compare_conditions(design, facts, JUDGED_CONDITIONS),
        *_compare_methods(competing, shown),
        *_compare_assignment(design, planned, facts),
        *_compare_counts(design, facts),
        *_compare_participant_count(design, facts),
        *_compare_plans(design.plan, used_plan),
    )
    return _conclude(design, deviations)


def add_changes(check: DesignCheck, changes: Sequence[SettingChange]) -> DesignCheck:
    """Return the check with the changes of settings after the freeze as further deviations."""
    if not changes or check.verdict == "unknown":
        return check
    listed = tuple(_describe_change(change) for change in changes)
    return replace(check, verdict="deviations", deviations=(*check.deviations, *listed))


def _describe_change(change: SettingChange) -> Deviation:
    moment = change.changed_at[:16].replace("T", " ")
    done = f"{change.after or 'none'} from {moment} UTC on, after {change.complete} had finished"
    return Deviation(change.setting, change.before or "none", done)


def _conclude(design: Design, deviations: tuple[Deviation, ...]) -> DesignCheck:
    verdict: Literal["match", "deviations"] = "deviations" if deviations else "match"
    return DesignCheck(design.sha256, verdict, deviations, UNCHECKED_KEYS, design.plan.margin)


def _compare_hashes(design: Design, facts: StudyFacts) -> Iterator[Deviation]:
    """Check that every row belongs to this study and has the hash of this design."""
    if facts.study != design.study:
        yield Deviation("study", design.study, facts.study)
    total = sum(facts.rows.values())
    for digest, rows in facts.rows.items():
        if digest != design.sha256:
            under = f"with another design, {digest[:12]}" if digest else "without a frozen design"
            share = _format_trial_share(rows, total)
            yield Deviation("design", design.sha256[:12], f"{share} {under}")


def _compare_conditions(
    design: Design, facts: StudyFacts, columns: Sequence[str]
) -> Iterator[Deviation]:
    """Compare how test trials were shown; the protocol has one value, or a list to draw from."""
    for column in columns:
        counts = facts.conditions[column]
        if column == "exposure_ms" and design.staircase:
            yield from _compare_staircase(design.staircase, counts)
        elif column in design.protocol:
            planned = [_format_value(value) for value in _list_planned(design, column)]
            for done, trials in counts.items():
                if _format_value(done) not in planned:
                    share = _format_trial_share(trials, sum(counts.values()))
                    done_text = f"{_format_value(done)} in {share}"
                    yield Deviation(column, " or ".join(planned), done_text)


def _compare_staircase(limits: Mapping[str, Any], counts: Mapping[str, int]) -> Iterator[Deviation]:
    """Check that the exposures of test trials lie within the limits of the staircase."""
    outside = sum(
        trials
        for shown_ms, trials in counts.items()
        if not limits["min_ms"] <= float(shown_ms or "nan") <= limits["max_ms"]
    )
    if outside:
        planned = f"{limits['min_ms']} to {limits['max_ms']}"
        share = _format_trial_share(outside, sum(counts.values()))
        yield Deviation("exposure_ms", planned, f"outside in {share}")


def _list_planned(design: Design, column: str) -> list[Any]:
    """Return the planned values of a column. An exposure of 0 (until the answer) becomes None."""
    value = design.protocol[column]
    values = value if isinstance(value, list) else [value]
    return [each or None for each in values] if column == "exposure_ms" else values


def _compare_pairing(design: Design, facts: StudyFacts) -> Iterator[Deviation]:
    """Check whether fakes were shown with their own photographs, as planned."""
    descriptions = {
        True: "each fake with its own photograph",
        False: "each fake with a different photograph",
    }
    planned, done = design.protocol.get("paired"), facts.is_paired
    if planned in descriptions and done is not None and planned != done:
        yield Deviation("paired", descriptions[bool(planned)], descriptions[done])


def _compare_methods(planned: Set[str], shown: Set[str]) -> Iterator[Deviation]:
    for method in sorted(shown - planned):
        yield Deviation("methods", f"without {method}", f"{method} was shown")
    for method in sorted(planned - shown):
        yield Deviation("methods", f"with {method}", f"{method} was never shown")


def _compare_assignment(
    design: Design, methods: Set[str], facts: StudyFacts
) -> Iterator[Deviation]:
    """Check the methods per participant: one (between), or all for those who finished (within).

    methods: the planned ones.
    """
    each = facts.methods_each
    match design.protocol.get("assignment"):
        case "between":
            wrong, planned = each > 1, "one method per participant"
        case "within":
            wrong, planned = (
                facts.is_complete & (each < len(methods)),
                "all methods per participant",
            )
        case _:
            return
    if wrong.any():
        yield Deviation("assignment", planned, f"different for {_format_participant_share(wrong)}")


def _compare_counts(design: Design, facts: StudyFacts) -> Iterator[Deviation]:
    """Check that participants who finished saw the planned trials of each kind, and repeats."""
    for key, kind in {**KIND_BY_PROTOCOL_KEY, REPEATS: REPEATS}.items():
        if key in design.protocol:
            wrong = facts.is_complete & (facts.trials_each[kind] != design.protocol[key])
            if wrong.any():
                done = f"a different number for {_format_participant_share(wrong)}"
                yield Deviation(key, f"{design.protocol[key]} per participant", done)


def _compare_participant_count(design: Design, facts: StudyFacts) -> Iterator[Deviation]:
    planned, completed = design.plan.participants, int(facts.is_complete.sum())
    if planned is not None and planned != completed:
        yield Deviation("participants", str(planned), f"{completed} completed")


def _compare_plans(planned: Plan, used_plan: Plan) -> Iterator[Deviation]:
    """Compare the rules, the margin and the covariates of the analysis with the planned ones."""
    rules = asdict(used_plan.rules)
    pairs = {rule: (value, rules[rule]) for rule, value in asdict(planned.rules).items()}
    pairs["margin"] = planned.margin, used_plan.margin
    pairs["covariates"] = ", ".join(planned.covariates), ", ".join(used_plan.covariates)
    for key, (before, after) in pairs.items():
        if before != after:
            yield Deviation(key, _format_value(before), _format_value(after))


def _format_trial_share(part: int, whole: int) -> str:
    return f"{part} of {whole} trials"


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
