"""Enrollment stops at the number of participants that the study needs, on both databases."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.errors import StudyError
from study_server.export.rows import list_changes
from study_server.participants.enrollment import StudyFullError, enroll_participant
from study_server.participants.outcomes import change_outcomes
from study_server.participants.withdrawal import delete_participant
from study_server.recruitment.stopping import (
    change_quota,
    change_stop_at,
    load_quotas,
    parse_number,
)
from study_server.settings import find_resource_folder
from study_server.storage.engine import read_session, write_session, write_transaction
from study_server.storage.models import Participant
from study_server.studies.design import AnalysisPlan, freeze_study, hash_wording
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, Outcome, RecruitmentSource
from tests.conftest import short_protocol
from tests.imported_studies import open_study
from tests.study_server.browsing import csrf_token


@pytest.fixture
def study(engine: Engine, manifest: Path, tmp_path: Path) -> str:
    return open_study(engine, short_protocol(), manifest, tmp_path / "instance")


@pytest.fixture
def db(engine: Engine, study: str) -> Iterator[Session]:
    with write_session(engine) as db:
        yield db


def enroll(
    db: Session,
    person: object,
    mode: Mode = Mode.LIVE,
    source: RecruitmentSource = RecruitmentSource.LINK,
) -> Participant:
    return enroll_participant(db, find_study(db, "short"), str(person), mode, source)


def freeze(db: Session, participants: int | None = None) -> None:
    study = find_study(db, "short")
    wording = hash_wording(db, study, find_resource_folder("templates"))
    freeze_study(db, study, AnalysisPlan(participants=participants), wording)


def test_many_people_at_the_same_moment_fill_exactly_the_places_there_are(
    engine: Engine, study: str
) -> None:
    with write_transaction(engine) as db:
        change_stop_at(db, find_study(db, "short"), 7, "ada")

    def come(number: int) -> bool:
        try:
            with write_transaction(engine) as db:
                enroll(db, number)
        except StudyFullError:
            return False
        return True

    with ThreadPoolExecutor(12) as threads:
        assert sum(threads.map(come, range(30))) == 7
    with read_session(engine) as db:
        assert db.scalar(select(func.count()).select_from(Participant)) == 7


@pytest.mark.parametrize(
    "outcome",
    [Outcome.SCREENED_OUT, Outcome.RETURNED, Outcome.TIMED_OUT, Outcome.ABANDONED, None],
    ids=str,
)
def test_those_who_drop_out_free_their_place(outcome: Outcome | None, db: Session) -> None:
    change_stop_at(db, find_study(db, "short"), 1, "ada")
    first = enroll(db, "first")
    with pytest.raises(StudyFullError):
        enroll(db, "second")
    db.commit()
    if outcome is None:
        delete_participant(db, first)
    else:
        change_outcomes(db, find_study(db, "short"), {first.id: outcome})
    db.commit()
    assert enroll(db, "second").outcome is Outcome.ACTIVE


def test_those_who_have_left_free_their_place_without_a_trace(db: Session) -> None:
    change_stop_at(db, find_study(db, "short"), 1, "ada")
    enroll(db, "first").last_seen_at = now() - timedelta(days=1)
    db.commit()
    assert enroll(db, "second").outcome is Outcome.ACTIVE


def test_rehearsals_and_returns_are_admitted_to_a_full_study(db: Session) -> None:
    change_stop_at(db, find_study(db, "short"), 1, "ada")
    first = enroll(db, "first")
    assert enroll(db, "first").id == first.id
    assert {enroll(db, mode, mode).mode for mode in (Mode.PREVIEW, Mode.SIMULATED)} == {
        Mode.PREVIEW,
        Mode.SIMULATED,
    }


def test_the_freeze_sets_the_planned_number(db: Session) -> None:
    freeze(db, participants=60)
    assert find_study(db, "short").stop_at == 60
    assert list_changes(db, find_study(db, "short")) == []


def test_a_plan_without_a_number_leaves_the_limit_as_it_is(db: Session) -> None:
    change_stop_at(db, find_study(db, "short"), 5, "ada")
    freeze(db)
    assert find_study(db, "short").stop_at == 5


def test_only_changes_after_the_freeze_are_exported(db: Session) -> None:
    study = find_study(db, "short")
    assert change_stop_at(db, study, 5, "ada")
    freeze(db, participants=60)
    assert change_stop_at(db, study, 10, "ada")
    assert not change_stop_at(db, study, 10, "ada")
    assert change_stop_at(db, study, None, "bob")
    exported = [(row["by"], row["before"], row["after"]) for row in list_changes(db, study)]
    assert exported == [("ada", "60", "10"), ("bob", "10", "")]


def test_changes_before_another_freeze_are_no_deviations(db: Session) -> None:
    study = find_study(db, "short")
    freeze(db, participants=60)
    change_stop_at(db, study, 10, "ada")
    study.design = study.design_sha256 = None  # the freeze is undone, as nobody has taken part
    freeze(db, participants=60)
    assert (study.stop_at, list_changes(db, study)) == (60, [])


def test_a_number_below_one_is_refused(db: Session) -> None:
    with pytest.raises(StudyError, match="use 1 or more"):
        change_stop_at(db, find_study(db, "short"), 0, "ada")
    with pytest.raises(StudyError, match="'many' is not a number"):
        parse_number("many")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_entrance_of_a_full_study_says_so_until_somebody_leaves(app: Flask) -> None:
    client, engine = app.test_client(), app.extensions["engine"]
    with write_transaction(engine) as db:
        change_stop_at(db, find_study(db, "short"), 1, "ada")
        enroll(db, "first")
    assert "This study is full at the moment." in client.get("/s/short").text
    with write_transaction(engine) as db:
        db.scalars(select(Participant)).one().last_seen_at = now() - timedelta(days=1)
    page = client.get("/s/short")
    assert page.status_code == 200
    form = {"csrf_token": csrf_token(page), "consent": "yes"}
    assert client.post("/s/short", data=form).status_code == 303


@pytest.mark.slow(0.3)
def test_many_people_at_the_same_moment_fill_exactly_the_quota_of_each_source(
    engine: Engine, study: str
) -> None:
    quotas = {RecruitmentSource.PROLIFIC: 4, RecruitmentSource.LINK: 2, RecruitmentSource.SONA: 0}
    with write_transaction(engine) as db:
        for source, places in quotas.items():
            change_quota(db, find_study(db, "short"), source, places, "ada")
        assert load_quotas(db, find_study(db, "short")) == quotas

    def come(number: int) -> RecruitmentSource | None:
        source = list(RecruitmentSource)[number % 4]
        try:
            with write_transaction(engine) as db:
                enroll(db, number, source=source)
        except StudyFullError:
            return None
        return source

    with ThreadPoolExecutor(12) as threads:
        came = Counter(threads.map(come, range(28)))
    unlimited = {RecruitmentSource.MTURK: 7}
    assert {source: came[source] for source in RecruitmentSource} == quotas | unlimited


def test_a_quota_is_raised_and_removed_while_people_come(engine: Engine, study: str) -> None:
    def change(places: int | None) -> bool:
        with write_transaction(engine) as db:
            return change_quota(db, find_study(db, "short"), RecruitmentSource.LINK, places, "ada")

    def come(number: int) -> bool:
        try:
            with write_transaction(engine) as db:
                enroll(db, number)
        except StudyFullError:
            return False
        return True

    assert change(3)
    with ThreadPoolExecutor(8) as threads:
        people = [threads.submit(come, number) for number in range(10)]
        raised = threads.submit(change, 5)
        people += [threads.submit(come, number) for number in range(10, 20)]
        assert raised.result()
        admitted = sum(person.result() for person in people)
    assert 3 <= admitted <= 5
    admitted += sum(map(come, range(20, 25)))
    assert admitted == 5
    assert change(None)
    assert not change(None)
    assert come(30)


def test_those_who_drop_out_free_the_place_of_their_source(db: Session) -> None:
    change_quota(db, find_study(db, "short"), RecruitmentSource.LINK, 1, "ada")
    enroll(db, "first").last_seen_at = now() - timedelta(days=1)
    assert enroll(db, "other", source=RecruitmentSource.PROLIFIC).outcome is Outcome.ACTIVE
    assert enroll(db, "second").outcome is Outcome.ACTIVE
    with pytest.raises(StudyFullError):
        enroll(db, "third")


def test_changes_of_quotas_after_the_freeze_are_exported(db: Session) -> None:
    study = find_study(db, "short")
    change_quota(db, study, RecruitmentSource.SONA, 5, "ada")
    freeze(db)
    change_quota(db, study, RecruitmentSource.SONA, 8, "ada")
    change_quota(db, study, RecruitmentSource.SONA, None, "bob")
    exported = [
        (row["setting"], row["by"], row["before"], row["after"]) for row in list_changes(db, study)
    ]
    assert exported == [("quota_sona", "ada", "5", "8"), ("quota_sona", "bob", "8", "")]
    with pytest.raises(StudyError, match="use 0 or more"):
        change_quota(db, study, RecruitmentSource.SONA, -1, "ada")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_entrance_says_that_a_source_is_full(app: Flask) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        change_quota(db, find_study(db, "short"), RecruitmentSource.PROLIFIC, 0, "ada")
    prolific = "PROLIFIC_PID=5e9088a8a4b6ed018b45ba7b&STUDY_ID=s&SESSION_ID=t"
    assert "This study is full" in app.test_client().get(f"/s/short?{prolific}").text
    assert "This study is full" not in app.test_client().get("/s/short").text
