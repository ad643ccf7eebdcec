"""Make the expected interaction and slope: `python tests/reference/make_covariate_expected.py`.

Both are of the ratings in `stats/ratings.csv`, by ordinary least squares of statsmodels with errors
clustered by participants and images; the slope has the largest standard error of both and of each
alone. It imports nothing of the project.
"""

import json
from pathlib import Path

import numpy as np
import statsmodels.api as sm
from numpy.typing import NDArray

FOLDER = Path(__file__).with_name("stats")


def main() -> None:
    """Write what statsmodels estimates from the ratings."""
    table = np.loadtxt(FOLDER / "ratings.csv", delimiter=",", skiprows=1, dtype=np.int64)
    participant, image, method, score = table.T
    groups = np.column_stack([participant, image])
    level = participant % 2
    cell = 2 * method + level
    cells = fit(score, (cell[:, None] == np.arange(8)).astype(float), groups)
    # (method 0 - method 1) at level 0 minus the same at level 1
    contrast = np.array([1, -1, -1, 1, 0, 0, 0, 0])
    order = np.concatenate([np.arange(len(own)) for own in np.split(score, 15)])
    people = (participant[:, None] == np.arange(15)).astype(float)
    slopes = [
        fit(score, np.column_stack([order, people]), clusters)
        for clusters in (groups, participant, image)
    ]
    expected = {
        "interaction": float(contrast @ cells[0]),
        "interaction_se": float(np.sqrt(contrast @ cells[1] @ contrast)),
        "slope": float(slopes[0][0][0]),
        "slope_se": max(float(np.sqrt(covariance[0, 0])) for _, covariance in slopes),
    }
    (FOLDER / "covariates_expected.json").write_text(
        json.dumps(expected, indent=1) + "\n", encoding="utf-8"
    )


def fit(
    values: NDArray[np.int64], design: NDArray[np.float64], groups: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the coefficients and their covariance, without the correction for their number."""
    done = sm.OLS(values, design).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "df_correction": False}
    )
    n, k = design.shape
    return done.params, done.cov_params() * (n - k) / (n - 1)


if __name__ == "__main__":
    main()
