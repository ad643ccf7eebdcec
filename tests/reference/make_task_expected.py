"""Make the expected values of the other tasks: strengths, mean opinion scores, thresholds.

`python tests/reference/make_task_expected.py` draws the answers, writes them to `stats/` as CSV,
and writes what choix, statsmodels and psignifit estimate from them. It needs these three, which
the project itself does not, and imports nothing of the project.
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import choix
import numpy as np
import psignifit
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy.special import expit

FOLDER = Path(__file__).with_name("stats")
METHODS = 4
EXPOSURES_MS = (100, 250, 500, 1000, 2000, 5000)

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


def main() -> None:
    """Draw the answers of every task and write them with the expected values."""
    rng = np.random.default_rng(20261130)
    expected = {
        "pairs": expect_pairs(*draw_rankings(rng, candidates=2, name="pairs")),
        "rankings": expect_rankings(*draw_rankings(rng, candidates=3, name="rankings")),
        "ratings": expect_ratings(*draw_ratings(rng)),
        "exposures": expect_threshold(*draw_exposures(rng)),
    }
    text = json.dumps(expected, indent=1)
    (FOLDER / "tasks_expected.json").write_text(text + "\n", encoding="utf-8")


def write(name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with (FOLDER / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def draw_people_and_images(
    rng: np.random.Generator, people: int, images: int, trials: int
) -> tuple[Codes, Codes]:
    participant = np.repeat(np.arange(people), trials)
    image = np.concatenate([rng.permutation(images)[:trials] for _ in range(people)])
    return participant, image


def draw_rankings(
    rng: np.random.Generator, candidates: int, name: str
) -> tuple[Codes, Codes, Codes, Codes]:
    """Draw the full order of the candidates of each trial, best first; a tenth of pairs tie."""
    participant, image = draw_people_and_images(rng, people=15, images=25, trials=16)
    shown = np.array([rng.permutation(METHODS)[:candidates] for _ in participant])
    by_person = rng.normal(0, 0.46, (15, METHODS))[participant[:, None], shown]
    by_image = rng.normal(0, 0.5, (25, METHODS))[image[:, None], shown]
    utility = 0.3 * shown + by_person + by_image + rng.gumbel(size=shown.shape)
    rank = np.argsort(np.argsort(-utility, axis=1), axis=1) + 1
    if candidates == 2:
        rank[rng.random(len(rank)) < 0.1] = 1
    rows = np.column_stack([participant, image, shown, rank]).tolist()
    slots = range(candidates)
    columns = [f"method_{slot}" for slot in slots] + [f"rank_{slot}" for slot in slots]
    write(name, ["participant", "image", *columns], rows)
    return participant, image, shown, rank


def expect_pairs(participant: Codes, image: Codes, shown: Codes, rank: Codes) -> dict[str, Any]:
    """Fit Bradley-Terry by a logistic regression without intercept, ties as half a win."""
    first_wins = np.where(rank[:, 0] == rank[:, 1], 0.5, rank[:, 0] < rank[:, 1])
    methods = np.arange(METHODS)
    design = (shown[:, :1] == methods).astype(float) - (shown[:, 1:] == methods)
    fit = sm.GLM(first_wins, design[:, 1:], family=sm.families.Binomial()).fit(
        cov_type="cluster",
        cov_kwds={
            "groups": np.column_stack([participant, image]),
            "use_correction": True,
            "df_correction": False,
        },
        tol=1e-12,
    )
    relative = np.append(0.0, fit.params)
    untied = rank[:, 0] != rank[:, 1]
    winner = np.where(rank[:, 0] < rank[:, 1], shown[:, 0], shown[:, 1])[untied]
    loser = np.where(rank[:, 0] < rank[:, 1], shown[:, 1], shown[:, 0])[untied]
    pairs = list(zip(winner.tolist(), loser.tolist(), strict=True))
    of_untied = choix.mm_pairwise(METHODS, pairs, max_iter=100_000, tol=1e-12)
    n, k = len(participant), METHODS - 1
    return {
        "strengths": (relative - relative.mean()).tolist(),
        "strengths_without_ties": (of_untied - of_untied.mean()).tolist(),
        # statsmodels corrects the part of single trials by (n - 1) / (n - k), ours by n / (n - 1)
        "se_of_differences_from_method_0": (fit.bse * np.sqrt((n - k) / (n - 1))).tolist(),
    }


def expect_rankings(participant: Codes, image: Codes, shown: Codes, rank: Codes) -> dict[str, Any]:
    """Fit Plackett-Luce to the full orders, and Luce's choice to the best alone."""
    order = np.take_along_axis(shown, np.argsort(rank, axis=1), axis=1).tolist()
    full = choix.opt_rankings(METHODS, [tuple(row) for row in order], alpha=0, tol=1e-12)
    best = [(row[0], tuple(row[1:])) for row in order]
    top = choix.opt_top1(METHODS, best, alpha=0, tol=1e-12)
    return {
        "strengths": (full - full.mean()).tolist(),
        "strengths_of_the_best_alone": (top - top.mean()).tolist(),
    }


