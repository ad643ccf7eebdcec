"""Tests of HYPE-time's score, by hand and in the report."""

import hashlib
import json
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from analysis.inputs.design import DesignError, read_design
from analysis.report import report
from analysis.tasks.hype_time import find_modal_exposures, find_target
from tests.analysis.designs import make_design, write_json
from tests.analysis.rows import Row, make_row, write_csv

STAIRCASE = {
    "start_ms": 500, "up_ms": 10, "down_ms": 30, "right_in_a_row": 3, "min_ms": 100,
    "max_ms": 1000, "blocks": 2, "trials_per_block": 4,
}  # fmt: skip
# exposures of the two blocks of each person, whose most frequent ones are known
BLOCKS = {
    "p1": ([500, 510, 510, 480], [500, 500, 470, 470]),  # 510 and, of two alike, 470: 490
    "p2": ([500, 500, 500, 470], [100, 100, 100, 110]),  # 500 and 100, a limit: 300
    "p3": ([500, 440, 440, 440], [500, 510, 520, 520]),  # 440 and 520: 480
}
SCORES = (490, 300, 480)
T_QUANTILE_OF_2 = 4.302653  # of .975, from a table


def write_study(folder: Path, protocol: dict[str, Any] | None = None) -> tuple[Path, Path]:
    """Write the answers of BLOCKS and their design; every second image is a photograph."""
    design = make_design(
        {
            "presentation": "single", "exposure_ms": 500, "staircase": STAIRCASE, "trials": 8,
            "attention_checks": 0,
        }
        | (protocol or {}),
        {"participants": 3, "exclusions": {"fast_ms": 100}},
    )  # fmt: skip
    canonical = json.dumps(design, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    rows: list[Row] = []
    for person, blocks in BLOCKS.items():
        exposures = [(block, ms) for block, own in enumerate(blocks) for ms in own]
        for position, (block, exposure_ms) in enumerate(exposures):
            truth = "fake" if position % 2 else "real"
            rows.append(
                make_row(
                    participant=person, position=str(position), block=str(block + 1),
                    image=f"i{position}", method="mcl" if truth == "fake" else "real",
                    exposure_ms=str(exposure_ms), first_ms=str(exposure_ms),
                    truth=truth, answer="fake" if position % 3 else "real",
                    design_sha256=hashlib.sha256(canonical.encode()).hexdigest(),
                )
                | {"presentation": "single", "candidates": "1", "real_image": ""}
            )  # fmt: skip
    path = write_csv(folder / "responses.csv", rows)
    return path, write_json(folder / "design.json", design)


def make(folder: Path, responses: Path, design: Path) -> tuple[dict[str, Any], str]:
    arguments = [str(responses), "--design", str(design), "--out", str(folder / "report")]
    done = CliRunner().invoke(report, arguments)
    assert done.exit_code == 0, done.output
    numbers = json.loads((folder / "report" / "report.json").read_text())
    return numbers, (folder / "report" / "report.html").read_text()


def test_the_mode_of_a_block_is_its_most_frequent_and_of_ties_its_shortest_exposure() -> None:
    people = list(BLOCKS)
    trials = [
        (people.index(person), block, ms)
        for person, blocks in reversed(BLOCKS.items())
        for block, own in enumerate(blocks)
        for ms in own
    ]
    participant, block, exposure_ms = np.array(trials).T
    codes, modes = find_modal_exposures(participant, block.astype(float), exposure_ms.astype(float))
    assert codes.tolist() == [0, 0, 1, 1, 2, 2]
    assert modes.tolist() == [510, 470, 500, 100, 440, 520]


def test_hype_time_settles_at_63_percent_right() -> None:
    """Three right answers in a row and steps of 10 and 30 ms: p^3 = 1/4."""
    p = find_target(STAIRCASE)
    assert p == pytest.approx(0.62996, abs=1e-5)
    down_per_trial = p**3 * (1 - p) / (1 - p**3)  # renewal: a run of three ends in a step
    assert 30 * down_per_trial == pytest.approx(10 * (1 - p))


@pytest.mark.slow(0.6)
def test_the_score_is_the_mean_over_people_with_a_t_interval(tmp_path: Path) -> None:
    numbers, page = make(tmp_path, *write_study(tmp_path))
    hype_time = numbers["hype_time"]
    assert (hype_time["start_ms"], hype_time["min_ms"], hype_time["max_ms"]) == (500, 100, 1000)
    (score,) = hype_time["methods"].values()
    mean = sum(SCORES) / 3
    se = sqrt(sum((one - mean) ** 2 for one in SCORES) / 2 / 3)
    assert score["score_ms"] == pytest.approx(mean)
    assert score["se"] == pytest.approx(se)
    half = T_QUANTILE_OF_2 * se
    assert score["ci95"] == pytest.approx([mean - half, mean + half], rel=1e-6)
    assert (score["participants"], score["blocks"], score["blocks_at_limit"]) == (3, 6, 1)
    assert numbers["by_exposure"] is None
    assert numbers["design"]["verdict"] == "match"
    assert "HYPE-time score of MCL: 423 ms" in page
    assert "right on 63% of trials" in page
    assert "shrink toward 500 ms" in page
    assert "(HYPE-time; Zhou et al., 2019)" in page
    assert "HYPE: a benchmark for human eye perceptual evaluation" in page


@pytest.mark.slow(0.3)
def test_a_draft_gives_the_score_and_no_deviation(tmp_path: Path) -> None:
    responses, design = write_study(tmp_path)
    draft = design.with_name("draft.json")
    draft.write_text(design.read_text().replace("hue-and-eye/design/1", "hue-and-eye/draft/1"))
    numbers, page = make(tmp_path, responses, draft)
    assert "HYPE-time score of MCL: 423 ms" in page
    assert numbers["design"]["verdict"] == "unknown"
    assert "No frozen design was given" in page


@pytest.mark.slow(0.3)
def test_exposures_outside_the_staircase_are_a_deviation(tmp_path: Path) -> None:
    narrow = {"staircase": STAIRCASE | {"min_ms": 200, "max_ms": 515}}
    numbers, _ = make(tmp_path, *write_study(tmp_path, narrow))
    (deviation,) = numbers["design"]["deviations"]
    assert deviation == {
        "aspect": "exposure_ms", "planned": "200 to 515", "done": "outside in 6 of 24 trials",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("staircase", "message"),
    [
        ("steep", "staircase is 'steep', expected a table"),
        ({"start_ms": 500}, "staircase has no up_ms"),
        (STAIRCASE | {"down_ms": "30"}, "down_ms is '30', expected a whole number"),
    ],
)
def test_a_staircase_that_cannot_be_read_is_refused(
    staircase: object, message: str, tmp_path: Path
) -> None:
    _, design = write_study(tmp_path, {"staircase": staircase})
    with pytest.raises(DesignError, match=message):
        read_design(design)
