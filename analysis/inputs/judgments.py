"""The judgments of candidates, from judgments.csv or the view `judgments_export`, by trial."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.inputs.companion_tables import CompanionTable, check_cells, is_number
from analysis.inputs.responses import Responses, ResponsesError
from analysis.trials import BoolArray, FloatArray, IntArray

JUDGMENT_COLUMNS = (
    *("study", "participant", "mode", "kind", "position", "slot", "image", "method", "scale"),
    *("rank", "score", "shown_ms"),
)
RANK_SCALE = "rank"  # all other scales have scores
SLOT_PATTERN = re.compile(r"[0-8]")
RANK_PATTERN = re.compile(r"[1-9](\.0+)?")  # programs may write integers with a decimal point
JUDGMENTS = CompanionTable("judgments.csv", "judgments_export", JUDGMENT_COLUMNS)


@dataclass(frozen=True)
class Judgments:
    """The m answered judgments of one study and mode.

    trial (m,): the row of the trial in the responses. slot (m,). image, method, scale (m,): names.
    value (m,): the rank, where 1 is best, or the score.
    """

    trial: IntArray
    slot: IntArray
    image: NDArray[np.str_]
    method: NDArray[np.str_]
    scale: NDArray[np.str_]
    value: FloatArray

    def select(self, chosen: BoolArray) -> "Judgments":
        """Return the judgments where chosen (m,) is True."""
        return Judgments(
            self.trial[chosen],
            self.slot[chosen],
            self.image[chosen],
            self.method[chosen],
            self.scale[chosen],
            self.value[chosen],
        )


def read_judgments(source: str, selected: Responses) -> Judgments:
    """Read the judgments of the selected responses.

    source: the file of the responses, beside which judgments.csv is expected, or the URL of a study
    database. Raises ResponsesError if they are missing or blinded, contradict the format, or if an
    answered trial has not one for each candidate.
    """
    name, rows = JUDGMENTS.name_in(source), JUDGMENTS.read(source)
    trials = {
        key: row
        for row, key in enumerate(
            zip(selected["study"], selected["participant"], selected["position"], strict=True)
        )
    }
    kept = []
    for line, row in rows:
        study, participant, _, _, position, slot, image, method, scale, rank, score, _ = row
        trial = trials.get((study, participant, position))
        if trial is None or not scale:  # another study or mode, or not answered
            continue
        _check_row(f"{name}: {line}", row)
        kept.append((trial, int(slot), image, method, scale, float(rank or score)))
    _check_candidates(name, selected, [(one[0], one[4], one[1]) for one in kept])
    of_trials, slots, images, methods, scales, values = (
        zip(*kept, strict=True) if kept else ((),) * 6
    )
    return Judgments(
        np.array(of_trials, dtype=np.int64),
        np.array(slots, dtype=np.int64),
        np.array(images, dtype=np.str_),
        np.array(methods, dtype=np.str_),
        np.array(scales, dtype=np.str_),
        np.array(values, dtype=np.float64),
    )


def _check_row(place: str, row: Sequence[str]) -> None:
    """Raise ResponsesError unless the format allows every value of an answered row."""
    slot, image, method, scale, rank, score = row[5:11]
    if not method:
        raise ResponsesError(
            f"{place}: method is empty, as in a blinded export; wait until the study is complete, "
            "or export again with --unblind (logged)"
        )
    values = (
        (("rank", rank, rank == "", "empty"), ("score", score, is_number(score), "a number"))
        if scale != RANK_SCALE
        else (
            ("rank", rank, RANK_PATTERN.fullmatch(rank), "a rank from 1 to 9"),
            ("score", score, score == "", "empty"),
        )
    )
    check_cells(
        place,
        (
            ("slot", slot, SLOT_PATTERN.fullmatch(slot), "a place from 0 to 8"),
            ("image", image, image != "", "a value"),
            *values,
        ),
    )


def _check_candidates(
    name: str, selected: Responses, judged: Sequence[tuple[int, str, int]]
) -> None:
    """Raise ResponsesError unless each trial has one judgment a candidate, on each of its scales.

    judged: the trial, the scale and the slot of each judgment.
    """
    candidates = selected["candidates"]
    twice = [key for key, count in Counter(judged).items() if count > 1]
    counts = Counter((trial, scale) for trial, scale, _ in judged)
    wrong = [key[:2] for key in twice] or [
        (trial, scale) for (trial, scale), n in counts.items() if n != int(candidates[trial])
    ]
    if wrong:
        trial, scale = wrong[0]
        raise ResponsesError(
            f"{name}: position {selected['position'][trial]} of participant "
            f"{selected['participant'][trial]} has {counts[wrong[0]]} judgments on the scale "
            f"{scale}, expected one for each of {candidates[trial]} candidates; the file was "
            "truncated or edited; export the study again"
        )