def draw_ratings(rng: np.random.Generator) -> tuple[Codes, Codes, Codes, Floats]:
    """Draw grades from 1 to 5 of single images."""
    participant, image = draw_people_and_images(rng, people=15, images=25, trials=24)
    method = rng.integers(0, METHODS, len(participant))
    latent = (
        3.0
        + 0.3 * method
        + rng.normal(0, 0.45, 15)[participant]
        + rng.normal(0, 0.5, 25)[image]
        + rng.normal(0, 0.35, (25, METHODS))[image, method]
        + rng.normal(0, 0.75, len(method))
    )
    score = np.clip(np.rint(latent), 1, 5)
    rows = np.column_stack([participant, image, method, score]).astype(int).tolist()
    write("ratings", ["participant", "image", "method", "score"], rows)
    return participant, image, method, score


def expect_ratings(
    participant: Codes, image: Codes, method: Codes, score: Floats
) -> dict[str, Any]:
    """Fit a mean per method, with errors clustered by participants and by images."""
    design = (method[:, None] == np.arange(METHODS)).astype(float)
    fit = sm.OLS(score, design).fit(
        cov_type="cluster",
        cov_kwds={"groups": np.column_stack([participant, image]), "df_correction": False},
    )
    n = len(score)
    covariance = fit.cov_params() * (n - METHODS) / (n - 1)
    contrast = np.array([-1.0, 0.0, 0.0, 1.0])
    return {
        "means": fit.params.tolist(),
        "se": np.sqrt(np.diag(covariance)).tolist(),
        "se_of_method_3_minus_0": float(np.sqrt(contrast @ covariance @ contrast)),
    }


def draw_exposures(rng: np.random.Generator) -> tuple[Floats, NDArray[np.bool_]]:
    """Draw right and wrong answers at six exposures, every run of six trials with each once."""
    participant, image = draw_people_and_images(rng, people=15, images=36, trials=36)
    runs = [rng.permutation(EXPOSURES_MS) for _ in range(len(participant) // 6)]
    exposure = np.concatenate(runs).astype(float)
    log_odds = (
        1.2 * np.log2(exposure / 500)
        + rng.normal(0, 0.65, 15)[participant]
        + rng.normal(0, 0.65, 36)[image]
    )
    correct = rng.random(len(exposure)) < 0.5 + 0.48 * expit(log_odds)
    rows = np.column_stack([participant, image, exposure, correct]).astype(int).tolist()
    write("exposures", ["participant", "image", "exposure_ms", "correct"], rows)
    return exposure, correct


def expect_threshold(exposure: Floats, correct: NDArray[np.bool_]) -> dict[str, Any]:
    """Fit the logistic curve of a two-alternative task with 2% lapses."""
    counts = [
        [np.log2(level / 500), correct[exposure == level].sum(), (exposure == level).sum()]
        for level in EXPOSURES_MS
    ]
    fit = psignifit.psignifit(
        np.array(counts),
        experiment_type="2AFC",
        sigmoid="logistic",
        fixed_parameters={"lambda": 0.02, "eta": 1e-4},
        estimate_type="MAP",
    )
    threshold, _ = fit.threshold(0.75)
    return {"threshold_ms": float(500 * 2**threshold)}


if __name__ == "__main__":
    main()
