"""A blinded export of any task does not say which method a candidate is from.

Nobody could compute a share, mean or difference of methods without that. A classifier gets every
cell of the tables that a blinded export has, joined as an analyst would join them, with the order
of the rows, the number of times that an image has been shown, and the moments of the trials. It is
told the methods of other participants, and guesses. Participants answer by method without error, so
that the answers would show the largest possible difference.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from scipy import stats

from study_server.export.csv_files import export_study
from study_server.participants import enrollment, replacement
from study_server.participants.responses import SubmittedResponse
from study_server.protocol.model import task_of
from study_server.storage.engine import write_session
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, RecruitmentSource
from tests.conftest import short_protocol, write_stimuli
from tests.databases import open_prepared
from tests.imported_studies import open_study
from tests.study_server.acting import respond, upcoming
from tests.study_server.tasks.test_answers_of_tasks import COMPARED, RATED, SETTINGS

ANSWERS = {"rank", "score", "answer"}
Row = dict[str, str]
BETWEEN = {"assignment": "between"}
STUDIES: dict[str, dict[str, Any]] = {
    **{task: {"task": task} | settings for task, settings in SETTINGS.items()},
    "preference of two": {"task": "preference"} | COMPARED | {"include_real": False, "ties": True},
    "with a reference": {"task": "ranking", "reference": "real", "candidates": 3} | COMPARED,
    "rating": {"task": "rating", "include_real": True, "assignment": "within"} | RATED,
    "rating between": {"task": "rating"} | RATED | BETWEEN,
    "pairs": BETWEEN,
    "pairs of other photographs": {"assignment": "within", "paired": False},
    "single images": {"presentation": "single", "assignment": "within"},
    "single images between": {"presentation": "single", "paired": False} | BETWEEN,
}


@dataclass(frozen=True)
class ExactPerson:
    """A person who takes every fake of l2 for a photograph, and likes it best."""

    def error_probability(self, image: str, method: str) -> float:
        return float(method == "l2")

    def quality(self, image: str, method: str) -> float:
        return {"l2": 90.0, "real": 0.0, "mcl": -90.0, "foil": -180.0}[method]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stimuli(tmp_path_factory.mktemp("many"), images=30, size=8)


def size_of(changes: dict[str, Any]) -> tuple[int, int]:
    """Return how many people take part, and in how many trials.

    With a row for each of 16 people, two wrong guesses would already be possible by chance.
    """
    return (32, 2) if changes.get("assignment") == "between" else (4, 12)


def export(changes: dict[str, Any], manifest: Path, folder: Path) -> tuple[Path, Path]:
    """Let people take part, one of whom misses an image; return a blinded and an open export."""
    engine = open_prepared(f"sqlite:///{folder / 'study.sqlite'}")
    people, trials = size_of(changes)
    protocol = short_protocol("s", practice=0, trials=trials, attention_checks=2, **changes)
    open_study(engine, protocol, manifest, folder / "instance")
    with write_session(engine) as db:
        study = find_study(db, "s")
        for number in range(people):
            person = enrollment.enroll_participant(
                db, study, str(number), Mode.LIVE, RecruitmentSource.LINK
            )
            if number == 0:
                replacement.report_incident(db, person, upcoming(db, person)[0].token, 0, 404)
            while following := upcoming(db, person):
                shown = [(one.image, one.method) for one in following[0].candidates]
                answer = task_of(protocol).simulate_answer(
                    protocol, shown, ExactPerson(), Random(number)
                )
                second = 100 if protocol.presentation == "sequential" else None
                respond(db, person, following[0], SubmittedResponse(answer, 900, 100, second))
        files = folder / "blinded" / "responses.csv", folder / "open" / "responses.csv"
        for file in files:
            file.parent.mkdir()
            export_study(db, study, file, list(Mode), blinded=file == files[0])
    engine.dispose()
    return files[0].parent, files[1].parent


def read(file: Path) -> list[Row]:
    with file.open(newline="") as handle:
        return list(csv.DictReader(handle))


def join_tables(folder: Path) -> list[Row]:
    """Return a row per candidate of a test trial, with all cells that belong to it."""
    people = {row["participant"]: row for row in read(folder / "participants.csv")}
    trials: dict[tuple[str, str], Row] = defaultdict(dict)
    for table in ("timing", "responses"):
        for row in read(folder / f"{table}.csv"):
            key = row["participant"], row["position"]
            trials[key] |= {f"{table} {name}": cell for name, cell in row.items()}
    rows, seen = [], Counter[str]()
    for number, row in enumerate(read(folder / "judgments.csv")):
        if row["kind"] != "test":
            continue
        seen[row["image"]] += 1
        row |= {f"person {name}": cell for name, cell in people[row["participant"]].items()}
        row |= trials[row["participant"], row["position"]]
        rows.append(row | {"number": str(number), "seen": str(seen[row["image"]])})
    return list({(row["participant"], row["position"], row["slot"]): row for row in rows}.values())


def encode(row: Row) -> dict[str, float | str]:
    """Return the cells that are no answers: numbers and moments as numbers, all else as names."""
    cells = {name: cell for name, cell in row.items() if name.split()[-1] not in ANSWERS}
    return {name: to_number(cell) for name, cell in cells.items()}


def to_number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(cell).timestamp()
    except ValueError:
        return cell


def guess(rows: Sequence[Row], truths: Sequence[str]) -> float:
    """Return the probability of as many right guesses by naming the most frequent truth."""
    from sklearn.ensemble import RandomForestClassifier  # which every worker would import
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.model_selection import GroupKFold, cross_val_predict

    table = DictVectorizer(sparse=False).fit_transform([encode(row) for row in rows])
    forest = RandomForestClassifier(60, max_features=0.3, random_state=0)
    people = [row["participant"] for row in rows]
    guessed = cross_val_predict(forest, table, truths, cv=GroupKFold(4), groups=people)
    right = int((guessed == np.array(truths)).sum())
    chance = max(Counter(truths).values()) / len(truths)
    return float(stats.binomtest(right, len(truths), chance, alternative="greater").pvalue)


def list_secrets(
    rows: Sequence[Row], methods: Sequence[str], changes: dict[str, Any]
) -> Iterator[tuple[list[Row], list[str]]]:
    """Yield rows and what they must not say: who is a photograph, and which method a fake is of.

    Of a pair, the method of the fake is no secret, but its slot is. With one method for each
    participant, a single row of each is enough.
    """
    if "real" in methods:
        yield list(rows), [str(method == "real") for method in methods]
    if "task" not in changes and changes.get("presentation") != "single":
        return
    fakes = [(row, method) for row, method in zip(rows, methods, strict=True) if method != "real"]
    if changes["assignment"] == "between":
        fakes = list({row["participant"]: (row, method) for row, method in fakes}.values())
    yield [row for row, _ in fakes], [method for _, method in fakes]


@pytest.mark.slow(8)
@pytest.mark.parametrize("name", STUDIES)
def test_nothing_in_a_blinded_export_says_the_method_of_a_candidate(
    name: str, many: Path, tmp_path: Path
) -> None:
    """One study in ten thousand seems to have a leak by chance."""
    changes = STUDIES[name]
    blinded, opened = export(changes, many, tmp_path)
    rows, methods = join_tables(blinded), [row["method"] for row in join_tables(opened)]
    people, trials = size_of(changes)
    assert len(rows) == len(methods) >= people * trials
    assert {row["method"] for row in rows} == {""}
    for secret_rows, truths in list_secrets(rows, methods, changes):
        assert len(set(truths)) > 1
        assert guess(secret_rows, truths) > 1e-4
    (incident,) = read(blinded / "incidents.csv")
    shares_image = changes.get("presentation") != "single" and changes.get("paired", True)
    assert (incident["image"] != "") == shares_image


@pytest.mark.slow(1.6)
@pytest.mark.parametrize("name", ["rating between", "single images between"])
def test_the_same_classifier_finds_the_methods_of_participants(
    name: str, many: Path, tmp_path: Path
) -> None:
    blinded, opened = export(STUDIES[name], many, tmp_path)
    rows, known = join_tables(blinded), join_tables(opened)
    leaking = [
        row | {"person methods": other["person methods"]}
        for row, other in zip(rows, known, strict=True)
    ]
    *_, (secret_rows, truths) = list_secrets(
        leaking, [row["method"] for row in known], STUDIES[name]
    )
    assert guess(secret_rows, truths) < 1e-4


@pytest.mark.slow(0.7)
def test_the_same_classifier_finds_an_order_of_rows(many: Path, tmp_path: Path) -> None:
    blinded, opened = export(STUDIES["preference of two"], many, tmp_path)
    rows, methods = join_tables(blinded), [row["method"] for row in join_tables(opened)]
    ordered = [
        row | {"slot": str(int(method == "l2"))} for row, method in zip(rows, methods, strict=True)
    ]
    assert guess(ordered, methods) < 1e-4
