"""The trials of one mode as arrays, by participant and position."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.inputs.responses import Responses, ResponsesError, StrArray
from analysis.trials import BoolArray, Codes, FloatArray

# flags that void nothing
DISTURBANCE_FLAGS = ("hidden", "blurred", "resized", "slow_frame", "late")


@dataclass(frozen=True)
class TrialTable:
    """P participants and n trials of any kind, sorted by participant and position.

    participants, outcomes (P,): names in alphabetical order, and their outcomes. methods: names.
    participant, image, method (n,): codes; the method made the fake, or the only image.
    real_image (n,): codes of the photographs shown beside the fakes; None if each fake was shown
    beside its own.
    is_test, is_attention_check (n,): kinds of trial; repeats of an earlier trial are neither.
    is_main (n,): test trials, attention checks and repeats, to which the exclusion rules apply.
    repeat_rows, original_rows (r,): indices of repeats of test trials, and of the trials they
    repeat.
    is_valid (n,): not voided. is_answered (n,): valid, and with an answer.
    chose_left_or_fake (n,): the answer is `left`, or `fake` for a single image.
    is_wrong (n,): the answer is wrong; in a test trial with a fake, the fake fooled.
    rt_ms (n,): NaN if missing. is_disturbed (n,): has a flag other than `voided`.
    response_row (n,): the trial's row in the responses. is_single: images are shown alone.
    """

    participants: StrArray
    outcomes: StrArray
    methods: list[str]
    participant: Codes
    image: Codes
    method: Codes
    real_image: Codes | None
    is_test: BoolArray
    is_attention_check: BoolArray
    is_main: BoolArray
    repeat_rows: NDArray[np.int64]
    original_rows: NDArray[np.int64]
    is_valid: BoolArray
    is_answered: BoolArray
    chose_left_or_fake: BoolArray
    is_wrong: BoolArray
    rt_ms: FloatArray
    is_disturbed: BoolArray
    response_row: NDArray[np.int64]
    is_single: bool

    def __len__(self) -> int:
        return len(self.response_row)

    @property
    def shows_fake(self) -> BoolArray:
        """A mask (n,): the trial shows a fake, alone or in a pair."""
        photograph = np.array(
            [self.is_single and method == "real" for method in self.methods], bool
        )
        return ~photograph[self.method]

    def tested_methods(self) -> list[str]:
        """Every method whose fakes were put to the test."""
        tested = (
            np.bincount(self.method[self.is_test & self.shows_fake], minlength=len(self.methods))
            > 0
        )
        return [self.methods[code] for code in np.flatnonzero(tested)]


def build_trial_table(selected: Responses) -> TrialTable:
    """Build the arrays of one study and mode.

    Raises ResponsesError if the truth of an answer is blinded, or if single images and pairs are
    mixed.
    """
    participant, position = (
        selected.codes("participant"),
        selected.numbers("position").astype(np.int64),
    )
    row = np.lexsort((position, participant))
    first_rows = np.searchsorted(participant[row], np.arange(len(selected.distinct("participant"))))
    single = _is_single(selected)
    test, is_attention_check = selected.isin("kind", "test"), selected.isin("kind", "attention")
    is_no_repeat = selected.isin("repeat_of", "")
    repeats, originals = _find_originals(
        participant[row],
        position[row],
        selected.numbers("repeat_of")[row],
        (test & ~is_no_repeat)[row],
    )
    is_valid = ~selected.matches("flags", lambda flags: "voided" in flags)
    answered = is_valid & ~selected.isin("answer", "")
    _refuse_blinded(selected, answered & (test | is_attention_check))
    first = selected.isin("answer", "left", "fake")
    right = first == selected.isin("truth", "left", "fake")
    if not single:
        right = right == selected.isin("question", "fake")
    return TrialTable(
        participants=np.array(selected.distinct("participant")),
        outcomes=np.array(selected.distinct("outcome"))[selected.codes("outcome")[row[first_rows]]],
        methods=selected.distinct("method"),
        participant=participant[row],
        image=selected.codes("image")[row],
        method=selected.codes("method")[row],
        real_image=None if single or _is_paired(selected) else selected.codes("real_image")[row],
        is_test=(test & is_no_repeat)[row],
        is_attention_check=(is_attention_check & is_no_repeat)[row],
        is_main=(test | is_attention_check)[row],
        repeat_rows=repeats,
        original_rows=originals,
        is_valid=is_valid[row],
        is_answered=answered[row],
        chose_left_or_fake=first[row],
        is_wrong=~right[row],
        rt_ms=selected.numbers("rt_ms")[row],
        is_disturbed=(~selected.isin("flags", "", "voided"))[row],
        response_row=row,
        is_single=single,
    )


def build_judged_table(
    selected: Responses, image: StrArray, is_right: BoolArray, chose_left: BoolArray
) -> TrialTable:
    """Build the arrays of one study and mode of a task whose candidates are judged.

    image (n,): the source image of each row, empty without an answer. is_right (n,): False for
    failed attention checks. chose_left (n,): whether the left one of two candidates was preferred.
    All trials have one method, because a trial shows several.
    """
    participant = selected.codes("participant")
    position = selected.numbers("position").astype(np.int64)
    row = np.lexsort((position, participant))
    first_rows = np.searchsorted(participant[row], np.arange(len(selected.distinct("participant"))))
    test, is_attention_check = selected.isin("kind", "test"), selected.isin("kind", "attention")
    is_no_repeat = selected.isin("repeat_of", "")
    repeats, originals = _find_originals(
        participant[row],
        position[row],
        selected.numbers("repeat_of")[row],
        (test & ~is_no_repeat)[row],
    )
    is_valid = ~selected.matches("flags", lambda flags: "voided" in flags)
    return TrialTable(
        participants=np.array(selected.distinct("participant")),
        outcomes=np.array(selected.distinct("outcome"))[selected.codes("outcome")[row[first_rows]]],
        methods=["all"],
        participant=participant[row],
        image=np.unique(image, return_inverse=True)[1].astype(np.int64)[row],
        method=np.zeros(len(row), dtype=np.int64),
        real_image=None,
        is_test=(test & is_no_repeat)[row],
        is_attention_check=(is_attention_check & is_no_repeat)[row],
        is_main=(test | is_attention_check)[row],
        repeat_rows=repeats,
        original_rows=originals,
        is_valid=is_valid[row],
        is_answered=(is_valid & (image != ""))[row],
        chose_left_or_fake=chose_left[row],
        is_wrong=~is_right[row],
        rt_ms=selected.numbers("rt_ms")[row],
        is_disturbed=(~selected.isin("flags", "", "voided"))[row],
        response_row=row,
        is_single=False,
    )


def _find_originals(
    participant: Codes, position: NDArray[np.int64], repeat_of: FloatArray, repeats: BoolArray
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of the repeats, and of the trials they repeat, which exist.

    participant, position, repeat_of, repeats (n,): sorted by person and position.
    """
    repeat_rows = np.flatnonzero(repeats)
    width = int(position.max()) + 1
    named = participant[repeat_rows] * width + repeat_of[repeat_rows].astype(np.int64)
    return repeat_rows, np.searchsorted(participant * width + position, named)


def _is_single(selected: Responses) -> bool:
    single = selected.isin("presentation", "single")
    if single.any() and not single.all():
        raise ResponsesError(
            f"{selected.locate_first(single)}: a single image in a study of pairs; export the "
            f"study again"
        )
    return bool(single.any())


def _is_paired(selected: Responses) -> bool:
    """Return whether every fake of a test trial was shown beside its own photograph."""
    others = selected.isin("kind", "test") & ~selected.columns_equal("image", "real_image")
    return not others.any()


def _refuse_blinded(selected: Responses, answered: BoolArray) -> None:
    blinded = answered & selected.isin("truth", "")
    if blinded.any():
        raise ResponsesError(
            f"{selected.locate_first(blinded)}: truth is empty, as in a blinded export;"
            " wait until the study is complete, or export again with --unblind (logged)"
        )
