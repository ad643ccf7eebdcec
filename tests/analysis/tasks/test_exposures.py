"""Tests of rates by exposure and of thresholds in the report."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from scipy.special import ndtri

from analysis.formatting import NARROW_SPACE
from analysis.report import report
from analysis.report_output.exposures.sentences import list_exposure_sentences
from tests.analysis.inference.task_data import read_expected, read_table
from tests.analysis.rows import Row, make_row, write_csv


def write_study(path: Path, delays: dict[str, int], single: bool = False) -> Path:
    """Write the reference answers once for each method, with exposures longer by a factor."""
    rows: list[Row] = []
    for method, factor in delays.items():
        for number, (person, image, exposure, correct) in enumerate(read_table("exposures")):
            answers = ("fake", "real") if single else ("left", "right")
            is_first = method != "real" if single else number % 2
            truth, other = answers if is_first else answers[::-1]
            row = make_row(
                participant=f"p{person}", position=str(len(rows)), method=method,
                image=f"i{image}", exposure_ms=str(exposure * factor),
                truth=truth, answer=truth if correct else other,
            )  # fmt: skip
            alone = {"presentation": "single", "candidates": "1", "real_image": ""}
            rows.append(row | alone if single else row)
    return write_csv(path / "responses.csv", rows)


def make(path: Path) -> tuple[dict[str, Any], str]:
    out = path.parent / "report"
    done = CliRunner().invoke(report, [str(path), "--out", str(out)])
    assert done.exit_code == 0, done.output
    return json.loads((out / "report.json").read_text()), (out / "report.html").read_text()


@pytest.mark.slow(0.9)
def test_pairs_at_several_exposures_have_rates_and_thresholds(tmp_path: Path) -> None:
    numbers, page = make(write_study(tmp_path, {"l2": 1, "mcl": 2}))
    by_exposure = numbers["by_exposure"]
    rates = [one["rate"] for one in by_exposure["rates"] if one["method"] == "l2"]
    assert [one["trials"] for one in by_exposure["rates"]] == [90] * 12
    assert rates[0] > rates[-1]
    expected = read_expected("exposures")["threshold_ms"]
    thresholds = by_exposure["thresholds"]
    assert thresholds["l2"]["ms"] == pytest.approx(expected, rel=1e-4)
    assert thresholds["mcl"]["ms"] == pytest.approx(2 * expected, rel=1e-4)
    assert thresholds["l2"]["agrees"] is True
    (ratio,) = by_exposure["ratios"]
    assert (ratio["a"], ratio["b"], ratio["ratio"]) == ("l2", "mcl", pytest.approx(0.5))
    assert "T75: exposure at which the fake is recognized in 75% of pairs" in page
    text = page.replace("\u202f", " ")
    assert f"75% of pairs at an exposure of {expected:,.0f} ms (T75; 95% CI" in text
    assert "The ratio of T75, L2 / MCL, is 0.50; there are too few data to test this." in text
    assert 'id="exposures-title"' in page
    assert f"MCL: T75 {2 * expected:,.0f} ms." in text


@pytest.mark.slow(0.5)
def test_single_images_have_rates_but_no_threshold(tmp_path: Path) -> None:
    numbers, page = make(write_study(tmp_path, {"l2": 1}, single=True))
    assert len(numbers["by_exposure"]["rates"]) == 6
    assert {one["d_prime"] for one in numbers["by_exposure"]["rates"]} == {None}  # no photographs
    assert numbers["by_exposure"]["thresholds"] == {}
    assert "Results by exposure" in page
    assert "recognized in 75%" not in page


@pytest.mark.slow(0.6)
def test_single_fakes_have_d_prime_at_each_exposure(tmp_path: Path) -> None:
    path = write_study(tmp_path, {"l2": 1, "real": 1}, single=True)
    numbers, page = make(path)
    fakes, photographs = (
        [one for one in numbers["by_exposure"]["rates"] if one["method"] == method]
        for method in ("l2", "real")
    )
    for fake, photograph in zip(fakes, photographs, strict=True):
        assert photograph["d_prime"] is None
        hits, alarms = 1 - fake["rate"], photograph["rate"]
        assert fake["d_prime"] == pytest.approx(ndtri(hits) - ndtri(alarms))
        assert fake["d_prime_ci95"][0] < fake["d_prime"] < fake["d_prime_ci95"][1]
    assert "how well participants told a method’s fakes from photographs at this exposure" in page


THRESHOLD: dict[str, Any] = {
    "ms": 600.0, "ci95": [400.0, 900.0], "flags": [], "agrees": True, "slope": 0.9,
    "intercept": 0.0, "lapse": 0.02, "shape_free": {"ms": 650.0, "ci95": [300.0, None]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "600 ms (T75; 95% CI 400 to 900 ms). Without assuming a shape for the curve, T75 is "
             "650 ms (95% CI 300 to > 5,000 ms)."),
        ({"ms": 60.0, "ci95": [None, 90.0]}, "an exposure of < 100 ms (T75; 95% CI < 100 to"),
        ({"agrees": False}, "the curve does not fit MCL: use the value that assumes no shape"),
        ({"ci95": [200.0, 900.0]}, "The interval is too wide to compare methods"),
        ({"ci95": [None, 900.0]}, "The interval is too wide to compare methods"),
        ({"ms": None, "flags": ["no_rise"]}, "do not rise with the exposure beyond chance here"),
        ({"ms": None, "flags": ["no_curve"]}, "no curve of finite slope fits the answers, so it "
             "gives no T75. Without assuming a shape for the curve, T75 is 650 ms"),
        ({"ms": None, "flags": ["one_image"]}, "are not enough to estimate"),
    ],
)  # fmt: skip
def test_sentences_say_what_a_threshold_does_not_show(
    changes: dict[str, Any], expected: str
) -> None:
    rates = [{"method": "mcl", "exposure_ms": ms} for ms in (100, 5000)]
    by_exposure = {"rates": rates, "thresholds": {"mcl": THRESHOLD | changes}, "ratios": []}
    (sentence,) = list_exposure_sentences(by_exposure)
    assert expected in sentence.replace(NARROW_SPACE, " ")
    caveats = ("does not fit", "too wide")
    assert [caveat in sentence for caveat in caveats] == [caveat in expected for caveat in caveats]


@pytest.mark.parametrize(
    ("ratio", "p", "expected"),
    [
        (0.5, 0.01, "It takes significantly longer to recognize MCL than L2: the ratio of T75"),
        (2.0, 0.01, "It takes significantly longer to recognize L2 than MCL: the ratio of T75"),
        (0.9, 0.3, "T75 does not differ significantly between L2 and MCL: the ratio of T75"),
    ],
)
def test_a_ratio_says_which_method_takes_longer(ratio: float, p: float, expected: str) -> None:
    one = {"a": "l2", "b": "mcl", "ratio": ratio, "ci95": [0.2, 3.0], "p_holm": p}
    (sentence,) = list_exposure_sentences({"rates": [], "thresholds": {}, "ratios": [one]})
    assert sentence.startswith(expected)
    assert f"L2 / MCL, is {ratio:.2f} (95% CI 0.20 to 3.00; p" in sentence


@pytest.mark.slow(0.4)
def test_one_exposure_has_no_results_by_exposure(tmp_path: Path) -> None:
    rows = [make_row(participant=f"p{n}", exposure_ms="500") for n in range(4)]
    numbers, page = make(write_csv(tmp_path / "responses.csv", rows))
    assert numbers["by_exposure"] is None
    assert "by exposure" not in page
