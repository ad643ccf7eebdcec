"""Coverage of HYPE-time's score.

The published score (mean over blocks of a person's most frequent exposure, then over people, with a
t interval over people) is computed in simulated studies of 30 people. People differ in their
thresholds (SD 0.5 doublings) and answer 5% of images wrongly even after a long look. The true
exposure is the mean over people of the exposure at which they are right on 63% of trials, where
steps of 10 and 30 ms balance.
"""

import numpy as np

from analysis.inference.intervals import t_quantile
from analysis.tasks.hype_time import find_modal_exposures, find_target
from analysis.trials import BoolArray, FloatArray
from study_server.protocol.staircase import Staircase
from study_server.protocol.study_toml import create_protocol
from study_server.simulation.simulated_people import THRESHOLD_SD, THRESHOLD_SLOPE

STUDIES, PEOPLE, LAPSE = 100, 30, 0.05
MEDIANS_MS = (100, 200, 300, 500, 800, 1200)  # halfway between guessing and a long look


def main() -> None:
    """Print the score, its coverage and its interval for populations of different thresholds."""
    staircase = create_protocol("s", "hype_time").staircase
    assert staircase is not None
    print(f"{STUDIES} studies per row, {PEOPLE} people; target: 95%\n")
    print("median threshold  true exposure  score  interval covers the true one  width")
    for median_ms in MEDIANS_MS:
        rng = np.random.default_rng(median_ms)
        true_ms = find_true_exposure(median_ms, staircase)
        results = [score_study(median_ms, staircase, rng) for _ in range(STUDIES)]
        score = np.mean([one for one, _ in results])
        covered = np.mean([abs(one - true_ms) <= half for one, half in results])
        width = 2 * np.mean([half for _, half in results])
        print(
            f"{median_ms:13} ms {true_ms:11.0f} ms {score:4.0f} ms {100 * covered:27.0f}% "
            f"{width:8.0f} ms"
        )


def find_true_exposure(median_ms: float, staircase: Staircase) -> float:
    """Return the mean over people of the exposure at which the staircase would settle."""
    share_seen = (find_target(staircase.model_dump()) - 0.5) / (0.5 - LAPSE)
    shift = np.log(share_seen / (1 - share_seen)) / THRESHOLD_SLOPE
    return float(median_ms * 2**shift * np.exp((THRESHOLD_SD * np.log(2)) ** 2 / 2))


def score_study(
    median_ms: float, staircase: Staircase, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the score of a simulated study and half the width of its t interval."""
    thresholds = np.log2(median_ms) + THRESHOLD_SD * rng.standard_normal(PEOPLE)
    shown_ms = run_staircases(np.repeat(thresholds, staircase.blocks), staircase, rng)
    runs = np.repeat(np.arange(shown_ms.shape[1]), len(shown_ms))
    people, modes_ms = find_modal_exposures(
        runs // staircase.blocks, (runs % staircase.blocks).astype(float), shown_ms.T.ravel()
    )
    scores = np.bincount(people, weights=modes_ms) / staircase.blocks
    half = t_quantile(PEOPLE - 1) * scores.std(ddof=1) / np.sqrt(PEOPLE)
    return float(scores.mean()), float(half)


def run_staircases(
    thresholds: FloatArray, staircase: Staircase, rng: np.random.Generator
) -> FloatArray:
    """Return the exposures (trials, n) of n blocks at once. thresholds (n,): log2 of ms."""
    exposure_ms = np.full(len(thresholds), float(staircase.start_ms))
    in_a_row = np.zeros(len(thresholds), dtype=np.int64)
    shown_ms = []
    for _ in range(staircase.trials_per_block):
        shown_ms.append(exposure_ms)
        seen = 1 / (1 + np.exp(-THRESHOLD_SLOPE * (np.log2(exposure_ms) - thresholds)))
        is_right: BoolArray = rng.random(len(thresholds)) < 0.5 + (0.5 - LAPSE) * seen
        in_a_row = np.where(is_right, in_a_row + 1, 0)
        steps_down = in_a_row == staircase.right_in_a_row
        in_a_row[steps_down] = 0
        step_ms = np.where(is_right, -staircase.down_ms * steps_down, staircase.up_ms)
        exposure_ms = np.clip(exposure_ms + step_ms, staircase.min_ms, staircase.max_ms)
    return np.array(shown_ms)


if __name__ == "__main__":
    main()
