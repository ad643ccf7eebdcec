"""The report and the interim estimates of a study, made from its database, on both databases."""

import json

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.export.rows import list_unblinding
from study_server.participants.enrollment import enroll_participant
from study_server.participants.responses import SubmittedResponse
from study_server.reporting import analysis_commands, making
from study_server.settings import Settings
from study_server.storage.engine import read_session, write_session, write_transaction
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, RecruitmentSource, StudyState
from tests.study_server.acting import name_fake, respond, upcoming


def answer_all(db: Session) -> None:
    """Let a live participant take part."""
    person = enroll_participant(db, find_study(db, "short"), "p", Mode.LIVE, RecruitmentSource.LINK)
    while trials := upcoming(db, person):
        answer = SubmittedResponse(name_fake(trials[0]), 640, 100, 100)
        respond(db, person, trials[0], answer)


def settings_of(app: Flask) -> Settings:
    settings: Settings = app.extensions["settings"]
    return settings


@pytest.mark.slow(15)
def test_the_report_on_simulated_participants_shows_images(
    app: Flask, engine_with_answers: Engine
) -> None:
    page = making.make_report(engine_with_answers, settings_of(app), "short", Mode.SIMULATED)
    assert page.parent.name == Mode.SIMULATED
    data = json.loads(page.with_name("report.json").read_text())["input"]
    assert (data["mode"], data["participants"]) == ("simulated", 2)
    assert "data:image/jpeg" in page.read_text()


def test_there_is_no_report_on_live_participants_while_the_study_is_blinded(
    app: Flask, engine: Engine
) -> None:
    with pytest.raises(StudyError, match="blinded until it is closed"):
        making.make_report(engine, settings_of(app), "short", Mode.LIVE)
    with pytest.raises(StudyError, match="no report on previews"):
        making.make_report(engine, settings_of(app), "short", Mode.PREVIEW)


@pytest.mark.slow(0.9)
def test_a_failure_of_the_analysis_is_one_sentence_and_leaves_no_file(
    app: Flask, engine: Engine
) -> None:
    with pytest.raises(StudyError, match=r"analysis\.monitor: .*nobody has taken part yet"):
        making.make_monitor(engine, settings_of(app), "short", "ada")
    assert not settings_of(app).reports_folder("short").exists()


def test_there_is_no_report_before_somebody_has_answered(app: Flask, engine: Engine) -> None:
    with write_transaction(engine) as db:
        find_study(db, "short").state = StudyState.CLOSED
    for mode in (Mode.LIVE, Mode.SIMULATED):
        with pytest.raises(StudyError, match=f"no {mode} participant has answered yet"):
            making.make_report(engine, settings_of(app), "short", mode)


def test_without_the_analysis_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(analysis_commands, "NEEDED_MODULES", ("no_such_module",))
    with pytest.raises(StudyError, match=r"run `pip install 'hue-and-eye\[analysis\]'`"):
        analysis_commands.run_analysis("report", [])


@pytest.mark.slow(10)
def test_interim_estimates_of_live_participants_are_logged_as_an_early_unblinding(
    app: Flask, engine_with_answers: Engine
) -> None:
    engine, settings = engine_with_answers, settings_of(app)
    making.make_monitor(engine, settings, "short", "ada")
    with write_session(engine) as db:
        assert list_unblinding(db, find_study(db, "short")) == []  # they were simulated
        answer_all(db)
        db.commit()
    file = making.make_monitor(engine, settings, "short", "ada")
    assert json.loads(file.read_text())["mode"] == "live"
    with read_session(engine) as db:
        (look,) = list_unblinding(db, find_study(db, "short"))
    assert (look["by"], look["complete"]) == ("ada (interim estimates)", 1)
