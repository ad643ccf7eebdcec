"""Tests of single images and of pairs of a fake and a photograph."""

from pathlib import Path

import pytest

from tests.analysis.conversion.conversions import (
    MAP,
    PAIR,
    PAIR_MAP,
    SINGLE,
    VOTE,
    VOTE_MAP,
    change,
    convert_rows,
    make_refusal_test,
    refuse_rows,
)


def test_a_wrong_answer_that_is_missing_stays_missing(tmp_path: Path) -> None:
    rows = [
        {**{key: row[key] for key in ("who", "stim", "by")}, "key": key, "ok": ok}
        for row, key, ok in zip(SINGLE, ("f", "j", "None"), ("1", "0", "0"), strict=True)
    ]
    options = ("--map", "participant=who", "image=stim", "method=by", "answer=key", "correct=ok")
    converted = convert_rows(tmp_path, rows, *options)
    assert [(row["truth"], row["answer"]) for row in converted] == [
        ("fake", "fake"), ("real", "fake"), ("fake", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        ("truth=fake", "answer=key", "--set", "question=fake"),
        ("answer=key", "correct=ok", "--set", "question=fake"),
        ("truth=fake", "correct=ok", "--set", "question=fake"),
    ],
)
def test_the_sides_of_pairs_follow_from_what_is_known(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    rows = convert_rows(tmp_path, PAIR, *PAIR_MAP, *options)
    assert [(row["truth"], row["answer"], row["real_image"]) for row in rows] == [
        ("left", "left", "oak"), ("right", "left", "elm"),
    ]  # fmt: skip


def test_unknown_sides_are_assigned_on_request_and_keep_who_was_fooled(tmp_path: Path) -> None:
    many = [{**row, "stim": f"{row['stim']}{n}"} for n in range(20) for row in PAIR]
    options = (*PAIR_MAP, "correct=ok", "--set", "question=real", "--assign-sides")
    rows = convert_rows(tmp_path, many, *options)
    assert [row["answer"] for row in rows[:5]] == ["left", "left", "right", "right", "left"]
    assert [row["answer"] == row["truth"] for row in rows] == [row["ok"] == "0" for row in many]


def test_a_pair_of_two_methods_has_one_photograph(tmp_path: Path) -> None:
    rows = [
        {"who": "p1", "stim": "oak", "a": "Original", "b": "mcl", "won": "a"},
        {"who": "p1", "stim": "elm", "a": "l2", "b": "Original", "won": "l2"},
    ]
    options = (*VOTE_MAP, "--set", "question=real")
    assert "answer is 'a', 'l2': cannot tell" in refuse_rows(tmp_path, rows, *options)
    rows[1]["won"] = "a"
    converted = convert_rows(tmp_path, rows, *options)
    assert [(row["method"], row["truth"], row["answer"]) for row in converted] == [
        ("mcl", "right", "left"), ("l2", "left", "left"),
    ]  # fmt: skip


REFUSALS = [
    ([row | {"is_fake": "1"} for row in SINGLE], (*MAP, "truth=is_fake"),
     "but the method is 'real'"),
    (PAIR, (*PAIR_MAP, "truth=fake", "answer=key"), "whether the fake or the real image"),
    (PAIR, (*PAIR_MAP, "correct=ok", "--set", "question=fake"), "cannot tell the sides"),
    (PAIR, (*PAIR_MAP, "answer=key", "--set", "question=fake"), "cannot tell the fake's side"),
    (change(PAIR, key="up"), (*PAIR_MAP, "truth=fake", "answer=key", "--set", "question=fake"),
     "cannot tell which candidate is meant"),
    (change(PAIR, key="tie"), (*PAIR_MAP, "truth=fake", "answer=key", "--set", "question=fake"),
     "line 2: answer is 'tie', but one image"),
    (change(PAIR, by="real"), (*PAIR_MAP, "truth=fake", "answer=key", "--set", "question=fake"),
     "the fake of the pair has the method 'real'"),
    (VOTE, (*VOTE_MAP, "--set", "question=real"), "answer is 'tie'"),
    (VOTE[:1], (*VOTE_MAP, "--set", "question=real"), "expected one photograph"),
]  # fmt: skip

test_contradictory_and_incomplete_trials_are_refused_in_one_line = make_refusal_test(REFUSALS)
