"""The checks of each row of the responses table."""

from pathlib import Path

import pytest

from analysis.inputs.responses import ResponsesError
from analysis.inputs.sources import read_responses
from tests.analysis.rows import Row, make_row, write_csv

SPOILED = [
    ({"kind": "tset"}, "line 3: kind is 'tset', expected qualification or practice or test"),
    ({"answer": "middle"}, "line 3: answer is 'middle', expected left or right"),
    ({"truth": "fake"}, "line 3: truth is 'fake', expected left or right"),
    ({"outcome": "bored"}, "line 3: outcome is 'bored'"),
    ({"mode": "dead"}, "line 3: mode is 'dead'"),
    ({"question": ""}, "line 3: question is '', expected fake or real"),
    ({"image": ""}, "line 3: image is '', expected a value"),
    ({"method": "$x$"}, "line 3: method is '$x$'"),
    ({"position": "first"}, "line 3: position is 'first'"),
    ({"rt_ms": "fast"}, "line 3: rt_ms is 'fast'"),
    ({"outcome": "abandoned"}, "line 3: participant p1: outcome differs from an earlier row"),
    ({"presentation": "single"}, "line 3: truth is 'left', expected fake or real"),
    ({"flags": "hidden sleepy"}, "line 3: flags is 'hidden sleepy', expected only voided, hidden"),
    ({"flags": "Voided"}, "line 3: flags is 'Voided'"),
    ({"method": "real"}, "line 3: method is 'real', expected the method that made the pair's fake"),
    ({"real_image": ""}, "line 3: real_image is '', expected the pair's photograph"),
    ({"started_at": "5 May"}, "line 3: started_at is '5 May', expected a UTC time"),
    ({"received_at": "2026-05-05T10:00:00+02:00"}, "line 3: received_at is '2026"),
    (
        {"position": "0"},
        "line 3: participant p1 has another row with position 0 (line 2), expected one row per"
        " trial; do not combine overlapping exports; export the study again",
    ),
    ({"repeat_of": "1"}, "line 3: repeat_of is '1', expected the position of an earlier trial"),
    ({"repeat_of": "2"}, "line 3: repeat_of is '2'"),
    ({"repeat_of": "7"}, "line 3: repeat_of is '7'"),
    ({"repeat_of": "0", "image": "elm", "real_image": "elm"}, "line 3: repeat_of is '0'"),
    ({"repeat_of": "0", "method": "l2"}, "line 3: repeat_of is '0'"),
    ({"repeat_of": "0", "kind": "attention"}, "line 3: repeat_of is '0'"),
    ({"repeat_of": "0", "participant": "p2"}, "line 3: repeat_of is '0'"),
]
SINGLE = {"presentation": "single", "real_image": "", "truth": "fake", "answer": "real"}
SPOILED_SINGLE = [
    ({"method": "real"}, "truth is 'fake', expected 'real' because the method is real"),
    ({"truth": "real"}, "truth is 'real', expected 'fake' because the method is a model or foil"),
    ({"real_image": "oak"}, "real_image is 'oak', expected empty for a single image"),
    (
        {"truth": "", "image": "", "method": ""},
        "truth, image and method are empty, as in a blinded export; wait until the study is"
        " complete, or export again with --unblind (logged)",
    ),
]


@pytest.mark.parametrize(("changes", "message"), SPOILED)
def test_a_spoiled_row_is_named(tmp_path: Path, changes: Row, message: str) -> None:
    rows = [make_row(), make_row(**{"position": "1", **changes}), make_row(position="2")]
    path = write_csv(tmp_path / "responses.csv", rows)
    with pytest.raises(ResponsesError) as caught:
        read_responses(str(path))
    assert str(caught.value).startswith(f"responses.csv: {message}")


@pytest.mark.parametrize(("changes", "message"), SPOILED_SINGLE)
def test_a_spoiled_row_of_a_single_image_is_named(
    tmp_path: Path, changes: Row, message: str
) -> None:
    rows = [make_row(**SINGLE), make_row(**{**SINGLE, "position": "1", **changes})]
    with pytest.raises(ResponsesError) as caught:
        read_responses(str(write_csv(tmp_path / "responses.csv", rows)))
    assert str(caught.value) == f"responses.csv: line 3: {message}"


def test_a_correct_row_of_every_kind_is_read(tmp_path: Path) -> None:
    moment = {"started_at": "2026-05-05T10:00:00.123+00:00", "received_at": "2026-05-05T10:00:09Z"}
    rows = [
        make_row(**moment, flags="voided hidden blurred resized slow_frame late"),
        make_row(position="1", real_image="elm", flags="late"),
        make_row(position="9", real_image="elm", repeat_of="1", truth="right"),
        make_row(participant="p2", truth=""),
        make_row(study="faces"),
        make_row(**SINGLE, study="alone"),
        make_row(**{**SINGLE, "method": "real", "truth": "real", "position": "1"}, study="alone"),
    ]
    assert len(read_responses(str(write_csv(tmp_path / "responses.csv", rows)))) == len(rows)


def test_overlapping_exports_are_refused_at_the_first_row_that_comes_again(tmp_path: Path) -> None:
    rows = [make_row(participant=f"p{at % 3}", position=str(at)) for at in range(30)]
    again = [row for row in rows if row["participant"] == "p2"]
    path = write_csv(tmp_path / "responses.csv", [*rows, *again])
    with pytest.raises(ResponsesError, match=r"line 32: participant p2 .* position 2 \(line 4\)"):
        read_responses(str(path))
