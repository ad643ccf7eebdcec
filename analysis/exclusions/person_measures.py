"""Measures of how each participant worked, as shares and counts. None uses the fooling rates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.inputs.responses import Responses, StrArray
from analysis.inputs.trial_table import TrialTable
from analysis.trials import BoolArray, Codes, FloatArray

NOT_LINKED_REASON = (
    "people cannot be recognized across studies, because this study is not linked with others "
    "(`linked` in study.toml)"
)
ONE_STUDY_REASON = (
    "the input contains only this study; use the server’s database, or one file with the responses "
    "of all linked studies"
)


@dataclass(frozen=True)
class ParticipantMeasures:
    """Measures of how each of P participants worked, without practice; every field is (P,).

    Shares are NaN if there is nothing to divide by. answered_trials: answered test trials and
    attention checks. completed_trials: the same without repeats. fast_share: share of the timed
    answers that took less than `fast_ms`. left_share: share of answers `left` (single images:
    `fake`). alternation_share: share of answers that differ from the previous one.
    disturbed_share: share of answers with a timing flag. attention_checks_shown,
    attention_checks_correct: numbers of attention checks.
    """

    outcomes: StrArray
    answered_trials: NDArray[np.int64]
    completed_trials: NDArray[np.int64]
    fast_share: FloatArray
    left_share: FloatArray
    alternation_share: FloatArray
    disturbed_share: FloatArray
    attention_checks_shown: NDArray[np.int64]
    attention_checks_correct: NDArray[np.int64]


def measure_participants(table: TrialTable, fast_ms: float) -> ParticipantMeasures:
    """Compute what the exclusion rules need, from test trials and attention checks."""
    participants = len(table.participants)
    is_main_answered = table.is_main & table.is_answered
    participant, first = (
        table.participant[is_main_answered],
        table.chose_left_or_fake[is_main_answered],
    )
    answers = np.bincount(participant, minlength=participants)
    times = table.rt_ms[is_main_answered]
    changed = (participant[1:] == participant[:-1]) & (first[1:] != first[:-1])

    def count(codes: Codes) -> NDArray[np.int64]:
        return np.bincount(codes, minlength=participants)

    return ParticipantMeasures(
        outcomes=table.outcomes,
        answered_trials=answers,
        completed_trials=count(
            table.participant[(table.is_test | table.is_attention_check) & table.is_answered]
        ),
        fast_share=divide(
            count(participant[times < fast_ms]), count(participant[~np.isnan(times)])
        ),
        left_share=divide(count(participant[first]), answers),
        alternation_share=divide(count(participant[1:][changed]), answers - 1),
        disturbed_share=divide(count(participant[table.is_disturbed[is_main_answered]]), answers),
        attention_checks_shown=count(table.participant[table.is_attention_check & table.is_valid]),
        attention_checks_correct=count(
            table.participant[table.is_attention_check & table.is_answered & ~table.is_wrong]
        ),
    )


def find_repeat_participants(all_responses: Responses, selected: Responses) -> BoolArray | str:
    """Return (P,): whether each participant began another study of the same input earlier.

    People are recognized by the column `person`. Returns the reason if nobody can be recognized.
    all_responses: all studies of the input; selected: the study and mode to report on.
    """
    if not any(selected.distinct("person")):
        return NOT_LINKED_REASON
    study = selected.distinct("study")[0]
    others = all_responses.select(~all_responses.isin("study", study))
    if not len(others):
        return ONE_STUDY_REASON
    began_there = _first_trial_times(others, "person")
    began_here = _first_trial_times(selected, "participant")
    return np.array(
        [
            bool(person) and began_there.get(person, moment) < moment
            for person, moment in zip(_list_persons(selected), began_here.values(), strict=True)
        ]
    )


def _list_persons(responses: Responses) -> list[str]:
    """Return the pseudonym of each participant, in alphabetical order of the participants."""
    _, first_rows = np.unique(responses.codes("participant"), return_index=True)
    column = responses.columns["person"]
    return [column.values[code] for code in column.codes[first_rows].tolist()]


def _first_trial_times(responses: Responses, column: str) -> dict[str, str]:
    """Return when the first trial of each value began, as ISO 8601 text, which sorts by time."""
    value, began = responses.codes(column), responses.codes("started_at")
    first = np.full(int(value.max()) + 1, len(responses))
    np.minimum.at(first, value, began)
    moments = responses.distinct("started_at")
    return {
        name: moments[code]
        for name, code in zip(responses.distinct(column), first.tolist(), strict=True)
    }


def divide(part: NDArray[np.int64], whole: NDArray[np.int64]) -> FloatArray:
    """Return part / whole, NaN where whole is 0."""
    shares = np.full(len(part), np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares
