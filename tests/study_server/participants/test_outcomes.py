"""The places of participants who have left, or whose time is over, become free."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from study_server.participants import outcomes
from study_server.participants.enrollment import StudyFullError, enroll_participant
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Participant
from study_server.storage.plan_count_queries import count_places_taken
from study_server.storage.plan_counts import find_differences
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, Outcome, RecruitmentSource
from tests.conftest import short_protocol
from tests.imported_studies import open_study

# Hours since the start and since the last sign of life.
HOURS = {"left": (3, 3), "late": (30, 0), "present": (0, 0)}
PROTOCOL = short_protocol("places", time_limit_minutes=1200)


def enroll(db: Session, name: str) -> Participant:
    study = find_study(db, "places")
    return enroll_participant(db, study, name, Mode.LIVE, RecruitmentSource.LINK)


def add_people(engine: Engine, *names: str) -> None:
    """Enroll people, each of whom has left, is late or present."""
    for number, name in enumerate(names):
        with write_transaction(engine) as db:
            person = enroll(db, f"{name} {number}")
            started, seen = HOURS[name]
            person.started_at -= timedelta(hours=started)
            person.last_seen_at -= timedelta(hours=seen)


def test_places_are_released_few_at_a_time(
    engine: Engine, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "PEOPLE_PER_TRANSACTION", 2)
    open_study(engine, PROTOCOL, manifest, tmp_path / "instance")
    add_people(engine, "left", "late", "present", "left", "late", "left")
    assert outcomes.release_places(engine) == 5
    assert outcomes.release_places(engine) == 0
    with read_session(engine) as db:
        study = find_study(db, "places")
        assert Counter(db.scalars(select(Participant.outcome))) == {
            Outcome.ABANDONED: 3, Outcome.TIMED_OUT: 2, Outcome.ACTIVE: 1
        }  # fmt: skip
        assert count_places_taken(db, study) == 1
        assert find_differences(db, study) == []


def test_a_full_study_gives_the_place_of_somebody_who_left_at_once(
    engine: Engine, manifest: Path, tmp_path: Path
) -> None:
    open_study(engine, PROTOCOL, manifest, tmp_path / "instance")
    with write_transaction(engine) as db:
        find_study(db, "places").stop_at = 2
    add_people(engine, "left", "present")
    with write_transaction(engine) as db:
        enroll(db, "takes the place")
    with write_transaction(engine) as db, pytest.raises(StudyFullError):
        enroll(db, "finds none")
