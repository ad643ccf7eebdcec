"""Tests of reading judgments: a damaged table is refused, never half used."""

from pathlib import Path

import pytest

from analysis.inputs.judgments import JUDGMENT_COLUMNS, read_judgments
from analysis.inputs.responses import ResponsesError
from analysis.inputs.sources import read_responses
from tests.analysis.rows import make_row, write_csv

NO_TRUTH = dict.fromkeys(("question", "image", "method", "real_image", "truth", "answer"), "")
RANKED = ["0,oak,l2,rank,1,,900", "1,oak,mcl,rank,2.0,,900"]
RATED = ["0,oak,l2,quality,,3.5,900"]


def read(folder: Path, task: str, rows: list[str]) -> list[float]:
    """Write a trial with these judgments, from `slot` on, and read their values."""
    candidates, presentation = ("1", "single") if task == "rating" else ("2", "simultaneous")
    row = make_row(task=task, candidates=candidates, presentation=presentation) | NO_TRUTH
    source = write_csv(folder / "responses.csv", [row])
    lines = [f"trees,p1,live,test,0,{row}" for row in rows]
    (folder / "judgments.csv").write_text("\n".join([",".join(JUDGMENT_COLUMNS), *lines]))
    values: list[float] = read_judgments(str(source), read_responses(str(source))).value.tolist()
    return values


def test_ranks_and_scores_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, "preference", RANKED) == [1, 2]
    assert read(tmp_path, "rating", RATED) == [3.5]
    assert read(tmp_path, "rating", ["0,oak,l2,,,,"]) == []  # not answered


@pytest.mark.parametrize(
    ("task", "rows", "message"),
    [
        ("preference", ["a,oak,l2,rank,1,,", RANKED[1]], "line 2: slot is 'a', expected a place"),
        ("preference", ["0,,l2,rank,1,,", RANKED[1]], "image is '', expected a value"),
        ("preference", ["0,oak,,rank,1,,", RANKED[1]], "method is empty, as in a blinded export"),
        ("preference", ["0,oak,l2,rank,1e400,,", RANKED[1]], "rank is '1e400', expected a rank"),
        ("preference", ["0,oak,l2,rank,,1,", RANKED[1]], "rank is '', expected a rank"),
        ("preference", RANKED[1:], "has 1 judgments on the scale rank, expected one for each of 2"),
        ("preference", [RANKED[0], RANKED[0]], "has 2 judgments on the scale rank, expected one"),
        ("rating", ["0,oak,l2,quality,,nan,"], "score is 'nan', expected a number"),
        ("rating", ["0,oak,l2,quality,,,"], "score is '', expected a number"),
        ("rating", RATED * 2, "has 2 judgments on the scale quality"),
    ],
)
def test_what_the_format_does_not_allow_is_refused(
    task: str, rows: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ResponsesError, match=message):
        read(tmp_path, task, rows)
