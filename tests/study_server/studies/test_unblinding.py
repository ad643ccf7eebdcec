"""Blinding of exports, and the log of unblindings."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from study_server.commands.export import export_command
from study_server.export.rows import iterate_responses, list_unblinding
from study_server.participants import enrollment
from study_server.participants.responses import SubmittedResponse
from study_server.storage.engine import write_transaction
from study_server.storage.models import Study
from study_server.studies.design import AnalysisPlan, freeze_study
from study_server.studies.lookup import find_study
from study_server.studies.unblinding import decide_blinding, is_blinded, record_reopening
from study_server.vocabulary import Mode, Outcome, RecruitmentSource, StudyState
from tests.conftest import short_protocol
from tests.imported_studies import open_study
from tests.study_server.acting import FAKE, respond, upcoming


@pytest.fixture
def engine(app: Flask) -> Engine:
    engine: Engine = app.extensions["engine"]
    return engine


def complete(db: Session, study: Study, people: int, mode: Mode = Mode.LIVE) -> None:
    for number in range(people):
        person = enrollment.enroll_participant(
            db, study, f"{mode}{number}", mode, RecruitmentSource.LINK
        )
        person.outcome = Outcome.COMPLETE
    db.flush()


@pytest.mark.parametrize(
    ("planned", "people", "state", "blinded"),
    [
        (2, 1, StudyState.OPEN, True),
        (2, 1, StudyState.PAUSED, True),
        (2, 2, StudyState.OPEN, False),
        (2, 1, StudyState.CLOSED, False),
        (None, 2, StudyState.OPEN, True),
        (None, 2, StudyState.CLOSED, False),
    ],
)
def test_a_study_is_blinded_until_its_planned_sample_or_its_end(
    planned: int | None, people: int, state: StudyState, blinded: bool, engine: Engine
) -> None:
    with write_transaction(engine) as db:
        study = find_study(db, "short")
        freeze_study(db, study, AnalysisPlan(participants=planned), "aa")
        complete(db, study, people)
        study.state = state
        assert is_blinded(db, study) is blinded


def test_previews_and_simulations_do_not_count_as_sample(engine: Engine) -> None:
    with write_transaction(engine) as db:
        study = find_study(db, "short")
        freeze_study(db, study, AnalysisPlan(participants=1), "aa")
        complete(db, study, 2, Mode.SIMULATED)
        complete(db, study, 2, Mode.PREVIEW)
        assert is_blinded(db, study)


def test_unblinding_is_logged_with_time_name_and_sample_size(engine: Engine) -> None:
    with write_transaction(engine) as db:
        study = find_study(db, "short")
        complete(db, study, 3)
        assert decide_blinding(db, study)
        assert not decide_blinding(db, study, "ada")
        study.state = StudyState.CLOSED
        assert not decide_blinding(db, study, "eve")  # nothing is hidden any more
        (look,) = list_unblinding(db, study)
    assert (look["by"], look["complete"]) == ("ada", 3)
    assert str(look["unblinded_at"]).endswith("+00:00")


def test_reopening_a_closed_study_is_logged_as_unblinding(engine: Engine) -> None:
    """Its exports were unblinded while it was closed."""
    with write_transaction(engine) as db:
        study = find_study(db, "short")
        record_reopening(db, study, "ada")
        assert list_unblinding(db, study) == []
        study.state = StudyState.CLOSED
        record_reopening(db, study, "ada")
        (look,) = list_unblinding(db, study)
    assert look["by"] == "ada (reopened the study)"


def test_a_blinded_single_image_does_not_reveal_its_truth(
    engine: Engine, manifest: Path, tmp_path: Path
) -> None:
    changes = {"presentation": "single", "paired": False, "stimuli": "any", "practice": 0}
    open_study(engine, short_protocol("single", **changes), manifest, tmp_path / "instance")
    with write_transaction(engine) as db:
        study = find_study(db, "single")
        participant = enrollment.enroll_participant(
            db, study, "p", Mode.LIVE, RecruitmentSource.LINK
        )
        while following := upcoming(db, participant):
            respond(db, participant, following[0], SubmittedResponse(FAKE, 500, 100))
        rows = list(iterate_responses(db, study, list(Mode), blinded=True))
        open_rows = list(iterate_responses(db, study, list(Mode), blinded=False))
    assert {row["method"] for row in open_rows} >= {"real", "foil"}
    own = {
        "position",
        "started_at",
        "received_at",
        "kind",
    }  # attention checks are shown: their answer is no secret
    assert len({tuple((k, v) for k, v in row.items() if k not in own) for row in rows}) == 1


def test_an_unblinding_stays_logged_if_the_export_fails(
    engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDY_DATABASE_URL", database_url)
    (tmp_path / "participants.csv").mkdir()  # cannot be written to
    arguments = ["short", "--unblind", "--out", str(tmp_path / "responses.csv")]
    done = CliRunner().invoke(export_command, arguments)
    assert done.exit_code != 0
    with write_transaction(engine) as db:
        (look,) = list_unblinding(db, find_study(db, "short"))
    assert look["by"] == "command line"
