"""Tests of the files of a preregistration."""

import hashlib
import io
import json
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine

from study_server.errors import StudyError
from study_server.export.preregistration import build_preregistration
from study_server.export.zip_stream import stream_zip, write_folder
from study_server.protocol.study_toml import read_protocol
from study_server.storage.engine import write_transaction
from study_server.studies.design import AnalysisPlan, PlannedExclusions, freeze_study, read_plan
from study_server.studies.lookup import find_study
from study_server.studies.unblinding import decide_blinding
from study_server.vocabulary import StudyState
from study_server.wording.files import read_wording
from study_server.wording.stored import load_wording
from tests.conftest import short_protocol

PLAN = AnalysisPlan(
    hypotheses=('mcl fools more often than "l2"', "ä"),
    margin=0.05,
    participants=60,
    stopping="at 60",
    exclusions=PlannedExclusions(fast_ms=150, attention_checks_min_correct=1),
)


@pytest.fixture
def engine(app: Flask) -> Engine:
    engine: Engine = app.extensions["engine"]
    return engine


def bundle(engine: Engine) -> dict[str, str]:
    with write_transaction(engine) as db:
        study = find_study(db, "short")
        if study.design is None:
            freeze_study(db, study, PLAN, "aa")
        return build_preregistration(db, study)


def test_its_files_are_the_sources_of_the_design(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    write_folder([(path, [text]) for path, text in bundle(engine).items()], folder)
    protocol = read_protocol(folder / "study.toml")
    assert protocol == short_protocol()
    assert read_plan(folder / "plan.toml") == PLAN
    with write_transaction(engine) as db:
        study = find_study(db, "short")
        assert (folder / "design.json").read_text("utf-8") == study.design
        assert read_wording(protocol, folder / "wording") == load_wording(db, study)


def test_it_lists_the_sha256_of_every_file(engine: Engine) -> None:
    files = bundle(engine)
    listed = dict(line.split("  ")[::-1] for line in files.pop("SHA256SUMS").splitlines())
    assert listed == {
        path: hashlib.sha256(text.encode()).hexdigest() for path, text in files.items()
    }


def test_the_seed_of_the_schedule_follows_when_the_study_is_closed(engine: Engine) -> None:
    """The seed says who saw which image in which slot."""
    files = bundle(engine)
    with write_transaction(engine) as db:
        study = find_study(db, "short")
        assert not any(study.schedule_seed in content for content in files.values())
        study.state = StudyState.CLOSED
    seed = bundle(engine)["schedule_seed.txt"]
    digest = json.loads(files["design.json"])["schedule_seed_sha256"]
    assert digest == hashlib.sha256(seed.encode()).hexdigest()


def test_it_lists_the_unblindings(engine: Engine) -> None:
    assert bundle(engine)["unblinding.csv"].count("\n") == 1
    with write_transaction(engine) as db:
        decide_blinding(db, find_study(db, "short"), "ada")
    assert ',"ada",0\n' in bundle(engine)["unblinding.csv"]


def test_a_study_that_is_not_frozen_has_no_preregistration(engine: Engine) -> None:
    with write_transaction(engine) as db, pytest.raises(StudyError, match="`study freeze short`"):
        build_preregistration(db, find_study(db, "short"))


@pytest.mark.slow(3)
def test_a_zip_is_sent_piece_by_piece_and_the_same_each_time() -> None:
    rows = [
        f"{number * 7919 % 100_003},{number * 104_729 % 999_983}\n" for number in range(200_000)
    ]

    def files() -> list[tuple[str, list[str]]]:
        return [("data/a.csv", rows), ("ä.txt", ["ü"])]

    tracemalloc.start()
    pieces = list(map(len, stream_zip(files())))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(pieces) > 2
    assert peak_bytes < sum(pieces)
    content = b"".join(stream_zip(files()))
    assert content == b"".join(stream_zip(files()))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.read("data/a.csv").decode() == "".join(rows)
        assert archive.read("ä.txt").decode() == "ü"
