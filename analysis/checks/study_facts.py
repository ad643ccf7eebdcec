"""Count what the responses show of the design."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.inputs.responses import Responses
from analysis.inputs.trial_table import TrialTable
from analysis.trials import BoolArray, Codes, IntArray

JUDGED_CONDITIONS = ("task", "presentation", "exposure_ms")


CONDITIONS = (*JUDGED_CONDITIONS, "question")  # tasks without right answers have no question


REPEATS = "repeats"


KIND_BY_PROTOCOL_KEY = {  # the trial kinds that a protocol counts
    "qualification": "qualification",
    "practice": "practice",
    "trials": "test",
    "attention_checks": "attention",
}


@dataclass(frozen=True)
class StudyFacts:
    """Counts of what was done in a study with P participants.

    rows: number of rows of each design hash. conditions: by column, the number of test trials with
    each value. methods: those tested. methods_each (P,): how many of them each participant was
    tested on. trials_each: by kind, and for `repeats`, the valid trials (P,) of each participant.
    is_paired: whether each fake was shown with its own photograph; None for single images.
    """

    study: str
    rows: Mapping[str, int]
    conditions: Mapping[str, Mapping[str, int]]
    methods: Set[str]
    methods_each: IntArray
    trials_each: Mapping[str, IntArray]
    is_complete: BoolArray
    is_paired: bool | None


def count_facts(selected: Responses, table: TrialTable) -> StudyFacts:
    """Count what was done. selected, table: the same trials, as text and as numbers."""
    tested = table.is_test & table.shows_fake
    return StudyFacts(
        study=selected.distinct("study")[0],
        rows=_count_values(selected, "design_sha256"),
        conditions=_count_conditions(selected),
        methods=set(table.tested_methods()),
        methods_each=count_methods(table.participant[tested], table.method[tested], table),
        trials_each=_count_trials_each(selected, table),
        is_complete=completed_mask(table),
        is_paired=None if table.is_single else table.real_image is None,
    )


def _count_values(responses: Responses, column: str) -> dict[str, int]:
    counts = np.bincount(responses.codes(column))
    return dict(zip(responses.distinct(column), counts.tolist(), strict=True))


def _count_conditions(selected: Responses) -> dict[str, dict[str, int]]:
    test = selected.select(selected.isin("kind", "test"))
    return {column: _count_values(test, column) for column in CONDITIONS}


def _count_trials_each(selected: Responses, table: TrialTable) -> dict[str, IntArray]:
    once = selected.isin("repeat_of", "")
    rows = {kind: once & selected.isin("kind", kind) for kind in KIND_BY_PROTOCOL_KEY.values()}
    return {
        kind: np.bincount(
            table.participant[table.is_valid & chosen[table.response_row]],
            minlength=len(table.participants),
        )
        for kind, chosen in {**rows, REPEATS: ~once}.items()
    }


def completed_mask(table: TrialTable) -> BoolArray:
    """Return (P,): whether each participant finished."""
    complete: BoolArray = table.outcomes == "complete"
    return complete


def count_methods(
    participant: Codes, method: NDArray[np.int64], table: TrialTable
) -> NDArray[np.int64]:
    """Return (P,): on how many methods each participant was tested.

    participant, method (n,): those of each tested stimulus, as codes.
    """
    methods = int(method.max(initial=0)) + 1
    different = np.unique(participant.astype(np.int64) * methods + method)
    return np.bincount(different // methods, minlength=len(table.participants))
