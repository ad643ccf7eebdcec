"""Tests of protocol variants: single images, qualification, repeats, order, views per fake."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from study_server.participants import current_trial, enrollment, replacement, scoring
from study_server.participants.current_trial import ParticipationOverError
from study_server.participants.enrollment import StudyFullError
from study_server.participants.responses import SubmittedResponse
from study_server.protocol.model import Protocol
from study_server.settings import Settings
from study_server.storage.engine import read_session, write_session
from study_server.storage.models import Participant, Trial
from study_server.studies.lookup import find_study
from study_server.tasks.task import InvalidAnswerError, WireAnswer
from study_server.vocabulary import Mode, Outcome, RecruitmentSource, TrialKind
from tests.apps import open_app
from tests.conftest import SECRET, short_protocol
from tests.imported_studies import open_study
from tests.study_server.acting import (
    FAKE,
    LEFT,
    REAL,
    begin,
    fake_of,
    name_fake,
    other,
    respond,
    upcoming,
)
from tests.study_server.browsing import consent

SINGLE = {"presentation": "single", "paired": False, "stimuli": "any", "exposure_ms": 0}
QUALIFIED = {
    "qualification": 2,
    "qualification_min_correct": 0.5,
    "practice": 1,
    "attention_checks": 0,
}
SHOWN = {"rt_ms": 640, "first_ms": 100}


@pytest.fixture
def db(engine: Engine) -> Iterator[Session]:
    with write_session(engine) as db:
        yield db


def come(db: Session, protocol: Protocol, manifest: Path, tmp_path: Path) -> Participant:
    """Import a study of this protocol and enroll its first participant."""
    engine = db.get_bind()
    assert isinstance(engine, Engine)
    open_study(engine, protocol, manifest, tmp_path / "instance")
    return enroll(db, protocol.slug)


def enroll(db: Session, slug: str, person: str = "somebody", mode: Mode = Mode.LIVE) -> Participant:
    return enrollment.enroll_participant(
        db, find_study(db, slug), person, mode, RecruitmentSource.LINK
    )


def trials_of(db: Session, participant: Participant) -> list[Trial]:
    mine = select(Trial).where(Trial.participant_id == participant.id)
    return list(db.scalars(mine.order_by(Trial.place, Trial.attempt)))


def answer(db: Session, participant: Participant, trial: Trial, right: bool = True) -> None:
    choice = name_fake(trial) if right else other(name_fake(trial))
    respond(db, participant, trial, SubmittedResponse(choice, 500, 100))


def test_a_single_image_is_stored_with_its_own_method(
    db: Session, manifest: Path, tmp_path: Path
) -> None:
    protocol = short_protocol("single", **SINGLE, practice=0, attention_checks=0, trials=6)
    participant = come(db, protocol, manifest, tmp_path)
    trials = trials_of(db, participant)
    assert Counter(len(trial.candidates) for trial in trials) == {1: 6}
    assert Counter(fake_of(trial).method == "real" for trial in trials) == {True: 3, False: 3}
    for trial in trials:
        fake = name_fake(trial) is FAKE
        assert fake_of(trial).method == (participant.assigned_method if fake else "real")
        assert trial.exposure_ms is None


@pytest.mark.parametrize(("changes", "unfit"), [({}, REAL), (SINGLE, LEFT)])
def test_pairs_have_a_side_and_single_images_a_verdict(
    changes: dict[str, object], unfit: WireAnswer, db: Session, manifest: Path, tmp_path: Path
) -> None:
    participant = come(db, short_protocol("one", **changes), manifest, tmp_path)
    (trial, *_) = upcoming(db, participant)
    with pytest.raises(InvalidAnswerError, match=r"answer\.(choice|verdict): Field required"):
        respond(db, participant, trial, SubmittedResponse(unfit, 500, 100))


def test_participants_who_pass_the_qualification_continue(
    db: Session, manifest: Path, tmp_path: Path
) -> None:
    participant = come(db, short_protocol("q", **QUALIFIED), manifest, tmp_path)
    first, second, *_ = trials_of(db, participant)
    assert {first.kind, second.kind} == {TrialKind.QUALIFICATION}
    answer(db, participant, first, right=False)
    answer(db, participant, second)
    assert participant.finished_at is None
    while following := upcoming(db, participant):
        answer(db, participant, following[0])
    assert participant.outcome is Outcome.COMPLETE
    assert scoring.count_correct(db, participant) == (4, 4)


def test_participants_who_fail_the_qualification_are_screened_out(
    db: Session, manifest: Path, tmp_path: Path
) -> None:
    participant = come(db, short_protocol("q", **QUALIFIED), manifest, tmp_path)
    first, second, third, *_ = trials_of(db, participant)
    assert enroll(db, "q", "another").assigned_method != participant.assigned_method
    for trial in (first, second):
        answer(db, participant, trial, right=False)
    assert participant.outcome is Outcome.SCREENED_OUT
    assert upcoming(db, participant) == []
    assert scoring.completion_code(participant) is None
    with pytest.raises(ParticipationOverError):
        answer(db, participant, third)
    # the place is free for another participant
    assert enroll(db, "q", "third").assigned_method == participant.assigned_method


def test_a_repeat_repeats_the_replacement_of_its_original(
    db: Session, manifest: Path, tmp_path: Path
) -> None:
    protocol = short_protocol("r", practice=0, attention_checks=0, trials=6, repeats=2)
    participant = come(db, protocol, manifest, tmp_path)
    trials = trials_of(db, participant)
    repeat = next(trial for trial in trials if trial.repeat_of is not None)
    assert repeat.repeat_of is not None
    fetched_under = repeat.token
    for trial in trials[: repeat.repeat_of]:
        answer(db, participant, trial)
    original = trials[repeat.repeat_of]
    begin(db, participant, original)
    replacement.void_interrupted_trials(db, participant)
    (instead, *_) = upcoming(db, participant)
    assert (instead.place, fake_of(instead)) != (original.place, fake_of(original))
    assert {one.id for one in repeat.candidates} == {one.id for one in instead.candidates}
    assert repeat.token != fetched_under  # so that no prefetched images are shown


def test_an_interrupted_repeat_shows_the_same_pair_again(
    db: Session, manifest: Path, tmp_path: Path
) -> None:
    protocol = short_protocol("r", practice=0, attention_checks=0, trials=2, repeats=1)
    participant = come(db, protocol, manifest, tmp_path)
    while (trial := upcoming(db, participant)[0]).repeat_of is None:
        answer(db, participant, trial)
    begin(db, participant, trial)
    replacement.void_interrupted_trials(db, participant)
    (again, *_) = upcoming(db, participant)
    assert (fake_of(again), again.repeat_of) == (fake_of(trial), trial.repeat_of)


def test_repeats_are_not_scored(db: Session, manifest: Path, tmp_path: Path) -> None:
    protocol = short_protocol("r", practice=0, attention_checks=0, trials=4, repeats=2)
    participant = come(db, protocol, manifest, tmp_path)
    while following := upcoming(db, participant):
        answer(db, participant, following[0])
    assert current_trial.count_progress(db.connection(), participant) == (6, 6)
    assert scoring.count_correct(db, participant) == (4, 4)


def test_a_study_is_full_once_every_fake_has_enough_views(
    db: Session, manifest: Path, tmp_path: Path
) -> None:
    """Two participants see every fake once: 12 images, one method and 6 test trials each."""
    changes = {
        "methods": ("mcl",),
        "practice": 0,
        "attention_checks": 0,
        "trials": 6,
        "target_views": 1,
    }
    first = come(db, short_protocol("full", **changes), manifest, tmp_path)
    enroll(db, "full", "second")
    with pytest.raises(StudyFullError):
        enroll(db, "full", "third")
    assert enroll(db, "full", "somebody") is first
    assert enroll(db, "full", "a look", Mode.PREVIEW).mode is Mode.PREVIEW
    first.last_seen_at = first.started_at.replace(year=2000)
    db.flush()
    seen = {fake_of(trial).image for trial in trials_of(db, first)}
    third = enroll(db, "full", "third")
    assert {fake_of(trial).image for trial in trials_of(db, third)} == seen


def served(
    engine: Engine, url: str, protocol: Protocol, manifest: Path, tmp_path: Path
) -> tuple[Flask, FlaskClient, str]:
    """Return a browser that has consented."""
    open_study(engine, protocol, manifest, tmp_path / "instance")
    app = open_app(
        Settings(database_url=url, instance_folder=tmp_path / "instance", secret_key=SECRET), engine
    )
    client = app.test_client()
    return app, client, consent(client, f"/s/{protocol.slug}")


def test_a_single_trial_has_one_image_and_practice_has_feedback(
    engine: Engine, database_url: str, manifest: Path, tmp_path: Path
) -> None:
    protocol = short_protocol("single", **SINGLE, practice=4, masks=0)
    _, client, base = served(engine, database_url, protocol, manifest, tmp_path)
    for _ in range(4):
        (trial, *_) = client.get(f"{base}/trials").get_json()["trials"]
        mine = f"{base}/trials/{trial['token']}"
        assert trial["slots"] == [{"image": f"{mine}/0", "appears": 0}]
        assert trial["timing"]["exposure_ms"] is None
        assert client.get(f"{mine}/0").mimetype == "image/png"
        assert client.get(f"{mine}/1").status_code == 404
        reply = client.post(
            f"{mine}/response", json=SHOWN | {"answer": {"verdict": "fake"}}
        ).get_json()
        with read_session(engine) as db:
            stored = db.scalars(select(Trial).where(Trial.token == trial["token"])).one()
            fake = name_fake(stored) is FAKE
        truth = ["fake" if fake else "real"]
        assert reply["feedback"] == {"is_correct": fake, "truth": truth}
    (trial, *_) = client.get(f"{base}/trials").get_json()["trials"]
    wrong = client.post(
        f"{base}/trials/{trial['token']}/response", json=SHOWN | {"answer": {"choice": 0}}
    )
    assert wrong.status_code == 400
    assert wrong.get_json()["error"] == "answer.verdict: Field required"


def test_each_slot_says_when_its_image_appears(
    engine: Engine, database_url: str, manifest: Path, tmp_path: Path
) -> None:
    protocol = short_protocol("mixed", practice=4, order="random")
    _, client, base = served(engine, database_url, protocol, manifest, tmp_path)
    trials = client.get(f"{base}/trials").get_json()["trials"]
    with read_session(engine) as db:
        stored = {t.token: [one.appears for one in t.stimuli] for t in db.scalars(select(Trial))}
    for trial in trials:
        assert [slot["appears"] for slot in trial["slots"]] == stored[trial["token"]]
    assert {t["slots"][0]["appears"] for t in trials} == {0, 1}  # balanced in practice


def test_screened_out_participants_see_a_page_without_a_code(
    engine: Engine, database_url: str, manifest: Path, tmp_path: Path
) -> None:
    protocol = short_protocol("q", **QUALIFIED | {"qualification_min_correct": 1.0})
    _, client, base = served(engine, database_url, protocol, manifest, tmp_path)
    for trial in client.get(f"{base}/trials").get_json()["trials"][:2]:
        with read_session(engine) as db:
            stored = db.scalars(select(Trial).where(Trial.token == trial["token"])).one()
            wrong = other(name_fake(stored))
        client.post(f"{base}/trials/{trial['token']}/response", json=SHOWN | {"answer": wrong})
    assert client.get(f"{base}/trials").get_json()["trials"] == []
    page = client.get(f"{base}/debrief", follow_redirects=True)
    assert "end of the study for you" in page.text
    assert "code" not in page.text.lower()


def test_a_full_study_says_so_at_its_entry(
    engine: Engine, database_url: str, manifest: Path, tmp_path: Path
) -> None:
    changes = {
        "methods": ("mcl",),
        "practice": 0,
        "attention_checks": 0,
        "trials": 12,
        "target_views": 1,
    }
    protocol = short_protocol("full", **changes)
    app, first, base = served(engine, database_url, protocol, manifest, tmp_path)
    late = app.test_client().get("/s/full")
    assert (late.status_code, "full at the moment" in late.text) == (403, True)
    assert f'href="{base}"' in first.get("/s/full").text
