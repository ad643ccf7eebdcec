"""Stored counts are those of a new count, and never outdated."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.participants.responses import SubmittedResponse
from study_server.participants.withdrawal import delete_participant
from study_server.storage.engine import write_session
from study_server.storage.models import Participant, StoredCounts, Study
from study_server.studies import stored_counts
from study_server.studies.design import AnalysisPlan, PlannedExclusions, freeze_study
from study_server.studies.exclusion_counts import list_participant_summaries
from study_server.studies.lookup import find_study
from study_server.studies.stored_counts import (
    count_left_out,
    load_counts,
    load_exposure_errors,
    store_counts,
)
from study_server.vocabulary import Mode
from tests.study_server.acting import name_fake, respond, upcoming
from tests.study_server.monitoring.people import take_part


@pytest.fixture
def db(app: Flask) -> Iterator[Session]:
    with write_session(app.extensions["engine"]) as db:
        yield db


@pytest.fixture
def study(db: Session) -> Study:
    return find_study(db, "short")


@pytest.fixture
def two(db: Session, study: Study) -> list[Participant]:
    """Two people who answered, one of them on a slow device, and have been silent since."""
    people = [take_part(db, study, "a"), take_part(db, study, "b", 4, first_ms=133.4)]
    for person in people:
        person.last_seen_at = now() - timedelta(minutes=2)
    db.commit()
    return people


def count_stored(db: Session) -> int:
    return db.scalar(select(func.count()).select_from(StoredCounts)) or 0


def test_stored_counts_equal_a_new_count(
    db: Session, study: Study, two: list[Participant], engine: Engine
) -> None:
    before = list_participant_summaries(db, study), load_exposure_errors(db, study, Mode.LIVE)
    db.commit()
    assert store_counts(engine) == 2
    assert store_counts(engine) == 0
    assert count_stored(db) == 2
    assert (
        list_participant_summaries(db, study),
        load_exposure_errors(db, study, Mode.LIVE),
    ) == before
    assert before[1] == {0: 12, 67: 2}
    assert [(person.exposures, person.exposures_off) for person in before[0]] == [(4, 2), (10, 0)]
    db.commit()


def test_an_answer_after_the_count_is_counted(
    db: Session, study: Study, two: list[Participant], engine: Engine
) -> None:
    store_counts(engine)
    before = load_counts(db, study, Mode.LIVE)[two[1].id]
    (trial, *_) = upcoming(db, two[1])
    respond(db, two[1], trial, SubmittedResponse(name_fake(trial), 640, 100, 100))
    after = load_counts(db, study, Mode.LIVE)[two[1].id]
    assert after["all_answers"] == before["all_answers"] + 1
    db.commit()
    assert store_counts(engine) == 0  # the participant is not silent
    two[1].last_seen_at -= timedelta(minutes=2)
    db.commit()
    assert store_counts(engine) == 1
    assert load_counts(db, study, Mode.LIVE)[two[1].id] == after
    db.commit()


def test_other_rules_are_counted_again(
    db: Session, study: Study, two: list[Participant], engine: Engine
) -> None:
    for person in two:
        person.mode = Mode.PREVIEW
    db.commit()
    store_counts(engine)
    rules = PlannedExclusions(fast_ms=700.0)
    freeze_study(db, study, AnalysisPlan(exclusions=rules), "aa")
    assert load_counts(db, study, Mode.PREVIEW)[two[0].id]["fast_answers"] == 5
    db.commit()
    assert store_counts(engine) == 2


def test_counts_are_deleted_with_their_participant(
    db: Session, study: Study, two: list[Participant], engine: Engine
) -> None:
    store_counts(engine)
    delete_participant(db, two[0])
    assert count_stored(db) == 1
    db.commit()


def test_many_people_are_counted_in_batches(
    db: Session,
    study: Study,
    two: list[Participant],
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stored_counts, "PEOPLE_PER_TRANSACTION", 1)
    monkeypatch.setattr("study_server.studies.trial_counts.IDS_PER_STATEMENT", 1)
    assert len(load_counts(db, study, Mode.LIVE)) == 2
    db.commit()
    assert store_counts(engine) == 2
    assert count_stored(db) == 2


def test_a_page_counts_only_the_latest_and_says_how_many_it_leaves_out(
    db: Session, study: Study, two: list[Participant], engine: Engine
) -> None:
    latest = max(person.id for person in two)
    assert set(load_counts(db, study, Mode.LIVE, at_most=1)) == {latest}
    assert [person.id for person in list_participant_summaries(db, study, at_most=1)] == [latest]
    assert load_exposure_errors(db, study, Mode.LIVE, at_most=0) == {}
    assert count_left_out(db, study, Mode.LIVE, included=1) == 1
    db.commit()
    store_counts(engine)
    assert len(load_counts(db, study, Mode.LIVE, at_most=0)) == 2
    db.commit()
