"""Tests of subgroups, learning and agreement, against published numbers and statsmodels."""

import json

import numpy as np
import pytest

from analysis.inputs.covariates import Covariate
from analysis.tasks.agreement import estimate_absolute_agreement, krippendorff_alpha
from analysis.tasks.answers import ScoredAnswers
from analysis.tasks.learning import describe_learning, list_trends
from analysis.tasks.subgroups import describe_subgroups
from analysis.trials import Codes, FloatArray
from tests.analysis.inference.task_data import METHODS, STATS, read_table

EXPECTED = json.loads((STATS / "covariates_expected.json").read_text(encoding="utf-8"))
PARITY = {str(person): "even" if person % 2 == 0 else "odd" for person in range(15)}


@pytest.fixture
def ratings() -> ScoredAnswers:
    """Return the reference ratings; each participant's are in the order of the file."""
    participant, image, method, score = read_table("ratings").T
    return ScoredAnswers(
        of="mean_opinion:quality",
        is_share=False,
        value=score.astype(np.float64),
        method=method,
        participant=participant,
        image=image,
        order=np.concatenate([np.arange(24)] * 15),
        methods=METHODS,
        participants=[str(person) for person in range(15)],
        images=[f"{'indoor' if code < 10 else 'outdoor'}/{code}" for code in range(25)],
    )


def as_one_method(answers: ScoredAnswers) -> ScoredAnswers:
    fields = vars(answers) | {"method": np.zeros_like(answers.method), "methods": ["all"]}
    return ScoredAnswers(**fields)


def test_an_interaction_is_that_of_statsmodels(ratings: ScoredAnswers) -> None:
    (entry,) = describe_subgroups([ratings], [Covariate("parity", "participant", PARITY)])
    (one,) = (one for one in entry["differences"] if one["methods"] == ["a", "b"])
    assert one["levels"] == ["even", "odd"]
    assert one["difference"] == pytest.approx(EXPECTED["interaction"])
    # statsmodels corrects by all 15 participants, and we by the 7 or 8 of each level
    assert one["se"] == pytest.approx(EXPECTED["interaction_se"], rel=0.06)
    assert one["df"] == 6


def test_each_level_has_the_mean_of_its_answers(ratings: ScoredAnswers) -> None:
    (entry,) = describe_subgroups([ratings], [Covariate("folder", "image", {})])
    chosen = (ratings.method == 2) & (ratings.image < 10)
    (one,) = (x for x in entry["levels"] if (x["method"], x["level"]) == ("c", "indoor"))
    assert one["value"] == pytest.approx(ratings.value[chosen].mean())
    assert one["trials"] == chosen.sum()
    assert entry["missing"] == 0


def test_holm_is_over_all_declared_covariates(ratings: ScoredAnswers) -> None:
    both = [Covariate("parity", "participant", PARITY), Covariate("folder", "image", {})]
    entries = describe_subgroups([ratings], both)
    tests = [one for entry in entries for one in entry["differences"]]
    assert len(tests) == 20
    smallest = min(tests, key=lambda one: one["p"])
    assert smallest["p_holm"] == pytest.approx(min(1, 20 * smallest["p"]))


def test_nothing_is_compared_without_a_declared_covariate(ratings: ScoredAnswers) -> None:
    assert describe_subgroups([ratings], []) == []


@pytest.mark.parametrize("levels", [{"0": "only"}, {str(one): str(one) for one in range(15)}])
def test_one_level_or_too_many_are_not_compared(
    ratings: ScoredAnswers, levels: dict[str, str]
) -> None:
    (entry,) = describe_subgroups([ratings], [Covariate("group", "participant", levels)])
    assert (entry["levels"], entry["differences"]) == ([], [])
    assert (entry["levels_found"], entry["missing"]) == (len(levels), 15 - len(levels))


def test_the_slope_over_the_test_is_that_of_statsmodels(ratings: ScoredAnswers) -> None:
    (entry,) = describe_learning(list_trends([as_one_method(ratings)]))
    assert entry["slope"] == pytest.approx(EXPECTED["slope"])
    assert entry["se"] == pytest.approx(EXPECTED["slope_se"], rel=1e-2)
    assert [(part["first"], part["last"]) for part in entry["parts"]] == [
        (1, 5), (6, 10), (11, 15), (16, 20), (21, 24),
    ]  # fmt: skip
    first = ratings.value[ratings.order < 5].mean()
    assert entry["parts"][0]["value"] == pytest.approx(first)


def parse(table: str) -> tuple[Codes, FloatArray, Codes]:
    """Return unit, value and rater of each value of a table with a row per rater."""
    cells = [
        (unit, float(cell), rater)
        for rater, row in enumerate(table.strip().splitlines())
        for unit, cell in enumerate(row.split())
        if cell != "."
    ]
    unit, value, rater = zip(*cells, strict=True)
    return np.array(unit), np.array(value), np.array(rater)


@pytest.mark.parametrize(
    ("metric", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_is_that_of_krippendorffs_example(metric: str, published: float) -> None:
    unit, value, _ = parse(
        """
        1 2 3 3 2 1 4 1 2 . . .
        1 2 3 3 2 2 4 1 2 5 . 3
        . 3 3 3 2 3 4 2 2 5 1 .
        1 2 3 3 2 4 4 1 2 5 1 .
        """
    )  # Krippendorff (2011), section E
    alpha = krippendorff_alpha(unit, value, metric)  # type: ignore[arg-type]
    assert alpha == pytest.approx(published, abs=5e-4)


def test_absolute_agreement_is_that_of_shrout_and_fleiss() -> None:
    unit, value, rater = parse(
        """
        9 6 8 7 10 6
        2 1 4 1 5 2
        5 3 6 2 6 4
        8 2 8 6 9 7
        """
    )  # Shrout & Fleiss (1979), table 2; ICC(2,1) and ICC(2,4) in table 4
    single, average = estimate_absolute_agreement(value, unit, rater, 4)
    assert single == pytest.approx(0.29, abs=5e-3)
    assert average == pytest.approx(0.62, abs=5e-3)


def test_equal_ratings_have_no_agreement() -> None:
    codes = np.array([0, 0, 1, 1])
    assert krippendorff_alpha(codes, np.full(4, 3.0), "ordinal") is None
    assert estimate_absolute_agreement(np.full(4, 3.0), codes, codes[[0, 2, 0, 2]], 2) == (
        None,
        None,
    )
