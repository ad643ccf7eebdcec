"""Which people and which trials enter a rate, and the count of what stays out and why."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from analysis.fooling import Trials
from analysis.responses import Responses, ResponsesError, Words, code_rows


@dataclass(frozen=True)
class Step:
    """How many participants and trials are left after a step."""

    step: str
    participants: int
    trials: int


@dataclass(frozen=True)
class Counted:
    """What enters the rates.

    trials: those that count. everybody: the same, had every participant counted.
    methods: every method put to the test, also one without a trial that counts.
    reasons: participant -> why they do not count; () where they do.
    """

    trials: Trials
    everybody: Trials
    methods: list[str]
    flow: list[Step]
    reasons: dict[str, tuple[str, ...]]

    def by_reason(self) -> dict[str, int]:
        """How many participants each reason keeps out."""
        counts = Counter(reason for reasons in self.reasons.values() for reason in reasons)
        return dict(sorted(counts.items()))


def count_trials(recorded: Responses, taken: Responses) -> Counted:
    """Sort out the trials of one study.

    recorded: all its rows; taken: those of the mode to report. Raises ResponsesError where the
    test trials show single images, or their truth is blinded.
    """
    test = taken.only(taken["kind"] == "test")
    _refuse_single(test)
    answered = test.only((test["answer"] != "") & (np.char.find(test["flags"], "voided") < 0))
    _refuse_blinded(answered)
    complete = answered.only(answered["outcome"] == "complete")
    return Counted(
        trials=_encode(complete),
        everybody=_encode(answered),
        methods=np.unique(test["method"]).tolist(),
        flow=[
            _step("recorded in the study", recorded),
            _step(f"mode {taken['mode'][0]}", taken),
            _step("test trials", test),
            _step("answered and not voided", answered),
            _step("by participants who completed", complete),
        ],
        reasons=_reasons(taken),
    )


def _refuse_single(test: Responses) -> None:
    single = test["presentation"] == "single"
    if single.any():
        raise ResponsesError(
            f"{test.at(single)}: shows a single image; this report is about pairs only, give a"
            " study whose presentation is sequential or simultaneous"
        )


def _refuse_blinded(answered: Responses) -> None:
    blinded = answered["truth"] == ""
    if blinded.any():
        raise ResponsesError(
            f"{answered.at(blinded)}: truth is empty, as in a blinded export;"
            " export again with --unblind"
        )


def _encode(answered: Responses) -> Trials:
    """Only here is it decided who was fooled: by taking the fake's side for the real one's."""
    chose_fake = answered["answer"] == answered["truth"]
    asked_fake = answered["question"] == "fake"
    return Trials(
        fooled=chose_fake != asked_fake,
        participant=code_rows(answered, "participant"),
        image=code_rows(answered, "image"),
        method=answered["method"],
    )


def _step(step: str, left: Responses) -> Step:
    return Step(step, _distinct(left["participant"]), len(left))


def _distinct(values: Words) -> int:
    return len(np.unique(values))


def _reasons(taken: Responses) -> dict[str, tuple[str, ...]]:
    people, first = np.unique(taken["participant"], return_index=True)
    outcomes = taken["outcome"][first].tolist()
    return {
        person: () if outcome == "complete" else (outcome,)
        for person, outcome in zip(people.tolist(), outcomes, strict=True)
    }
