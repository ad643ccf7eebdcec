"""Check every row of the responses against docs/formats.md, so that no row is dropped silently.

A message names the first wrong row and the rule that it breaks.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.inputs.responses import (
    MODES,
    OUTCOMES,
    Responses,
    ResponsesError,
    encode_combinations,
)
from analysis.trials import BoolArray, IntArray

ALLOWED_VALUES = {
    "outcome": OUTCOMES,
    "mode": MODES,
    "kind": ("qualification", "practice", "test", "attention"),
    "presentation": ("sequential", "simultaneous", "single"),
    "question": ("fake", "real"),  # or empty, in tasks without right answers
}
# empty in tasks without right answers
TRUTH_COLUMNS = ("question", "image", "method", "real_image", "truth", "answer")
REQUIRED_COLUMNS = ("study", "participant")
COUNT_PATTERN, DURATION_PATTERN = r"[0-9]{1,9}", r"([0-9]+(\.[0-9]+)?)?"
MOMENT_PATTERN = r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(\+00:00|Z))?"
PATTERNS = {  # column -> what its values are, as a pattern and in words
    "method": (r"[a-z0-9_-]{0,32}", "up to 32 characters from a-z, 0-9, _ and -"),
    "position": (COUNT_PATTERN, "a whole number"),
    "task": (r"[a-z_]{1,32}", "the name of a task"),
    "candidates": (r"[1-9]", "the number of images that were judged"),
    **dict.fromkeys(("block", "repeat_of"), (f"({COUNT_PATTERN})?", "a whole number or empty")),
    **dict.fromkeys(
        ("rt_ms", "exposure_ms", "first_ms", "second_ms"),
        (DURATION_PATTERN, "milliseconds or empty"),
    ),
    **dict.fromkeys(
        ("started_at", "received_at"), (MOMENT_PATTERN, "a UTC time in ISO 8601 format or empty")
    ),
}
PAIR_ANSWERS = ("left", "right")
SINGLE_ANSWERS = ("fake", "real")
REAL_METHOD = "real"
FLAGS = ("voided", "hidden", "blurred", "resized", "slow_frame", "late")


def check_responses(responses: Responses) -> None:
    """Raise ResponsesError at the first row that contradicts the format, itself or another row."""
    _refuse_blinded_single_images(responses)
    _check_values(responses)
    _check_flags(responses)
    has_truth = ~responses.isin("question", "")
    _check_answers(responses, has_truth)
    _check_images(responses, has_truth)
    participants = _encode_participants(responses)
    _check_participants(responses, participants)
    positions = responses.numbers("position").astype(np.int64)
    _check_positions(responses, participants, positions)
    _check_repeats(responses, participants, positions)


def _refuse_blinded_single_images(responses: Responses) -> None:
    """Explain why a blinded export of single images lacks images and methods.

    They would reveal the truth.
    """
    single, truth = responses.isin("presentation", "single"), responses.isin("truth", "")
    blinded = (
        ~responses.isin("question", "")
        & single
        & truth
        & responses.isin("image", "")
        & responses.isin("method", "")
    )
    if blinded.any():
        raise ResponsesError(
            f"{responses.locate_first(blinded)}: truth, image and method are empty, as in a "
            "blinded export; wait until the study is complete, or export again with --unblind "
            "(logged)"
        )


def _check_values(responses: Responses) -> None:
    has_no_truth = np.ones(len(responses), dtype=np.bool_)
    for column in TRUTH_COLUMNS:
        has_no_truth &= responses.isin(column, "")
    for column, allowed in ALLOWED_VALUES.items():
        wrong = ~responses.isin(column, *allowed)
        if column == "question":
            wrong &= ~has_no_truth
        _refuse_if_any(responses, column, wrong, allowed)
    for column in REQUIRED_COLUMNS:
        _refuse_if_any(responses, column, responses.isin(column, ""), ("a value",))
    for column, (pattern, expected) in PATTERNS.items():
        fits = responses.matches(column, re.compile(pattern).fullmatch)
        _refuse_if_any(responses, column, ~fits, (expected,))


def _check_flags(responses: Responses) -> None:
    known = responses.matches("flags", lambda flags: set(flags.split()) <= set(FLAGS))
    _refuse_if_any(responses, "flags", ~known, (f"only {', '.join(FLAGS)}, separated by spaces",))


def _check_answers(responses: Responses, has_truth: BoolArray) -> None:
    """Sides for pairs, fake or real for single images; truth may be blinded, answer missing."""
    single = responses.isin("presentation", "single")
    for column in ("truth", "answer"):
        for rows, known in ((~single, PAIR_ANSWERS), (single, SINGLE_ANSWERS)):
            wrong = rows & has_truth & ~responses.isin(column, *known, "")
            _refuse_if_any(responses, column, wrong, known)


def _check_images(responses: Responses, has_truth: BoolArray) -> None:
    """Check that method, truth and photograph of a row describe the same images.

    A pair has a fake, made by its method, and a photograph. A single image is a photograph if its
    method is `real`, and a fake otherwise.
    """
    for column in ("image", "method"):
        _refuse_if_any(responses, column, has_truth & responses.isin(column, ""), ("a value",))
    single, real = responses.isin("presentation", "single"), responses.isin("method", REAL_METHOD)
    single, pair = single & has_truth, ~single & has_truth
    no_photograph = responses.isin("real_image", "")
    _refuse_if_any(responses, "method", pair & real, ("the method that made the pair's fake",))
    _refuse_if_any(responses, "real_image", single & ~no_photograph, ("empty for a single image",))
    _refuse_if_any(responses, "real_image", pair & no_photograph, ("the pair's photograph",))
    for rows, truth, label in ((real, "real", "real"), (~real, "fake", "a model or foil")):
        wrong = single & rows & ~responses.isin("truth", truth, "")
        _refuse_if_any(responses, "truth", wrong, (f"{truth!r} because the method is {label}",))


def _refuse_if_any(
    responses: Responses, column: str, wrong: BoolArray, expected: Sequence[str]
) -> None:
    if wrong.any():
        value = str(responses[column][int(np.argmax(wrong))])
        raise ResponsesError(
            f"{responses.locate_first(wrong)}: {column} is {value!r}, expected "
            f"{' or '.join(expected)}"
        )


def _check_participants(responses: Responses, participants: NDArray[np.int64]) -> None:
    """Check that each participant has one pseudonym, one mode and one outcome."""
    _, first = np.unique(participants, return_index=True)
    for column in ("person", "mode", "outcome"):
        codes = responses.columns[column].codes
        wrong = codes != codes[first][participants]
        if wrong.any():
            participant = responses["participant"][int(np.argmax(wrong))]
            raise ResponsesError(
                f"{responses.locate_first(wrong)}: participant {participant}: {column} "
                "differs from an earlier row;"
                " do not combine exports from different days; export the study again"
            )


def _check_positions(
    responses: Responses, participants: NDArray[np.int64], positions: IntArray
) -> None:
    """Check that no participant has two rows with the same position."""
    keys = participants * (positions.max() + 1) + positions
    order = np.argsort(keys, kind="stable")
    again = order[1:][np.diff(keys[order]) == 0]
    if len(again):
        row = int(again.min())
        before = int(np.argmax(keys == keys[row]))
        raise ResponsesError(
            f"{_locate(responses, row)}: participant {responses['participant'][row]} has another "
            f"row with position {positions[row]} ({responses.line_word} "
            f"{responses.line_numbers[before]}), expected one row per trial; do not combine "
            "overlapping exports; export the study again"
        )


def _check_repeats(
    responses: Responses, participants: NDArray[np.int64], positions: IntArray
) -> None:
    """Check that every repeat names an earlier trial of the participant with the same images."""
    repeat_of = responses.numbers("repeat_of")
    repeats = np.flatnonzero(~np.isnan(repeat_of))
    if not len(repeats):
        return
    width = int(max(positions.max(), repeat_of[repeats].max())) + 1
    keys = participants * width + positions
    order = np.argsort(keys)
    named = participants[repeats] * width + repeat_of[repeats].astype(np.int64)
    at = order[np.minimum(np.searchsorted(keys, named, sorter=order), len(keys) - 1)]
    fits = (keys[at] == named) & (positions[at] < positions[repeats])
    for column in ("kind", "image", "method", "real_image"):
        codes = responses.columns[column].codes
        fits &= codes[at] == codes[repeats]
    wrong = np.zeros(len(keys), dtype=np.bool_)
    wrong[repeats[~fits]] = True
    expected = "the position of an earlier trial of this participant with the same images"
    _refuse_if_any(responses, "repeat_of", wrong, (expected,))


def _locate(responses: Responses, row: int) -> str:
    return responses.locate_first(np.arange(len(responses)) == row)


def _encode_participants(responses: Responses) -> NDArray[np.int64]:
    """Return codes (n,) of the participants; one study's need no second column."""
    several = len(responses.distinct("study")) > 1
    return encode_combinations(
        responses, *(("study", "participant") if several else ("participant",))
    )
