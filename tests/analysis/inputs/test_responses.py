"""The columns of the responses table, and the selection of rows for a report."""

from pathlib import Path

import pytest

from analysis.inputs.responses import ResponsesError, select_mode, select_study
from analysis.inputs.sources import read_responses
from tests.analysis.rows import make_row, write_csv


def test_unknown_and_missing_columns_are_named(tmp_path: Path) -> None:
    more = write_csv(tmp_path / "more.csv", [make_row(mood="fine")])
    less = make_row()
    del less["truth"], less["rt_ms"]
    with pytest.raises(ResponsesError, match=r"more\.csv: line 1: unknown column 'mood'"):
        read_responses(str(more))
    with pytest.raises(ResponsesError, match="missing column 'truth', 'rt_ms'"):
        read_responses(str(write_csv(tmp_path / "less.csv", [less])))


def test_the_order_of_columns_does_not_matter(tmp_path: Path) -> None:
    turned = dict(reversed(make_row().items()))
    assert read_responses(str(write_csv(tmp_path / "r.csv", [turned])))["image"].tolist() == ["oak"]


def test_of_several_studies_one_must_be_chosen(tmp_path: Path) -> None:
    rows = [make_row(), make_row(study="faces")]
    responses = read_responses(str(write_csv(tmp_path / "r.csv", rows)))
    assert select_study(responses, "faces")["study"].tolist() == ["faces"]
    with pytest.raises(
        ResponsesError, match="contains the studies faces, trees; choose one with --study"
    ):
        select_study(responses, None)
    with pytest.raises(ResponsesError, match="no study 'cars'; it contains faces, trees"):
        select_study(responses, "cars")


@pytest.mark.parametrize(
    ("modes", "asked", "taken"),
    [
        (["live", "simulated", "preview"], None, "live"),
        (["simulated", "preview"], None, "simulated"),
        (["live", "simulated"], "simulated", "simulated"),
        (["preview"], "preview", "preview"),
    ],
)
def test_live_trials_go_before_simulated_ones(
    tmp_path: Path, modes: list[str], asked: str | None, taken: str
) -> None:
    rows = [make_row(mode=mode, participant=mode) for mode in modes]
    responses = read_responses(str(write_csv(tmp_path / "r.csv", rows)))
    assert select_mode(responses, asked)["mode"].tolist() == [taken]


def test_previews_are_reported_on_only_when_asked_for(tmp_path: Path) -> None:
    responses = read_responses(str(write_csv(tmp_path / "r.csv", [make_row(mode="preview")])))
    with pytest.raises(ResponsesError, match="only preview; choose with --mode"):
        select_mode(responses, None)
