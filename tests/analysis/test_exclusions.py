"""What enters a rate, and how the rest is counted."""

from pathlib import Path

import pytest

from analysis.exclusions import Counted, count_trials
from analysis.responses import ResponsesError, choose_mode
from analysis.rules import Rules
from analysis.sources import read_responses
from tests.analysis.rows import Row, make_row, write_csv


def count(folder: Path, *rows: Row, rules: Rules | None = None) -> Counted:
    recorded = read_responses(str(write_csv(folder / "responses.csv", rows)))
    return count_trials(recorded, choose_mode(recorded, None), rules)


@pytest.mark.parametrize(
    ("question", "truth", "answer", "fooled"),
    [
        ("fake", "left", "right", True),
        ("fake", "left", "left", False),
        ("real", "left", "right", False),
        ("real", "right", "right", True),
    ],
)
def test_fooled_is_taking_the_fake_for_the_real_one(
    tmp_path: Path, question: str, truth: str, answer: str, fooled: bool
) -> None:
    counted = count(tmp_path, make_row(question=question, truth=truth, answer=answer))
    assert counted.trials.fooled.tolist() == [fooled]


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "practice"},
        {"kind": "vigilance"},
        {"kind": "qualification"},
        {"answer": ""},
        {"flags": "hidden voided"},
        {"mode": "simulated", "participant": "robot"},
        {"outcome": "abandoned", "participant": "p2"},
    ],
)
def test_only_answered_test_trials_of_who_completed_count(tmp_path: Path, changes: Row) -> None:
    counted = count(tmp_path, make_row(), make_row(**{"position": "1", **changes}))
    assert len(counted.trials.fooled) == 1


def test_a_flag_that_does_not_void_keeps_the_trial(tmp_path: Path) -> None:
    assert len(count(tmp_path, make_row(flags="hidden late")).trials.fooled) == 1


def test_every_step_and_every_reason_is_counted(tmp_path: Path) -> None:
    counted = count(
        tmp_path,
        make_row(),
        make_row(position="1", kind="practice"),
        make_row(position="2", answer=""),
        make_row(participant="p2", outcome="abandoned"),
        make_row(participant="p3", outcome="timed_out", kind="vigilance"),
        make_row(participant="robot", mode="simulated"),
    )
    steps = [(step.participants, step.trials) for step in counted.flow]
    assert steps == [(4, 6), (3, 5), (2, 3), (2, 2), (1, 1)]
    assert counted.by_reason() == {"incomplete": 2}
    assert counted.reasons() == {"p1": (), "p2": ("incomplete",), "p3": ("incomplete",)}
    assert len(counted.everybody.fooled) == 2


def test_a_method_of_which_nothing_counts_is_still_named(tmp_path: Path) -> None:
    assert count(tmp_path, make_row(answer="")).methods == ["mcl"]


def test_a_blinded_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResponsesError, match=r"line 2: truth is empty.*--unblind"):
        count(tmp_path, make_row(truth=""))


def test_of_single_images_an_error_is_whatever_is_wrong(tmp_path: Path) -> None:
    rows = [
        make_row(presentation="single", method=method, truth=truth, answer=answer, position=str(at))
        for at, (method, truth, answer) in enumerate(
            [("mcl", "fake", "real"), ("mcl", "fake", "fake"), ("real", "real", "fake")]
        )
    ]
    counted = count(tmp_path, *rows)
    assert counted.trials.fooled.tolist() == [True, False, True]
    assert counted.methods == ["mcl"]
