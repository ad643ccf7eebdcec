"""Participation from enrollment to completion, on SQLite and PostgreSQL."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.participants import (
    current_trial,
    enrollment,
    participation,
    replacement,
    responses,
    scoring,
)
from study_server.participants.current_trial import ParticipationOverError, VoidedTrialError
from study_server.participants.outcomes import update_lapsed_outcomes
from study_server.participants.responses import SubmittedResponse
from study_server.protocol.image_draws import ViewCounts
from study_server.storage import plan_count_queries
from study_server.storage.engine import read_session, write_session, write_transaction
from study_server.storage.models import Identity, Participant, Response, Trial
from study_server.studies.lookup import count_by_outcome, find_study
from study_server.tasks.task import WireAnswer
from study_server.vocabulary import Mode, Outcome, RecruitmentSource, TrialFlag, TrialKind
from tests.conftest import short_protocol
from tests.imported_studies import open_study
from tests.study_server.acting import (
    LEFT,
    RIGHT,
    begin,
    fake_of,
    name_fake,
    other,
    respond,
    upcoming,
)

ANSWER = SubmittedResponse(LEFT, rt_ms=812, first_ms=100.1, second_ms=99.9)


@pytest.fixture
def study(engine: Engine, manifest: Path, tmp_path: Path) -> str:
    return open_study(engine, short_protocol(), manifest, tmp_path / "instance")


@pytest.fixture
def db(engine: Engine, study: str) -> Iterator[Session]:
    with write_session(engine) as db:
        yield db


def enroll(db: Session, person: str = "somebody", mode: Mode = Mode.LIVE) -> Participant:
    return enrollment.enroll_participant(
        db, find_study(db, "short"), person, mode, RecruitmentSource.LINK
    )


def count_views(db: Session) -> ViewCounts:
    study = find_study(db, "short")
    return plan_count_queries.load_planned_stimuli(db, study, Mode.LIVE).views


def answer_all(db: Session, participant: Participant) -> None:
    while batch := upcoming(db, participant):
        for trial in batch:
            respond(db, participant, trial, ANSWER)


def test_the_same_person_is_the_same_participant(db: Session) -> None:
    assert enroll(db, "a") is enroll(db, "a")
    assert enroll(db, "a") is not enroll(db, "b")


def test_only_a_keyed_hash_of_the_external_id_is_stored(db: Session) -> None:
    enroll(db, "worker-A1B2C3")
    (identity,) = db.scalars(select(Identity))
    assert len(identity.external_id_digest) == 64
    for table in ("participant", "identity"):
        rows = db.execute(text(f"SELECT * FROM {table}")).all()
        assert "worker" not in str(rows)


def test_methods_are_balanced_without_counting_previews(db: Session) -> None:
    for number in range(6):
        enroll(db, f"preview {number}", Mode.PREVIEW)
    methods = Counter(enroll(db, f"person {number}").assigned_method for number in range(10))
    assert methods == {"l2": 5, "mcl": 5}


def test_abandoned_participants_free_their_place_and_may_return(db: Session) -> None:
    people = [enroll(db, f"person {number}") for number in range(4)]
    silent = [person for person in people if person.assigned_method == "l2"]
    for person in silent:
        person.last_seen_at = now() - timedelta(minutes=61)
    db.flush()
    update_lapsed_outcomes(db, find_study(db, "short"))
    assert [enroll(db, f"late {number}").assigned_method for number in range(2)] == ["l2", "l2"]
    db.expire_all()
    assert {person.outcome for person in silent} == {Outcome.ABANDONED}
    assert count_by_outcome(db, find_study(db, "short"))["abandoned"] == len(silent)
    replacement.void_interrupted_trials(db, silent[0])
    assert silent[0].outcome is Outcome.ACTIVE


def test_silent_participants_count_as_abandoned_before_the_next_enrollment(db: Session) -> None:
    enroll(db).last_seen_at = now() - timedelta(minutes=61)
    db.flush()
    counted = count_by_outcome(db, find_study(db, "short"))
    assert (counted["active"], counted["abandoned"]) == (0, 1)


@pytest.mark.slow(0.4)
def test_fifty_simultaneous_enrollments_are_balanced_and_unique(
    engine: Engine, manifest: Path, tmp_path: Path
) -> None:
    open_study(engine, short_protocol(), manifest, tmp_path / "instance")

    def come(number: int) -> str:
        with write_transaction(engine) as db:
            return enroll(db, f"person {number % 25}").token

    with ThreadPoolExecutor(50) as threads:
        tokens = list(threads.map(come, range(50)))
    assert len(set(tokens)) == 25
    with read_session(engine) as db:
        methods = Counter(db.scalars(select(Participant.assigned_method)))
        views = count_views(db)
    assert abs(methods["l2"] - methods["mcl"]) <= 1
    for method, people in methods.items():
        assert method is not None
        seen = [views.get((f"photo-{n:03}", method), 0) for n in range(12)]
        assert sum(seen) == 4 * people
        assert max(seen) - min(seen) <= 1


def test_views_of_abandoned_participants_are_assigned_again(db: Session) -> None:
    silent = enroll(db)
    silent.last_seen_at = now() - timedelta(minutes=61)
    db.flush()
    update_lapsed_outcomes(db, find_study(db, "short"))
    enroll(db, "another")
    db.expire_all()
    views = count_views(db)
    assert sum(seen for (_, method), seen in views.items() if method != "real") == 4


def test_timed_out_participants_cannot_answer_and_free_their_place(
    engine: Engine, manifest: Path, tmp_path: Path
) -> None:
    protocol = short_protocol("timed", time_limit_minutes=30)
    open_study(engine, protocol, manifest, tmp_path / "instance")
    with write_session(engine) as db:
        study = find_study(db, "timed")
        late = enrollment.enroll_participant(db, study, "late", Mode.LIVE, RecruitmentSource.LINK)
        done = enrollment.enroll_participant(db, study, "done", Mode.LIVE, RecruitmentSource.LINK)
        answer_all(db, done)
        (first, second, *_) = upcoming(db, late)
        respond(db, late, first, ANSWER)
        for person in (late, done):
            person.started_at = now() - timedelta(minutes=31)
        db.flush()
        assert count_by_outcome(db, study)["timed_out"] == 1
        with pytest.raises(ParticipationOverError):
            respond(db, late, second, ANSWER)
        assert (late.outcome, done.outcome) == (Outcome.TIMED_OUT, Outcome.COMPLETE)
        replacement.void_interrupted_trials(db, late)
        assert upcoming(db, late) == []
        assert scoring.completion_code(late) is None
        next_one = enrollment.enroll_participant(
            db, study, "next", Mode.LIVE, RecruitmentSource.LINK
        )
        assert next_one.assigned_method == late.assigned_method


@pytest.mark.parametrize(
    ("ago_s", "noted"), [(1, False), (11, True), (-7200, True)], ids=["just", "then", "clock back"]
)
def test_presence_is_recorded_at_most_every_ten_seconds(
    db: Session, ago_s: int, noted: bool
) -> None:
    participant = enroll(db)
    before = participant.last_seen_at = now() - timedelta(seconds=ago_s)
    db.flush()
    current_trial.record_presence(
        db.connection(), participation.to_current_participant(participant)
    )
    db.refresh(participant)
    assert (participant.last_seen_at != before) is noted
    assert abs(now() - participant.last_seen_at) < timedelta(seconds=10)


def test_a_plan_has_every_trial_of_the_protocol(db: Session) -> None:
    participant = enroll(db)
    trials = db.scalars(select(Trial).where(Trial.participant_id == participant.id)).all()
    kinds = Counter(trial.kind for trial in trials)
    assert kinds == {TrialKind.PRACTICE: 2, TrialKind.TEST: 4, TrialKind.ATTENTION: 1}
    for trial in trials:
        (real,) = (one for one in trial.candidates if one.method == "real")
        assert real.image == fake_of(trial).image
        expected = "foil" if trial.kind is TrialKind.ATTENTION else participant.assigned_method
        assert fake_of(trial).method == expected


def test_the_first_answer_is_final(db: Session) -> None:
    participant = enroll(db)
    (trial, *_) = upcoming(db, participant)
    for choice in (RIGHT, LEFT):
        answer = SubmittedResponse(
            choice, rt_ms=500, first_ms=100, second_ms=100, flags=[TrialFlag.HIDDEN]
        )
        respond(db, participant, trial, answer)
    assert trial.response is not None
    said = [(one.slot, one.scale, one.value) for one in trial.response.judgments]
    assert said == [(0, "real", 1), (1, "real", 0)]  # the fake is on the right
    assert trial.response.hidden
    assert db.scalar(select(func.count()).select_from(Response)) == 1


def test_racing_answers_to_one_trial_store_one(engine: Engine, study: str) -> None:
    with write_transaction(engine) as db:
        participant = enroll(db)
        (trial, *_) = upcoming(db, participant)
        tokens = participant.token, trial.token

    def answer(choice: WireAnswer) -> None:
        with write_transaction(engine) as db:
            showing = current_trial.find_current_trial(db.connection(), *tokens)
            responses.record_response(db.connection(), showing, SubmittedResponse(choice, 1, 1, 1))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(answer, [LEFT, RIGHT] * 8))
    with read_session(engine) as db:
        assert db.scalar(select(func.count()).select_from(Response)) == 1


def test_the_trial_of_another_participant_is_unknown(db: Session) -> None:
    mine, other = enroll(db, "a"), enroll(db, "b")
    (trial, *_) = upcoming(db, other)
    with pytest.raises(current_trial.UnknownTrialError):
        respond(db, mine, trial, ANSWER)


def test_an_interrupted_trial_is_voided_and_replaced_by_another_photograph(
    db: Session,
) -> None:
    participant = enroll(db)
    (first, *_) = upcoming(db, participant)
    begin(db, participant, first)
    replacement.void_interrupted_trials(db, participant)
    (second, *_) = upcoming(db, participant)
    assert first.voided
    assert (second.place, second.attempt, second.kind) == (first.place, 1, first.kind)
    assert fake_of(second).method == fake_of(first).method
    mine = select(Trial).where(Trial.participant_id == participant.id)
    images = [fake_of(trial).image for trial in db.scalars(mine)]
    assert len(set(images)) == len(images)
    with pytest.raises(VoidedTrialError):
        respond(db, participant, first, ANSWER)


def test_a_reload_before_the_start_voids_nothing(db: Session) -> None:
    participant = enroll(db)
    before = [trial.token for trial in upcoming(db, participant)]
    replacement.void_interrupted_trials(db, participant)
    assert [trial.token for trial in upcoming(db, participant)] == before


def test_reloading_often_still_requires_every_answer(db: Session) -> None:
    participant = enroll(db)
    for _ in range(20):  # the reserve has 5
        (trial, *_) = upcoming(db, participant)
        begin(db, participant, trial)
        replacement.void_interrupted_trials(db, participant)
    assert current_trial.count_progress(db.connection(), participant) == (0, 7)
    assert scoring.completion_code(participant) is None


def test_the_code_appears_with_the_last_answer(db: Session) -> None:
    participant = enroll(db)
    assert scoring.completion_code(participant) is None
    answer_all(db, participant)
    assert participant.outcome is Outcome.COMPLETE
    assert current_trial.count_progress(db.connection(), participant) == (7, 7)
    code = scoring.completion_code(participant)
    other = enroll(db, "another")
    answer_all(db, other)
    assert code is not None
    assert code != scoring.completion_code(other)


@pytest.mark.parametrize("question", ["fake", "real"])
def test_the_score_counts_test_pairs_by_the_question(
    question: str, engine: Engine, manifest: Path, tmp_path: Path
) -> None:
    protocol = short_protocol("asks", question=question)
    open_study(engine, protocol, manifest, tmp_path / "instance")
    with write_session(engine) as db:
        participant = enrollment.enroll_participant(
            db, find_study(db, "asks"), "p", Mode.LIVE, RecruitmentSource.LINK
        )
        while batch := upcoming(db, participant):
            for trial in batch:
                wanted = name_fake(trial) if question == "fake" else other(name_fake(trial))
                choice = wanted if trial.place != 3 else other(wanted)
                respond(db, participant, trial, SubmittedResponse(choice, 1, 1, 1))
        kind_of_slot_3 = db.scalars(select(Trial.kind).where(Trial.place == 3)).one()
        lost = int(kind_of_slot_3 is TrialKind.TEST)
        assert scoring.count_correct(db, participant) == (4 - lost, 4)
