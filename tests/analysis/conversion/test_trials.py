"""Tests of the fields that the trials of all tasks share, and of their order."""

from pathlib import Path

from analysis.conversion.trials import assign_chosen_sides
from tests.analysis.conversion.conversions import (
    MAP,
    SINGLE,
    convert_rows,
    make_refusal_test,
    run_convert,
)


def test_assigned_sides_are_balanced_and_do_not_alternate() -> None:
    assert assign_chosen_sides(["a", "a", "b", "a", "a", "a", "b"]) == [0, 0, 0, 1, 1, 0, 0]


def test_positions_order_the_trials_unless_one_is_there_twice(tmp_path: Path) -> None:
    rows = [row | {"nr": nr} for row, nr in zip(SINGLE, ("7", "3", "1"), strict=True)]
    converted = convert_rows(tmp_path, rows, *MAP, "position=nr")
    assert [(row["participant"], row["image"]) for row in converted] == [
        ("p1", "elm"), ("p1", "oak"), ("p2", "oak"),
    ]  # fmt: skip
    rows[1]["nr"] = "7"
    converted = convert_rows(tmp_path, rows, *MAP, "position=nr")
    assert [row["image"] for row in converted] == ["oak", "elm", "oak"]
    done = run_convert(tmp_path / "table.csv", *MAP, "position=nr", "--replace")
    assert "position has the same number twice for a participant" in done.stdout


def test_kind_mode_and_outcome_are_those_of_the_words(tmp_path: Path) -> None:
    rows = [
        row | {"phase": phase, "end": end, "state": state}
        for row, phase, end, state in zip(
            SINGLE, ("Training", "main", "catch"), ("yes", "yes", "no"),
            ("Live", "live", "preview"), strict=True,
        )
    ]  # fmt: skip
    converted = convert_rows(tmp_path, rows, *MAP, "kind=phase", "finished=end", "mode=state")
    assert [(row["kind"], row["outcome"], row["mode"]) for row in converted] == [
        ("practice", "complete", "live"),
        ("test", "complete", "live"),
        ("attention", "abandoned", "preview"),
    ]


def test_rows_without_a_needed_field_are_counted_and_dropped(tmp_path: Path) -> None:
    rows = [*SINGLE, SINGLE[0] | {"who": "NA"}, SINGLE[0] | {"stim": ""}]
    assert len(convert_rows(tmp_path, rows, *MAP)) == 3
    printed = run_convert(tmp_path / "table.csv", *MAP, "--replace").stdout
    assert "dropped      1 row without participant" in printed
    assert "dropped      1 row without image" in printed


def test_trials_that_show_the_same_again_are_counted(tmp_path: Path) -> None:
    convert_rows(tmp_path, [*SINGLE, SINGLE[0]], *MAP)
    printed = run_convert(tmp_path / "table.csv", *MAP, "--replace").stdout
    assert "1 trial with the same images as an earlier trial of the participant" in printed


REFUSALS = [
    (SINGLE, ("participant=who", "answer=said"), "image is not known"),
    ([row | {"kind": "filler"} for row in SINGLE], (*MAP, "kind=kind"), "kind is 'filler'"),
    ([row | {"done": "maybe"} for row in SINGLE], (*MAP, "finished=done"), "finished is 'maybe'"),
    ([SINGLE[0] | {"end": "1"}, SINGLE[1] | {"end": "0"}], (*MAP, "finished=end"),
     "line 3: participant p1 is complete in an earlier row and abandoned here"),
]  # fmt: skip

test_unclear_and_contradictory_trials_are_refused_in_one_line = make_refusal_test(REFUSALS)
