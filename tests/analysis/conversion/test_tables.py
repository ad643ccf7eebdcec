"""Tests of the files that a conversion writes."""

import csv
import io
from dataclasses import replace

from analysis.conversion.tables import PARTICIPANT_COLUMNS, is_answered, render_tables
from analysis.conversion.trials import Judgment, Trial, TrialFrame
from study_server.export import codebook


def test_participants_have_the_columns_of_an_export() -> None:
    assert list(PARTICIPANT_COLUMNS) == list(codebook.PARTICIPANT_COLUMNS)


def make_frame(kind: str = "test", rt_ms: float | None = 640.5) -> TrialFrame:
    """Return a frame of a participant who did not finish."""
    return TrialFrame("", "p1", 0, kind, "live", "abandoned", "simultaneous", rt_ms, None)


def read(content: bytes) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_pairs_have_no_judgments_and_checks_are_counted() -> None:
    test = Trial(
        make_frame(rt_ms=40), 2, "simultaneous", "fake", "oak", "mcl", "oak", "left", "left"
    )
    check = replace(test, frame=make_frame("attention"))
    own = [
        test,
        replace(check, answer="right"),
        check,
        replace(test, frame=make_frame("practice"), answer=""),
    ]
    files = render_tables("trees", "real_or_fake", [own])
    assert list(files) == ["responses.csv", "participants.csv"]
    rows = read(files["responses.csv"])
    assert [(row["position"], row["kind"], row["answer"], row["rt_ms"]) for row in rows] == [
        ("0", "test", "left", "40"),
        ("1", "attention", "right", "640.5"),
        ("2", "attention", "left", "640.5"),
        ("3", "practice", "", "640.5"),
    ]
    (person,) = read(files["participants.csv"])
    names = ("outcome", "methods", "trials_planned", "trials_answered", "impossible_rt")
    assert [person[name] for name in names] == ["abandoned", "mcl", "4", "3", "1"]
    assert (person["attention_checks_planned"], person["attention_checks_correct"]) == ("2", "1")


def test_judgments_are_ranks_or_scores_and_empty_without_an_answer() -> None:
    said = [
        Judgment(0, "oak", "mcl", "rank", 2),
        Judgment(0, "oak", "mcl", "quality", 3.5),
        Judgment(0, "oak", "mcl", "quality", None),
    ]
    own = [Trial(make_frame(), 1, "single", judgments=(one,)) for one in said]
    assert [is_answered(trial) for trial in own] == [True, True, False]
    rows = read(render_tables("trees", "rating", [own])["judgments.csv"])
    assert [(row["scale"], row["rank"], row["score"]) for row in rows] == [
        ("rank", "2", ""), ("quality", "", "3.5"), ("", "", ""),
    ]  # fmt: skip
