"""Assemble monitor.json: interim estimates that stay valid at every look."""

from collections.abc import Sequence
from datetime import datetime

from analysis.exclusions.flow import AnalysisSample, apply_exclusions
from analysis.formatting import ReportDict
from analysis.inference.intervals import Interval
from analysis.inference.sequential import (
    ALPHA,
    ConfidenceSequence,
    PersonMean,
    average_rates,
    find_confidence_sequence,
)
from analysis.inputs.design import Design, ExclusionRules
from analysis.inputs.judgments import read_judgments
from analysis.inputs.responses import Responses, select_mode, select_study
from analysis.tasks.catalog import JUDGED_TASKS, TASKS_WITH_TRUTH, find_task
from analysis.tasks.interim import InterimDifference
from analysis.tasks.judged import build_judged_sample
from analysis.trials import count_clusters

MONITOR_SCHEMA = "hue-and-eye/monitor/2"


def assemble_monitor(
    source: str, responses: Responses, study: str, design: Design | None, written_at: datetime
) -> ReportDict:
    """Return the contents of monitor.json. What has no confidence sequence is None, with a note.

    source: the file or database that the responses were read from. written_at: in UTC. Raises
    ResponsesError if there are no trials to count.
    """
    selected = select_mode(select_study(responses, study), None)
    rules = design.plan.rules if design else ExclusionRules()
    task = find_task(selected)
    methods: dict[str, ReportDict] = {}
    if task in JUDGED_TASKS:
        module, judgments = JUDGED_TASKS[task], read_judgments(source, selected)
        judged = build_judged_sample(responses, selected, judgments, rules, module.is_check_passed)
        differences, participants = module.list_interim(judged), count_clusters(judged.participant)
    else:
        sample = apply_exclusions(responses, selected, rules)
        methods = {method: _describe_rate(sample, method) for method in sample.methods}
        differences = TASKS_WITH_TRUTH[task].list_interim(sample)
        participants = count_clusters(sample.trials.participant)
    margin = design.plan.margin if design else None
    return {
        "schema": MONITOR_SCHEMA,
        "study": study,
        "task": task,
        "mode": selected.distinct("mode")[0],
        "written_at": written_at.isoformat(timespec="seconds"),
        "participants": participants,
        "planned": design.plan.participants if design else None,
        "margin": margin,
        "methods": methods,
        "differences": describe_differences(differences, margin),
    }


def describe_differences(
    differences: Sequence[InterimDifference], margin: float | None
) -> list[ReportDict]:
    """Return `differences` of monitor.json, whose sequences hold for all of them at once.

    Each gets an equal share of the 5% (Bonferroni), at every look.
    """
    alpha = ALPHA / max(len(differences), 1)
    return [_describe_difference(one, alpha, margin) for one in differences]


def _describe_difference(
    difference: InterimDifference, alpha: float, margin: float | None
) -> ReportDict:
    found = difference.find_sequence(alpha)
    entry: ReportDict = {"a": difference.a, "b": difference.b, "of": difference.of}
    if found is None:
        reason = explain_missing(difference.mean)
        return entry | {
            "difference": None,
            "cs95": None,
            "verdict": "continue",
            "cheaper": None,
            "note": reason,
        }
    sequence, interval = found
    verdict = reach_verdict(interval, margin)
    return entry | {
        "difference": sequence.value,
        "cs95": interval,
        "verdict": verdict,
        "cheaper": _find_cheaper(sequence) if verdict == "continue" else None,
        "note": None,
    }


def reach_verdict(interval: Interval, margin: float | None) -> str:
    """Return `equal` inside the margin, else `stop` if 0 is outside the interval, or `continue`."""
    low, high = interval
    if margin is not None and -margin < low and high < margin:
        return "equal"
    return "stop" if low > 0 or high < 0 else "continue"


def _find_cheaper(sequence: ConfidenceSequence) -> str:
    """Return whether twice as many people or images would narrow the interval more."""
    return "people" if sequence.of_people >= sequence.of_images else "images"


def _describe_rate(sample: AnalysisSample, method: str) -> ReportDict:
    mean = average_rates(sample.trials.for_method(method))
    sequence = find_confidence_sequence(mean)
    return {
        "rate": sequence and sequence.value,
        "cs95": sequence and sequence.share_interval(),
        "trials": len(mean.influence),
        "note": None if sequence else explain_missing(mean),
    }


def explain_missing(mean: PersonMean | None) -> str:
    """Say why there is no confidence sequence yet, and when there will be one."""
    if mean is None:
        return "no participant has seen both methods"
    if mean.participants < mean.first_look:
        return f"starts at {mean.first_look} participants; {mean.participants} so far"
    if mean.levels[1] < 2:
        return "needs at least two photographs"
    return "all participants gave the same answers"
