"""Reports for every presentation: single images, unpaired images, and no time limit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.inference.rates import estimate_rate
from analysis.inputs.sources import read_responses
from analysis.planning.formulas import EffectSds, marginal_intercept
from analysis.report_files import make_report
from analysis.trials import Trials
from tests.analysis.rows import Row, make_row, write_csv

PEOPLE, PHOTOGRAPHS = 12, 10
PEOPLE_DRAWN = 60
BASE = marginal_intercept(0.3, EffectSds(0.4, float(np.hypot(0.5, 0.7))))


def report_on(folder: Path, rows: list[Row]) -> tuple[dict[str, Any], str]:
    """Make a report; return report.json and the page."""
    make_report(read_responses(str(write_csv(folder / "responses.csv", rows))), folder / "out")
    page = (folder / "out" / "report.html").read_text().replace("\u202f", " ")
    assert "None" not in page
    return json.loads((folder / "out" / "report.json").read_text()), page


def answer_single(person: str, outcome: str = "complete", test: bool = True) -> list[Row]:
    """Make rows of 10 qualification images and, with `test`, of 10 photographs and 10 fakes."""
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
    rows = [row for person in range(PEOPLE) for row in answer_single(f"p{person}")]
    rows += answer_single("q1", "screened_out", test=False) + answer_single(
        "q2", "screened_out", False
    )
    return report_on(tmp_path_factory.mktemp("alone"), rows)


def test_qualification_trials_enter_no_rate(
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


def test_screened_out_participants_are_counted_in_the_flow(
    alone: tuple[dict[str, Any], str],
) -> None:
    report, page = alone
    exclusions = report["exclusions"]
    assert exclusions["by_reason"] == {"screened_out": 2}
    people = [step["participants"] for step in exclusions["flow"]]
    assert people[:3] == [PEOPLE + 2, PEOPLE + 2, PEOPLE]
    assert (
        "12 participants classified 240 images, one at a time. 2 more participants were excluded: "
        "2 " in page
    )


def test_images_without_a_time_limit_are_described(alone: tuple[dict[str, Any], str]) -> None:
    report, page = alone
    assert report["input"]["exposure_ms"] == [""]
    assert report["timing"]["exposures"] == []
    assert (
        "saw images one at a time, each until they responded: photographs, and fakes made" in page
    )


def test_a_study_without_test_trials_reports_no_rates(tmp_path: Path) -> None:
    rows = answer_single("q1", "screened_out", False) + answer_single("q2", "screened_out", False)
    report, page = report_on(tmp_path, rows)
    assert report["methods"] == {}
    assert "No test trials were shown, so there are no rates to report." in page


def answer_unpaired(person: int) -> list[Row]:
    """Make rows in which every fake is shown with the photograph of another image."""
    rng = np.random.default_rng(person)
    return [
        make_row(
            participant=f"p{person}", position=str(at), image=f"fake{at}",
            real_image=f"photo{(at + person) % PHOTOGRAPHS}", exposure_ms="1000",
            answer="right" if rng.random() < 0.4 else "left",
        )
        for at in range(PHOTOGRAPHS)
    ]  # fmt: skip


def test_unpaired_fakes_are_described(tmp_path: Path) -> None:
    rows = [row for person in range(PEOPLE) for row in answer_unpaired(person)]
    report, page = report_on(tmp_path, rows)
    assert report["input"]["paired"] is False
    assert (
        "a photograph and a fake made from a different photograph, one after the other, each for"
        in page
    )
    assert "clustered by participant, fake and the photograph shown with it (Cameron" in page


def draw_unpaired(rng: np.random.Generator) -> Trials:
    """Draw 60 people who see 30 of 80 fakes, each with one of 40 photographs; all three vary."""
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


def test_photographs_shown_with_the_fakes_widen_the_interval() -> None:
    """Coverage of 400 studies: 95% with their photographs as a factor, less without."""
    rng = np.random.default_rng(4)
    studies = [draw_unpaired(rng) for _ in range(400)]

    def covers(study: Trials) -> bool:
        low, high = estimate_rate(study).ci95 or (0, 0)
        return low < 0.3 < high

    assert 0.92 <= np.mean([covers(study) for study in studies]) <= 0.98
    assert np.mean([covers(replace(study, real_image=None)) for study in studies]) < 0.9
