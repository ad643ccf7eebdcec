"""The command `python -m analysis.convert`: what it understands, refuses and writes."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.checks.response_behavior import estimate_order_effect, estimate_side_bias
from analysis.checks.robustness import estimate_methods
from analysis.convert import convert
from analysis.exclusions.flow import apply_exclusions
from analysis.inputs.sources import read_responses
from analysis.report import report
from tests.analysis.conversion.conversions import (
    MAP,
    SINGLE,
    VOTE,
    VOTE_MAP,
    convert_rows,
    read_rows,
    run_convert,
    write_table,
)
from tests.analysis.rows import make_study, write_csv
from tests.analysis.shell import run_here
from tests.analysis.tasks.test_reports_of_tasks import write_study


def test_single_images_are_converted_and_the_summary_says_how(tmp_path: Path) -> None:
    rows = convert_rows(tmp_path, SINGLE, *MAP)
    columns = ("participant", "position", "image", "method", "truth", "answer", "rt_ms", "task")
    assert [tuple(row[column] for column in columns) for row in rows] == [
        ("p1", "0", "oak", "mcl", "fake", "fake", "800", "real_or_fake"),
        ("p1", "1", "elm", "real", "real", "fake", "1200", "real_or_fake"),
        ("p2", "0", "oak", "l2", "fake", "real", "2500", "real_or_fake"),
    ]
    people = read_rows(tmp_path / "out" / "participants.csv")
    assert [(one["participant"], one["methods"], one["trials_answered"]) for one in people] == [
        ("p1", "mcl real", "2"),
        ("p2", "l2", "1"),
    ]
    done = run_convert(tmp_path / "table.csv", *MAP, "--replace")
    assert done.stdout.splitlines()[:7] == [
        "table.csv: 3 rows, 5 columns (UTF-8, commas)",
        "task         real_or_fake, single images",
        "participant  column who",
        "image        column stim",
        "method       column by",
        "answer       column said: fake, real",
        "rt           column rt: in seconds (the median is 1.2)",
    ]


def test_nothing_is_replaced_unasked_and_an_outdated_file_is_removed(tmp_path: Path) -> None:
    convert_rows(tmp_path, VOTE, *VOTE_MAP)
    again = run_convert(write_table(tmp_path / "table.csv", SINGLE), *MAP)
    assert "responses.csv exists; use another folder" in again.stderr
    assert (tmp_path / "out" / "judgments.csv").exists()
    convert_rows(tmp_path, SINGLE, *MAP)
    assert not (tmp_path / "out" / "judgments.csv").exists()
    own = write_table(tmp_path / "out" / "responses.csv", SINGLE)
    done = run_here(convert, own, *MAP, "--out", str(own.parent), "--replace")
    assert "is the table itself" in done.stderr


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    assert "nothing.csv: No such file" in run_convert(tmp_path / "nothing.csv", *MAP).stderr
    table = write_table(tmp_path / "table.csv", SINGLE)
    (tmp_path / "out").write_text("a file")
    done = run_convert(table, *MAP)
    assert done.returncode == 2
    assert (tmp_path / "out").read_text() == "a file"


STUDY = [row for row in make_study() if row["participant"] in {f"p{n}" for n in range(8)}]
NAMES = {
    "participant": "Person ID", "position": "nr", "image": "stimulus", "method": "condition",
    "truth": "fake on", "answer": "key", "question": "asked", "real_image": "beside",
    "kind": "phase",
}  # fmt: skip


def timed(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return rows whose response times differ."""
    return [row | {"rt_ms": str(700 + 13 * n % 997)} for n, row in enumerate(rows)]


def describe(path: Path) -> dict[str, object]:
    """Return what the report computes from a file, as far as it takes no mixed models."""
    responses = read_responses(str(path))
    sample = apply_exclusions(responses, responses)
    return {
        "estimates": estimate_methods(sample.trials, sample.methods),
        "flow": sample.flow,
        "sides": estimate_side_bias(sample.table.chose_left_or_fake, sample.table.participant),
        "order": estimate_order_effect(sample.trials),
        "times": sorted(sample.table.rt_ms.tolist()),
    }


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Return the estimates from the study as it was exported."""
    path = write_csv(tmp_path_factory.mktemp("study") / "responses.csv", timed(STUDY))
    return describe(path)


@pytest.mark.slow(0.3)
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    order=st.permutations(range(len(STUDY))),
    delimiter=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]),
    in_seconds=st.booleans(),
    comma=st.booleans(),
    missing=st.sampled_from(["NA", "n/a", "NULL", ""]),
)
def test_a_scrambled_export_gives_the_same_report(
    order: list[int], delimiter: str, encoding: str, in_seconds: bool, comma: bool, missing: str,
    expected: dict[str, object], tmp_path: Path,
) -> None:  # fmt: skip
    study = timed(STUDY)
    scrambled = []
    for place in order:
        row = study[place]
        time = f"{int(row['rt_ms']) / 1000:.3f}" if in_seconds else f"{row['rt_ms']}.0"
        scrambled.append(
            {"Größe": missing, "time": time.replace(".", ",") if comma else time}
            | {name: row[field] for field, name in reversed(NAMES.items())}
            | {"other": str(place)}
        )
    table = write_table(tmp_path / "table.csv", scrambled, delimiter, encoding)
    named = [f"{field}={name}" for field, name in NAMES.items()]
    options = (*named, "rt=time", "--set", "presentation=sequential", "--replace")
    done = run_convert(table, "--map", *options)
    assert done.returncode == 0, done.stderr
    assert describe(tmp_path / "out" / "responses.csv") == expected


@pytest.mark.slow(1)
@pytest.mark.parametrize("task", ["preference", "best_worst", "ranking", "rating"])
def test_judgments_convert_back_to_the_same_estimates(task: str, tmp_path: Path) -> None:
    original = write_study(tmp_path, task, (3, 2, 1) if task != "rating" else (2, 3, 5))
    rows = read_rows(tmp_path / "judgments.csv")[::-1]
    value = ("score=score", "scale=scale") if task == "rating" else ("rank=rank", "slot=slot")
    done = run_convert(
        write_table(tmp_path / "table.csv", rows, ";"),
        *("--task", task, "--map", "participant=participant", "trial=position"),
        *("position=position", "image=image", "method=method", "kind=kind", *value),
    )
    assert done.returncode == 0, done.stderr
    numbers = []
    for path in (original, tmp_path / "out" / "responses.csv"):
        made = run_here(report, path, "--out", str(tmp_path / "report"))
        assert made.returncode == 0, made.stderr
        numbers.append(json.loads((tmp_path / "report" / "report.json").read_text()))
    for key in ("task", "methods", "differences", "pairs", "attention_checks"):
        assert numbers[0][key] == numbers[1][key]
