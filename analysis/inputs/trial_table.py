"""What each person did, as numbers: the trials of one mode, each once, in the order shown."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.inputs.responses import Responses, ResponsesError, Words
from analysis.trials import BoolArray, Codes, FloatArray

DISTURBED = ("hidden", "blurred", "resized", "slow_frame", "late")  # flags that void nothing


@dataclass(frozen=True)
class Record:
    """P people and n trials of any kind, sorted by person and position.

    people, outcome (P,): names in alphabetical order, and how each ended. methods: names.
    participant, image, method (n,): codes; the method is what made the fake, or the only image.
    beside (n,): codes of the photographs that the fakes stood beside; None where each was its own.
    test (n,): enters rates where answered. is_attention_check (n,). Repeats of an
    earlier trial are neither.
    judged (n,): either, or a repeat; what the rules look at.
    repeats, originals (r,): places among the n trials of repeats of test trials, and of what they
    repeat; one whose earlier trial is not there is left out.
    seen (n,): not voided. answered (n,): seen, and with an answer.
    first (n,): the answer is `left`, or `fake` of a single image.
    wrong (n,): it is not the right one; of a test trial with a fake: the fake fooled.
    rt_ms (n,): nan without one. disturbed (n,): with another flag than `voided`.
    row (n,): where the trial stands in the responses. duplicates: rows left out, the trial of that
    person and position being there already. single: images are shown alone.
    """

    people: Words
    outcome: Words
    methods: list[str]
    participant: Codes
    image: Codes
    method: Codes
    beside: Codes | None
    test: BoolArray
    is_attention_check: BoolArray
    judged: BoolArray
    repeats: NDArray[np.int64]
    originals: NDArray[np.int64]
    seen: BoolArray
    answered: BoolArray
    first: BoolArray
    wrong: BoolArray
    rt_ms: FloatArray
    disturbed: BoolArray
    row: NDArray[np.int64]
    duplicates: int
    single: bool

    def __len__(self) -> int:
        return len(self.row)

    @property
    def fake(self) -> BoolArray:
        """(n,): shows a fake, alone or in a pair; not a photograph alone."""
        photograph = np.array([self.single and method == "real" for method in self.methods], bool)
        return ~photograph[self.method]

    def tested_methods(self) -> list[str]:
        """Every method whose fakes were put to the test."""
        tested = np.bincount(self.method[self.test & self.fake], minlength=len(self.methods)) > 0
        return [self.methods[code] for code in np.flatnonzero(tested)]


def read_record(taken: Responses) -> Record:
    """The responses of one study and mode as numbers. Of rows that share person and position the
    first counts.

    Raises ResponsesError where the truth of an answer is blinded, or where single images and
    pairs are mixed.
    """
    participant, position = taken.codes("participant"), taken.numbers("position").astype(np.int64)
    row = _order(participant, position)
    start = np.searchsorted(participant[row], np.arange(len(taken.distinct("participant"))))
    single = _is_single(taken)
    test, is_attention_check = taken.equals("kind", "test"), taken.equals("kind", "attention")
    once = taken.equals("repeat_of", "")
    repeats, originals = _find_originals(
        participant[row], position[row], taken.numbers("repeat_of")[row], (test & ~once)[row]
    )
    seen = ~taken.where("flags", lambda flags: "voided" in flags)
    answered = seen & ~taken.equals("answer", "")
    _refuse_blinded(taken, answered & (test | is_attention_check))
    first = taken.equals("answer", "left", "fake")
    right = first == taken.equals("truth", "left", "fake")
    if not single:
        right = right == taken.equals("question", "fake")
    return Record(
        people=np.array(taken.distinct("participant")),
        outcome=np.array(taken.distinct("outcome"))[taken.codes("outcome")[row[start]]],
        methods=taken.distinct("method"),
        participant=participant[row],
        image=taken.codes("image")[row],
        method=taken.codes("method")[row],
        beside=None if single or _is_paired(taken) else taken.codes("real_image")[row],
        test=(test & once)[row],
        is_attention_check=(is_attention_check & once)[row],
        judged=(test | is_attention_check)[row],
        repeats=repeats,
        originals=originals,
        seen=seen[row],
        answered=answered[row],
        first=first[row],
        wrong=~right[row],
        rt_ms=taken.numbers("rt_ms")[row],
        disturbed=(~taken.equals("flags", "", "voided"))[row],
        row=row,
        duplicates=len(taken) - len(row),
        single=single,
    )


def _order(participant: Codes, position: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows by person and position; of those that share both the first."""
    place = participant * (position.max() + 1) + position
    rows: NDArray[np.int64] = np.argsort(place, kind="stable")
    once: BoolArray = np.diff(place[rows], prepend=-1) != 0
    return rows[once]


def _find_originals(
    participant: Codes, position: NDArray[np.int64], repeat_of: FloatArray, repeats: BoolArray
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where repeats are, and the trials they repeat: the same person's at the position named.

    participant, position, repeat_of, repeats (n,): sorted by person and position.
    """
    again = np.flatnonzero(repeats)
    width = int(max(position.max(), np.nanmax(repeat_of[again], initial=0))) + 1
    place = participant * width + position
    named = participant[again] * width + repeat_of[again].astype(np.int64)
    at = np.minimum(np.searchsorted(place, named), len(place) - 1)
    found = place[at] == named
    return again[found], at[found]


def _is_single(taken: Responses) -> bool:
    single = taken.equals("presentation", "single")
    if single.any() and not single.all():
        raise ResponsesError(
            f"{taken.at(single)}: a single image in a study of pairs; export the study again"
        )
    return bool(single.any())


def _is_paired(taken: Responses) -> bool:
    """Whether every fake of a test trial stood beside the photograph it was made from."""
    others = taken.equals("kind", "test") & ~taken.agree("image", "real_image")
    return not others.any()


def _refuse_blinded(taken: Responses, answered: BoolArray) -> None:
    blinded = answered & taken.equals("truth", "")
    if blinded.any():
        raise ResponsesError(
            f"{taken.at(blinded)}: truth is empty, as in a blinded export;"
            " export again with --unblind"
        )
