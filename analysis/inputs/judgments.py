"""The judgments of candidates, from judgments.csv or the view `judgments_export`, by trial."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.inputs.companion_tables import CompanionTable
from analysis.inputs.responses import Responses, ResponsesError
from analysis.trials import BoolArray, FloatArray, IntArray

JUDGMENT_COLUMNS = (
    *("study", "participant", "mode", "kind", "position", "slot", "image", "method", "scale"),
    *("rank", "score", "shown_ms"),
)
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
    database. Raises ResponsesError if they are missing, blinded, or do not belong to the responses.
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
        study, participant, position = row[0], row[1], row[4]
        row_of_trial = trials.get((study, participant, position))
        if row_of_trial is None or not row[8]:  # another study or mode, or not answered
            continue
        if not row[7]:
            raise ResponsesError(
                f"{name}: {line}: method is empty, as in a blinded export; wait until the study is "
                "complete, or export again with --unblind (logged)"
            )
        kept.append((row_of_trial, int(row[5]), row[6], row[7], row[8], float(row[9] or row[10])))
    trial, slot, image, method, scale, value = zip(*kept, strict=True) if kept else ((),) * 6
    return Judgments(
        np.array(trial, dtype=np.int64),
        np.array(slot, dtype=np.int64),
        np.array(image, dtype=np.str_),
        np.array(method, dtype=np.str_),
        np.array(scale, dtype=np.str_),
        np.array(value, dtype=np.float64),
    )
