"""Tests of ratings on one scale or several."""

from pathlib import Path

from tests.analysis.conversion.conversions import (
    SCORE,
    SCORE_MAP,
    change,
    convert_rows,
    make_refusal_test,
    read_judgments,
    read_rows,
)


def test_ratings_on_several_scales_are_one_trial_each(tmp_path: Path) -> None:
    rows = [SCORE[0] | {"sharp": "Good"}, SCORE[0] | {"stim": "elm", "vote": "NA", "sharp": "Bad"}]
    options = ("--map", "participant=who", "image=stim", "method=by")
    convert_rows(tmp_path, rows, *options, "score.natural=vote", "score.sharp=sharp")
    assert read_judgments(tmp_path) == [
        ("0", "0", "mcl", "natural", "", "4"),
        ("0", "0", "mcl", "sharp", "", "4"),
        ("1", "0", "mcl", "", "", ""),
        ("1", "0", "mcl", "sharp", "", "1"),
    ]
    long = [
        {"who": "p1", "stim": row["stim"], "by": "mcl", "scale": scale, "value": row[column]}
        for row in rows
        for scale, column in (("natural", "vote"), ("sharp", "sharp"))
    ]
    convert_rows(tmp_path, long, *options, "scale=scale", "score=value")
    assert len(read_rows(tmp_path / "out" / "responses.csv")) == 2


REFUSALS = [
    (change(SCORE, vote="great"), SCORE_MAP, "score is 'great', expected a number"),
    (SCORE, (*SCORE_MAP[:-1], "--task", "rating"), "score is not known"),
]  # fmt: skip

test_scores_that_are_not_numbers_are_refused_in_one_line = make_refusal_test(REFUSALS)
