"""Tests of votes, best and worst, and rankings, by trial or by candidate."""

from pathlib import Path

import pytest

from tests.analysis.conversion.conversions import (
    VOTE,
    VOTE_MAP,
    change,
    convert_rows,
    make_refusal_test,
    read_judgments,
)


def test_votes_become_ranks_and_a_tie_is_shared(tmp_path: Path) -> None:
    convert_rows(tmp_path, VOTE, *VOTE_MAP)
    assert read_judgments(tmp_path) == [
        ("0", "0", "mcl", "rank", "1", ""),
        ("0", "1", "l2", "rank", "2", ""),
        ("1", "0", "l2", "rank", "1", ""),
        ("1", "1", "sdxl", "rank", "1", ""),
    ]


def test_the_best_the_worst_and_those_between(tmp_path: Path) -> None:
    rows = [{"who": "p1", "stim": "oak", "a": "x", "b": "y", "c": "z", "best": "b", "worst": "c"}]
    options = ("participant=who", "image=stim", "method1=a", "method2=b", "method3=c")
    convert_rows(tmp_path, rows, *options, "best=best", "worst=worst")
    assert [row[4] for row in read_judgments(tmp_path)] == ["2", "1", "3"]


@pytest.mark.parametrize(
    ("columns", "options"),
    [
        ({"order": "z > x > y"}, ("order=order",)),
        ({"order": "z, x, y"}, ("order=order",)),
        ({"r1": "2", "r2": "3", "r3": "1"}, ("rank1=r1", "rank2=r2", "rank3=r3")),
    ],
)
def test_rankings_in_a_row_per_trial(
    columns: dict[str, str], options: tuple[str, ...], tmp_path: Path
) -> None:
    rows = [{"who": "p1", "stim": "oak", "a": "x", "b": "y", "c": "z", **columns}]
    named = ("participant=who", "image=stim", "method1=a", "method2=b", "method3=c")
    convert_rows(tmp_path, rows, *named, *options)
    assert [row[4] for row in read_judgments(tmp_path)] == ["2", "3", "1"]


def test_assigned_places_keep_who_won(tmp_path: Path) -> None:
    rows = [
        {"who": "p1", "pair": str(pair), "stim": "oak", "by": by, "won": str(int(by == "l2"))}
        for pair in range(4)
        for by in ("l2", "mcl")
    ]
    options = ("--map", "participant=who", "trial=pair", "image=stim", "method=by", "chosen=won")
    convert_rows(tmp_path, rows, *options, "--assign-sides")
    firsts = [row for row in read_judgments(tmp_path) if row[4] == "1"]
    assert [(row[1], row[2]) for row in firsts] == [
        ("0", "l2"), ("0", "l2"), ("1", "l2"), ("1", "l2"),
    ]  # fmt: skip


REFUSALS = [
    (change(VOTE, b="mcl"), VOTE_MAP, "two candidates have the method 'mcl'"),
    (VOTE, (*VOTE_MAP, "--task", "best_worst"), "best is not known; best_worst needs"),
    ([VOTE[0] | {"by": "mcl", "rank": "1"}],
     ("participant=who", "image=stim", "method=by", "rank=rank"), "which rows belong to one trial"),
    ([VOTE[0] | {"by": by, "rank": "1"} for by in ("l2", "mcl")],
     ("participant=who", "image=stim", "method=by", "rank=rank", "--set", "trial=1"),
     "cannot tell which candidate of a pair was on the left"),
]  # fmt: skip

test_incomplete_comparisons_are_refused_in_one_line = make_refusal_test(REFUSALS)
