"""Make the expected scores of stimuli, and the bias and inconsistency of participants, with sureal.

`python tests/reference/make_rater_expected.py` reads `stats/ratings.csv` and writes what sureal
computes from the stimuli that at least two people rated; a stimulus is an image made by a method.
The inconsistency is the standard deviation of sureal's scores without bias from the stimuli's mean
scores. sureal's own inconsistency comes from a maximum-likelihood model, which weights people by
it, and is another estimate. The script imports nothing of the project.
"""

import csv
import json
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from sureal.dataset_reader import RawDatasetReader
from sureal.subjective_model import SubjectiveModel

FOLDER = Path(__file__).with_name("stats")


def main() -> None:
    """Write the expected values."""
    dataset = read_dataset()
    reader = RawDatasetReader(dataset)
    plain, corrected = run_model("MOS", reader), run_model("BR_MOS", reader)
    means = np.array(plain["quality_scores"])
    residuals = np.array(corrected["raw_scores"])[:, :, 0] - means[:, None]
    expected = {
        "stimuli": [[video["content_id"], video["method"]] for video in dataset.dis_videos],
        "means": plain["quality_scores"],
        "se": plain["quality_scores_std"],
        "participants": [int(name) for name in reader._get_list_observers()],
        "bias": corrected["observer_bias"],
        "inconsistency": np.nanstd(residuals, axis=0, ddof=1).tolist(),
    }
    text = json.dumps(expected, indent=1, default=float)
    (FOLDER / "raters_expected.json").write_text(text + "\n", encoding="utf-8")


def read_dataset() -> SimpleNamespace:
    """Return the grades in the form that sureal reads; a stimulus is named IMAGE_METHOD."""
    scores = defaultdict[tuple[int, int], dict[str, float]](dict)
    with (FOLDER / "ratings.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            stimulus = int(row["image"]), int(row["method"])
            scores[stimulus][row["participant"]] = float(row["score"])
    images = sorted({image for image, _ in scores})
    return SimpleNamespace(
        dataset_name="ratings",
        ref_score=5.0,
        ref_videos=[
            {"content_id": image, "content_name": str(image), "path": str(image)}
            for image in images
        ],
        dis_videos=[
            {
                "content_id": image,
                "asset_id": code,
                "path": f"{image}_{method}",
                "method": method,
                "os": by_person,
            }
            for code, ((image, method), by_person) in enumerate(sorted(scores.items()))
            if len(by_person) > 1
        ],
    )


def run_model(name: str, reader: RawDatasetReader) -> dict[str, Any]:
    """Return the results of a model of sureal."""
    model = SubjectiveModel.find_subclass(name)(reader)
    result: dict[str, Any] = model.run_modeling()
    return result


if __name__ == "__main__":
    main()
