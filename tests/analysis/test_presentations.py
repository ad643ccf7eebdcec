"""Every way of showing images, from the rows to the page: single, unpaired, without a limit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.inference.rates import estimate_rate
from analysis.inputs.sources import read_responses
from analysis.report import make_report
from analysis.sample_size.formulas import EffectSds, marginal_intercept
from analysis.trials import Trials
from tests.analysis.rows import Row, make_row, write_csv

PEOPLE, PHOTOGRAPHS = 12, 10
PEOPLE_DRAWN = 60
BASE = marginal_intercept(0.3, EffectSds(0.4, float(np.hypot(0.5, 0.7))))


def report_on(folder: Path, rows: list[Row]) -> tuple[dict[str, Any], str]:
    """report.json and the page."""
    make_report(read_responses(str(write_csv(folder / "responses.csv", rows))), folder / "out")
    page = (folder / "out" / "report.html").read_text().replace("\u202f", " ")
    assert "None" not in page
    return json.loads((folder / "out" / "report.json").read_text()), page


def judge_alone(person: str, outcome: str = "complete", test: bool = True) -> list[Row]:
    """Ten qualification images, and where these are passed 10 photographs and 10 fakes."""
    rng = np.random.default_rng(sum(map(ord, person)))
    kinds = ["qualification"] * PHOTOGRAPHS + ["test"] * 2 * PHOTOGRAPHS * test
    rows = []
    for at, kind in enumerate(kinds):
        truth = ("real", "fake")[at % 2]
        wrong = rng.random() < (0.9 if kind == "qualification" else 0.3)
        rows.append(
            make_row(
                participant=person, outcome=outcome, kind=kind, position=str(at),
                presentation="single", image=f"{kind}{at // 2 % PHOTOGRAPHS}", real_image="",
                method="real" if truth == "real" else "mcl", truth=truth, exposure_ms="",
                answer={"real": "fake", "fake": "real"}[truth] if wrong else truth,
            )
        )  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    rows = [row for person in range(PEOPLE) for row in judge_alone(f"p{person}")]
    rows += judge_alone("q1", "screened_out", test=False) + judge_alone("q2", "screened_out", False)
    return report_on(tmp_path_factory.mktemp("alone"), rows)


def test_qualification_enters_no_rate_of_single_images(
    alone: tuple[dict[str, Any], str],
) -> None:
    report, _ = alone
    mcl = report["methods"]["mcl"]
    assert list(report["methods"]) == ["mcl"]
    assert mcl["trials"] == PEOPLE * PHOTOGRAPHS
    assert mcl["error"]["trials"] == 2 * PEOPLE * PHOTOGRAPHS
    assert mcl["rate"] < 0.5  # of qualification images nine in ten were wrong
    assert mcl["d_prime"] > 0
    assert mcl["d_prime_ci95"][0] < mcl["d_prime"] < mcl["d_prime_ci95"][1]
    assert mcl["vs_chance"]["p"] is None
    assert mcl["vs_published"] == []
    assert report["side_bias"] is None


def test_who_was_screened_out_is_counted_in_the_flow(alone: tuple[dict[str, Any], str]) -> None:
    report, page = alone
    exclusions = report["exclusions"]
    assert exclusions["by_reason"] == {"screened_out": 2}
    people = [step["participants"] for step in exclusions["flow"]]
    assert people[:3] == [PEOPLE + 2, PEOPLE + 2, PEOPLE]
    assert "12 people judged 240 images one by one. 2 others are not counted: 2 were" in page


def test_images_shown_without_a_limit_are_told_so(alone: tuple[dict[str, Any], str]) -> None:
    report, page = alone
    assert report["input"]["exposure_ms"] == [""]
    assert report["timing"]["exposures"] == []
    assert "saw images one at a time, each until they answered, photographs and fakes" in page


def test_a_study_that_nobody_qualified_for_says_that_there_is_no_rate(tmp_path: Path) -> None:
    rows = judge_alone("q1", "screened_out", False) + judge_alone("q2", "screened_out", False)
    report, page = report_on(tmp_path, rows)
    assert report["methods"] == {}
    assert "No test trial was shown, so there is no rate to report." in page


def judge_unpaired(person: int) -> list[Row]:
    """Every fake beside the photograph of the next image."""
    rng = np.random.default_rng(person)
    return [
        make_row(
            participant=f"p{person}", position=str(at), image=f"fake{at}",
            real_image=f"photo{(at + person) % PHOTOGRAPHS}", exposure_ms="1000",
            answer="right" if rng.random() < 0.4 else "left",
        )
        for at in range(PHOTOGRAPHS)
    ]  # fmt: skip


def test_unpaired_fakes_are_told_so(tmp_path: Path) -> None:
    rows = [row for person in range(PEOPLE) for row in judge_unpaired(person)]
    report, page = report_on(tmp_path, rows)
    assert report["input"]["paired"] is False
    assert "a photograph and a fake made from another, one after the other, each for" in page
    assert "clustered by participant, fake and the photograph beside it at once" in page


def draw_unpaired(rng: np.random.Generator) -> Trials:
    """60 people see 30 of 80 fakes, each beside one of 40 photographs; all three have effects."""
    shape = (PEOPLE_DRAWN, 30)
    image, beside = (
        rng.permuted(np.tile(np.arange(levels), (PEOPLE_DRAWN, 1)), axis=1)[:, :30]
        for levels in (80, 40)
    )
    effects = rng.normal(0, 0.4, (PEOPLE_DRAWN, 1)) + rng.normal(0, 0.5, 80)[image]
    logit = BASE + effects + rng.normal(0, 0.7, 40)[beside]
    fooled = rng.random(shape) < 1 / (1 + np.exp(-logit))
    participant = np.repeat(np.arange(PEOPLE_DRAWN), 30)
    return Trials(
        fooled.ravel(), participant, image.ravel(), np.full(fooled.size, "m"), beside.ravel()
    )


def test_photographs_beside_the_fakes_widen_the_interval_as_they_must() -> None:
    """Coverage of 400 studies: 95 % with their photographs as a factor, less without."""
    rng = np.random.default_rng(4)
    studies = [draw_unpaired(rng) for _ in range(400)]

    def covers(study: Trials) -> bool:
        low, high = estimate_rate(study).ci95 or (0, 0)
        return low < 0.3 < high

    assert 0.92 <= np.mean([covers(study) for study in studies]) <= 0.98
    assert np.mean([covers(replace(study, real_image=None)) for study in studies]) < 0.9
