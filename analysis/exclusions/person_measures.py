"""How each person went about the study, as shares and counts; nothing here looks at the rates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.inputs.responses import Responses, StrArray
from analysis.inputs.trial_table import TrialTable
from analysis.trials import BoolArray, Codes, FloatArray


@dataclass(frozen=True)
class Conduct:
    """Of P people, practice aside; (P,) each. Shares are nan of nothing.

    answers: test and attention checks answered; completed: the same, repeats aside. fast: share of
    those with a time that came before `fast_ms`. left, alternation, flagged: shares of answers that
    chose `left` (or `fake`), changed sides since the one before, carry a timing flag.
    attention_checks_shown, attention_checks_correct: trials.
    """

    outcome: StrArray
    answers: NDArray[np.int64]
    completed: NDArray[np.int64]
    fast: FloatArray
    left: FloatArray
    alternation: FloatArray
    flagged: FloatArray
    attention_checks_shown: NDArray[np.int64]
    attention_checks_correct: NDArray[np.int64]


def observe_conduct(record: TrialTable, fast_ms: float) -> Conduct:
    """Count what the rules ask for, over test and attention checks."""
    people = len(record.participants)
    judged = record.is_main & record.is_answered
    participant, first = record.participant[judged], record.chose_left_or_fake[judged]
    answers = np.bincount(participant, minlength=people)
    times = record.rt_ms[judged]
    changed = (participant[1:] == participant[:-1]) & (first[1:] != first[:-1])

    def count(codes: Codes) -> NDArray[np.int64]:
        return np.bincount(codes, minlength=people)

    return Conduct(
        outcome=record.outcomes,
        answers=answers,
        completed=count(
            record.participant[(record.is_test | record.is_attention_check) & record.is_answered]
        ),
        fast=_share(count(participant[times < fast_ms]), count(participant[~np.isnan(times)])),
        left=_share(count(participant[first]), answers),
        alternation=_share(count(participant[1:][changed]), answers - 1),
        flagged=_share(count(participant[record.is_disturbed[judged]]), answers),
        attention_checks_shown=count(
            record.participant[record.is_attention_check & record.is_valid]
        ),
        attention_checks_correct=count(
            record.participant[record.is_attention_check & record.is_answered & ~record.is_wrong]
        ),
    )


def took_part_before(responses: Responses, taken: Responses) -> BoolArray | None:
    """(P,): who began another study of the same input earlier; None where there is no other.

    responses: all studies of the input; taken: those of the mode and study to report on.
    """
    study = taken.distinct("study")[0]
    others = responses.select(~responses.isin("study", study))
    if not len(others):
        return None
    began = _beginnings(others)
    here = _beginnings(taken)
    return np.array([began.get(person, moment) < moment for person, moment in here.items()])


def _beginnings(responses: Responses) -> dict[str, str]:
    """Person -> when their first trial began, as ISO 8601 text, which sorts by time."""
    person, began = responses.codes("participant"), responses.codes("started_at")
    first = np.full(int(person.max()) + 1, len(responses))
    np.minimum.at(first, person, began)
    moments = responses.distinct("started_at")
    return {
        name: moments[code]
        for name, code in zip(responses.distinct("participant"), first.tolist(), strict=True)
    }


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> FloatArray:
    """part / whole, nan where there is no whole."""
    shares = np.full(len(part), np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares
