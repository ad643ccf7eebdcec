"""The timing summary: exposure errors, flags, and voided trials."""

from dataclasses import astuple
from pathlib import Path

import pytest

from analysis.checks.timing import FlagCount, TimingSummary, summarize_timing
from analysis.inputs.sources import read_responses
from analysis.inputs.trial_table import build_trial_table
from tests.analysis.people import make_person
from tests.analysis.rows import Row, make_row, write_csv


def observe(folder: Path, rows: list[Row]) -> TimingSummary:
    taken = read_responses(str(write_csv(folder / "responses.csv", rows)))
    return summarize_timing(taken, build_trial_table(taken))


def test_flagged_and_voided_trials_are_shares_of_all_trials(tmp_path: Path) -> None:
    rows = make_person("p1", 10) + make_person("p2", 10)
    rows[0] |= {"flags": "hidden voided", "answer": ""}
    rows[1] |= {"answer": ""}
    rows[2] |= {"flags": "slow_frame late"}
    rows[12] |= {"flags": "slow_frame"}
    rows.append(make_row(participant="p2", position="10", kind="practice", flags="blurred"))
    found = observe(tmp_path, rows)
    assert (found.trials, found.voided, found.unanswered, found.disturbed) == (20, 0.05, 0.05, 0.1)
    assert found.flags == {
        "voided": FlagCount(1, 1),
        "hidden": FlagCount(1, 1),
        "blurred": FlagCount(0, 0),
        "resized": FlagCount(0, 0),
        "slow_frame": FlagCount(2, 2),
        "late": FlagCount(1, 1),
    }


def test_exposures_are_compared_with_the_requested_time(tmp_path: Path) -> None:
    first = [990, 1000, 1000, 1000, 1010]
    rows = [
        make_row(position=str(at), exposure_ms="1000", first_ms=str(ms), second_ms="1000")
        for at, ms in enumerate(first)
    ]
    rows += [
        make_row(position="5", exposure_ms="500", first_ms="517", second_ms="480.5"),
        make_row(position="6", exposure_ms="500", flags="voided", answer=""),  # never timed
        make_row(position="7", first_ms="4000", second_ms="3000"),  # as long as they liked
    ]
    found = [astuple(exposure) for exposure in observe(tmp_path, rows).exposures]
    assert found == [
        pytest.approx((500, 2, -1.25, -17.675, 15.175, 0.5, 0.5)),
        pytest.approx((1000, 10, 0, -5.5, 5.5, 0, 0)),
    ]


def test_without_trials_there_are_no_shares(tmp_path: Path) -> None:
    found = observe(tmp_path, [make_row(kind="practice")])
    assert (found.trials, found.voided, found.unanswered, found.disturbed) == (0, None, None, None)
    assert found.exposures == ()
