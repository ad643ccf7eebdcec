"""The command `python -m analysis.convert`: what it understands, refuses and writes."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.checks.response_behavior import estimate_order_effect, estimate_side_bias
from analysis.checks.robustness import estimate_methods
from analysis.conversion.tables import PARTICIPANT_COLUMNS
from analysis.convert import convert
from analysis.exclusions.flow import apply_exclusions
from analysis.inputs.sources import read_responses
from analysis.report import report
from study_server.export import codebook
from tests.analysis.conversion.conversions import (
    convert_rows,
    read_rows,
    refuse_rows,
    run_convert,
    write_table,
)
from tests.analysis.rows import make_study, write_csv
from tests.analysis.shell import run_here
from tests.analysis.tasks.test_reports_of_tasks import write_study

SINGLE = [
    {"who": "p1", "stim": "oak", "by": "MCL", "said": "fake", "rt": "0.8"},
    {"who": "p1", "stim": "elm", "by": "real", "said": "fake", "rt": "1.2"},
    {"who": "p2", "stim": "oak", "by": "L2", "said": "real", "rt": "2.5"},
]
MAP = ("--map", "participant=who", "image=stim", "method=by", "answer=said", "rt=rt")
PAIR = [
    {"who": "p1", "stim": "oak", "by": "mcl", "fake": "left", "key": "left", "ok": "1"},
    {"who": "p1", "stim": "elm", "by": "l2", "fake": "right", "key": "left", "ok": "0"},
]
PAIR_MAP = ("--map", "participant=who", "image=stim", "method=by")
VOTE = [
    {"who": "p1", "stim": "oak", "a": "mcl", "b": "l2", "won": "a"},
    {"who": "p1", "stim": "elm", "a": "l2", "b": "sdxl", "won": "tie"},
]
VOTE_MAP = ("--map", "participant=who", "image=stim", "method1=a", "method2=b", "answer=won")
SCORE = [{"who": "p1", "stim": "oak", "by": "mcl", "vote": "4"}]
SCORE_MAP = ("--map", "participant=who", "image=stim", "method=by", "score=vote")


def change(rows: list[dict[str, str]], **changes: str) -> list[dict[str, str]]:
    """Return the rows with other values in the first."""
    return [rows[0] | changes, *rows[1:]]


def read_judgments(folder: Path) -> list[tuple[str, ...]]:
    """Return position, slot, method, scale, rank and score of each judgment."""
    columns = ("position", "slot", "method", "scale", "rank", "score")
    rows = read_rows(folder / "out" / "judgments.csv")
    return [tuple(row[column] for column in columns) for row in rows]


def test_participants_have_the_columns_of_an_export() -> None:
    assert list(PARTICIPANT_COLUMNS) == list(codebook.PARTICIPANT_COLUMNS)


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


@pytest.mark.parametrize(
    ("column", "values", "meaning"),
    [
        ("said", ("Fake", "REAL"), "'Fake' is fake, 'REAL' is real"),
        ("said", ("AI", "photo"), "'AI' is fake, 'photo' is real"),
        ("said_fake", ("1", "0"), "'0' is real, '1' is fake"),
        ("isReal", ("False", "True"), "'False' is fake, 'True' is real"),
    ],
)
def test_words_and_the_names_of_columns_tell_real_from_fake(
    column: str, values: tuple[str, str], meaning: str, tmp_path: Path
) -> None:
    fake, real = values
    rows = [
        {"who": row["who"], "stim": row["stim"], "by": row["by"], column: said}
        for row, said in zip(SINGLE, (fake, fake, real), strict=True)
    ]
    options = ("--map", "participant=who", "image=stim", "method=by", f"answer={column}")
    converted = convert_rows(tmp_path, rows, *options)
    assert [row["answer"] for row in converted] == ["fake", "fake", "real"]
    assert meaning in run_convert(tmp_path / "table.csv", *options, "--replace").stdout


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


def test_votes_become_ranks_and_a_tie_is_shared(tmp_path: Path) -> None:
    convert_rows(tmp_path, VOTE, *VOTE_MAP)
    assert read_judgments(tmp_path) == [
        ("0", "0", "mcl", "rank", "1", ""),
        ("0", "1", "l2", "rank", "2", ""),
        ("1", "0", "l2", "rank", "1", ""),
        ("1", "1", "sdxl", "rank", "1", ""),
    ]


@pytest.mark.parametrize(
    "answers",
    [
        ("left", "right"),
        ("1", "2"),
        ("0", "1"),
        ("a", "b"),
        ("mcl", "sdxl"),
        ("Image A", "Image B"),
    ],
)
def test_a_candidate_is_named_by_place_number_letter_or_method(
    answers: tuple[str, str], tmp_path: Path
) -> None:
    rows = [VOTE[0] | {"won": answers[0]}, VOTE[1] | {"won": answers[1]}]
    convert_rows(tmp_path, rows, *VOTE_MAP)
    assert [row[4] for row in read_judgments(tmp_path)] == ["1", "2", "2", "1"]


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


def test_a_wide_table_gives_what_a_long_one_gives(tmp_path: Path) -> None:
    cells = {("oak", "mcl"): "fake", ("oak", "real"): "real", ("elm_tree", "l2"): "real"}
    long = [
        {"who": who, "stim": stim, "by": by, "said": said, "rt": 500 + len(said)}
        for who in ("p1", "p2")
        for (stim, by), said in cells.items()
    ]
    wide = [
        {"who": who, "age": "30"}
        | {f"{stim}_{by}": said for (stim, by), said in cells.items()}
        | {f"{stim}_{by}_rt": 500 + len(said) for (stim, by), said in cells.items()}
        for who in ("p1", "p2")
    ]
    method = "{method:mcl|l2|real}"
    wide_map = ("participant=who", f"answer={{image}}_{method}", f"rt={{image}}_{method}_rt")
    assert convert_rows(tmp_path, wide, *wide_map) == convert_rows(tmp_path, long, *MAP)


def test_items_tell_what_a_question_showed(tmp_path: Path) -> None:
    rows = [{"who": "p1", "Q1": "fake", "Q2": "real"}]
    items = [
        {"item": "1", "image": "oak", "method": "mcl"},
        {"item": "2", "image": "elm", "method": "real"},
    ]
    path = write_table(tmp_path / "items.csv", items, delimiter=";")
    options = ("participant=who", "answer=Q{item}", "--items", str(path))
    converted = convert_rows(tmp_path, rows, *options)
    assert [(row["image"], row["method"]) for row in converted] == [("oak", "mcl"), ("elm", "real")]
    del items[1]
    write_table(path, items)
    done = run_convert(tmp_path / "table.csv", *options, "--replace")
    assert "table.csv: line 2: item '2' is not in items.csv" in done.stderr


def test_a_parquet_file_is_read_like_a_csv_file(tmp_path: Path) -> None:
    expected = convert_rows(tmp_path, SINGLE, *MAP)
    columns: dict[str, list[Any]] = {key: [row[key] for row in SINGLE] for key in SINGLE[0]}
    columns["rt"] = [float(value) for value in columns["rt"]]
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "table.parquet")
    done = run_convert(tmp_path / "table.parquet", *MAP, "--replace")
    assert done.returncode == 0, done.stderr
    assert "(Parquet)" in done.stdout
    assert read_rows(tmp_path / "out" / "responses.csv") == expected


REFUSALS = [
    (SINGLE, ("participant=whom",), "no column 'whom' for participant"),
    (SINGLE, ("participant=who", "answer=said"), "image is not known"),
    (SINGLE, MAP[:4], "cannot tell the task"),
    (SINGLE, (*MAP, "stim=stim"), "--map: unknown field 'stim'"),
    (SINGLE, (*MAP, "rt=said"), "--map rt is given twice"),
    (SINGLE, ("--split", "stim=oak"), "write COLUMN=PATTERN"),
    (SINGLE, ("--code", "answer=1"), "write FIELD:VALUE=MEANING"),
    (SINGLE, (*MAP, "--where", "by=GAN"), "no row is left"),
    (SINGLE, (*MAP, "--split", "stim={kind}.png"), "no value of stim fits {kind}.png"),
    (change(SINGLE, said="1"), MAP, "answer is '1': cannot tell which is fake"),
    (change(SINGLE, rt="800ms"), MAP, "rt is '800ms', expected a number"),
    (change(SINGLE, rt="-1"), MAP, "expected a time of at least 0"),
    (change(SINGLE, rt="1,234"), MAP, "decimal points and commas"),
    ([row | {"rt": "1,234"} for row in SINGLE], MAP, "cannot tell whether the comma is"),
    ([row | {"rt": "50"} for row in SINGLE], MAP, "cannot tell whether it is in seconds"),
    (change(SINGLE, by="?!"), MAP, "method '?!': needs a name of its own"),
    (change(SINGLE, by="l 2"), (*MAP, "--code", "method:MCL=l_2", "--code", "method:L2=l-2"),
     "method 'l 2' and 'l-2': needs a name of its own"),
    ([row | {"kind": "filler"} for row in SINGLE], (*MAP, "kind=kind"), "kind is 'filler'"),
    ([row | {"done": "maybe"} for row in SINGLE], (*MAP, "finished=done"), "finished is 'maybe'"),
    ([SINGLE[0] | {"end": "1"}, SINGLE[1] | {"end": "0"}], (*MAP, "finished=end"),
     "line 3: participant p1 is complete in an earlier row and abandoned here"),
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
    (change(VOTE, b="mcl"), VOTE_MAP, "two candidates have the method 'mcl'"),
    (change(VOTE, won="sdxl"), VOTE_MAP, "line 2: answer is 'sdxl', but the candidates are"),
    ([row | {"won": "1"} for row in VOTE], VOTE_MAP,
     "by its number from 1 or by its number from 0"),
    (VOTE, (*VOTE_MAP, "--task", "best_worst"), "best is not known; best_worst needs"),
    ([VOTE[0] | {"by": "mcl", "rank": "1"}],
     ("participant=who", "image=stim", "method=by", "rank=rank"), "which rows belong to one trial"),
    ([VOTE[0] | {"by": by, "rank": "1"} for by in ("l2", "mcl")],
     ("participant=who", "image=stim", "method=by", "rank=rank", "--set", "trial=1"),
     "cannot tell which candidate of a pair was on the left"),
    (change(SCORE, vote="great"), SCORE_MAP, "score is 'great', expected a number"),
    (SCORE, (*SCORE_MAP[:-1], "--task", "rating"), "score is not known"),
    (SINGLE, ("participant=who", "answer={image}_{method}"), "no column fits {image}_{method}"),
    ([{"who": "p1", "a_b_c": "fake"}], ("participant=who", "answer={image}_{method}"),
     "'a_b_c' fits {image}_{method} in several ways"),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "options", "message"), REFUSALS)
def test_what_cannot_be_known_is_refused_in_one_line(
    rows: list[dict[str, str]], options: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    assert message in refuse_rows(tmp_path, rows, *options)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1 has no names of columns"),
        (b"who,stim\n", "contains no rows"),
        (b"who,who\n1,2\n", "two columns are named 'who'"),
        (b"who,stim\n1,2,3\n", "line 2: 3 values for 2 columns"),
        (b'who,stim\n"1,2\n', "line 2: unexpected end of data"),
        (b"PK\x03\x04...", "an Excel workbook; save it as CSV"),
        (b'[{"who": 1}]', "this is JSON"),
        (b"PAR1....", "write the Parquet file again"),
        (b"who\0,stim\n1,2\n", "not a text file"),
        (b"who\x81,stim\n1,2\n", "unknown encoding"),
    ],
)
def test_a_file_that_is_not_a_table_is_refused(
    content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / "table.csv").write_bytes(content)
    done = run_convert(tmp_path / "table.csv", *MAP)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert message in done.stderr


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


def test_lines_may_end_as_on_an_old_macintosh(tmp_path: Path) -> None:
    table = write_table(tmp_path / "table.csv", SINGLE)
    table.write_bytes(table.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r"))
    done = run_convert(table, *MAP)
    assert (done.returncode, done.stderr) == (0, "")


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
