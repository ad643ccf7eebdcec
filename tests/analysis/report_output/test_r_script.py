"""Tests of refit.R: R, run once, gave the numbers that the report gives now."""

import json
import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from click.testing import CliRunner

from analysis.report import report
from analysis.report_output.shared.r_script import format_r_number, render_r_script
from tests.analysis.inference.task_data import STATS
from tests.analysis.reference_exports import REFERENCE_EXPORTS


def read_r_output(name: str) -> dict[str, float]:
    """Return what R printed; `python -m tests.reference.make_r_output` runs it again."""
    text = (STATS / f"refit_{name}.txt").read_text(encoding="utf-8")
    lines = re.findall(r"^(.+): R (-?[\d.]+), report", text, re.M)
    return {what: float(value) for what, value in lines}


def make(name: str) -> tuple[dict[str, Any], str]:
    """Return report.json, which the test may change, and refit.R of a reference export."""
    numbers, script = make_once(name)
    return json.loads(numbers), script


@cache
def make_once(name: str) -> tuple[str, str]:
    with TemporaryDirectory() as folder:
        responses, out = REFERENCE_EXPORTS[name](Path(folder)), Path(folder, "report")
        done = CliRunner().invoke(report, [str(responses), "--out", str(out), "--r-script"])
        assert done.exit_code == 0, done.output
        return (out / "report.json").read_text("utf-8"), (out / "refit.R").read_text("utf-8")


@pytest.mark.slow(5)
def test_rates_and_mixed_models_are_those_of_lme4() -> None:
    numbers, script = make("rates")
    r = read_r_output("rates")
    for method, entry in numbers["methods"].items():
        assert r[f"{method} fooling rate"] == pytest.approx(entry["rate"], abs=1e-6)
        mixed = entry["mixed"]
        assert r[f"{method} log odds"] == pytest.approx(mixed["beta"], abs=0.005)
        assert r[f"{method} SD of participants"] == pytest.approx(
            mixed["sd_participant"], abs=0.005
        )
        assert r[f"{method} SD of images"] == pytest.approx(mixed["sd_image"], abs=0.005)
        assert format_r_number(mixed["beta"]) in script
    assert "library(lme4)" in script


@pytest.mark.slow(0.3)
def test_strengths_are_those_of_bradleyterry2() -> None:
    numbers, script = make("pairs")
    r = read_r_output("pairs")
    for method, entry in numbers["methods"].items():
        assert r[f"{method} win rate"] == pytest.approx(entry["win_rate"]["value"], abs=1e-6)
        assert r[f"{method} strength"] == pytest.approx(entry["strength"]["value"], abs=2e-6)
    assert "library(BradleyTerry2)" in script


@pytest.mark.slow(0.5)
def test_strengths_of_rankings_are_those_of_a_conditional_logit_model() -> None:
    numbers, script = make("rankings")
    r = read_r_output("rankings")
    for method, entry in numbers["methods"].items():
        share = r[f"{method} share of trials in which it is the best"]
        assert share == pytest.approx(entry["share_best"]["value"], abs=1e-6)
        assert r[f"{method} strength"] == pytest.approx(entry["strength"]["value"], abs=2e-6)
    assert "library(survival)" in script


@pytest.mark.slow(0.7)
def test_the_cumulative_logit_model_orders_methods_as_their_mean_scores() -> None:
    numbers, script = make("ratings")
    r = read_r_output("ratings")
    means = {
        method: entry["mean_opinion"]["quality"]["value"]
        for method, entry in numbers["methods"].items()
    }
    for method, mean in means.items():
        assert r[f"quality {method} mean opinion score"] == pytest.approx(mean, abs=1e-6)
    text = (STATS / "refit_ratings.txt").read_text(encoding="utf-8")
    log_odds = {
        method: float(value) for method, value in re.findall(r"^method(\w) +(-?[\d.]+)", text, re.M)
    }
    assert sorted(log_odds, key=log_odds.__getitem__) == sorted("bcd", key=means.__getitem__)
    assert "library(ordinal)" in script


def test_what_the_script_leaves_out_is_in_it() -> None:
    numbers, _ = make("pairs")
    numbers["exclusions"]["participants"][0] |= {"participant": 'p"1', "excluded": True}
    numbers["exclusions"]["rules"]["slow_ms"] = None
    script = (render_r_script(numbers) or b"").decode()
    assert r'excluded <- c("p\"1")' in script
    assert "rt_ms <= Inf" in script


def test_strengths_that_are_not_finite_are_not_compared() -> None:
    numbers, _ = make("rankings")
    for entry in numbers["methods"].values():
        del entry["strength"]
    script = (render_r_script(numbers) or b"").decode()
    assert "The report has no strengths" in script
    assert "clogit" not in script


def test_strengths_of_davidsons_model_are_not_compared() -> None:
    numbers, script = make("pairs")
    assert 'paste(methods, "strength")' in script
    numbers["ties"]["model"] = "davidson"
    assert 'paste(methods, "strength")' not in (render_r_script(numbers) or b"").decode()


def test_other_estimates_have_no_script() -> None:
    numbers, _ = make("pairs")
    for entry in numbers["methods"].values():
        entry["share_of_clicks"] = entry.pop("win_rate")
    assert render_r_script(numbers) is None
