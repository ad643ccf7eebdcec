"""Staircases: the exposure of a trial follows from the answers before, whatever interrupts them."""

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.export.csv_files import export_study
from study_server.participants import enrollment, replacement
from study_server.participants.responses import SubmittedResponse
from study_server.protocol.model import Protocol
from study_server.protocol.staircase import Staircase, next_exposure
from study_server.protocol.study_toml import create_protocol
from study_server.settings import Settings
from study_server.simulation.simulated_people import SimulatedPopulation
from study_server.stimuli.importing import import_study
from study_server.storage import plan_counts
from study_server.storage.engine import write_transaction
from study_server.storage.models import Participant, Trial
from study_server.studies.lookup import find_study
from study_server.tasks.task import InvalidAnswerError
from study_server.vocabulary import Mode, Outcome, RecruitmentSource, TrialFlag
from tests.apps import open_app
from tests.conftest import SECRET, simulate
from tests.databases import open_prepared
from tests.imported_studies import open_study
from tests.study_server.acting import begin, name_fake, other, respond, upcoming
from tests.study_server.browsing import consent

RULE = Staircase(
    start_ms=500, up_ms=10, down_ms=30, right_in_a_row=2, min_ms=100, max_ms=1000, blocks=2,
    trials_per_block=5,
)  # fmt: skip
RIGHT, WRONG = True, False


def short_staircase(**changes: object) -> Protocol:
    """Return hype_time with two blocks of five trials, and without a screening."""
    settings = {
        "staircase": RULE.model_dump(), "trials": RULE.trials, "device": "any",
        "color_vision": "unasked", "night_light": "unasked",
    }  # fmt: skip
    return Protocol.model_validate(
        create_protocol("steps", "hype_time").model_dump() | settings | changes
    )


@pytest.fixture
def db(sqlite_url: str, manifest: Path, tmp_path: Path) -> Iterator[Session]:
    engine = open_prepared(sqlite_url)
    open_study(engine, short_staircase(disturbed="replace"), manifest, tmp_path / "instance")
    with write_transaction(engine) as db:
        yield db
    engine.dispose()


@pytest.fixture
def participant(db: Session) -> Participant:
    study = find_study(db, "steps")
    return enrollment.enroll_participant(db, study, "p", Mode.LIVE, RecruitmentSource.LINK)


def answer(
    db: Session, participant: Participant, *answers: bool, flags: tuple[TrialFlag, ...] = ()
) -> None:
    """Answer the next trials, right or wrong."""
    for is_right in answers:
        (trial, *_) = upcoming(db, participant)
        given = name_fake(trial) if is_right else other(name_fake(trial))
        submitted = SubmittedResponse(given, 700, trial.exposure_ms or 0, flags=flags)
        respond(db, participant, trial, submitted)


def next_exposures(db: Session, participant: Participant) -> list[int | None]:
    return [trial.exposure_ms for trial in upcoming(db, participant)]


def test_an_answer_decides_the_exposure_of_the_next_trial_alone(
    db: Session, participant: Participant
) -> None:
    assert next_exposures(db, participant) == [500, *[None] * 9]
    answer(db, participant, WRONG)
    assert next_exposures(db, participant) == [510, *[None] * 8]
    answer(db, participant, RIGHT, RIGHT)
    assert next_exposures(db, participant) == [480, *[None] * 6]


def test_a_block_starts_again_and_the_last_answer_completes_the_study(
    db: Session, participant: Participant
) -> None:
    answer(db, participant, *[WRONG] * 5)
    assert next_exposures(db, participant) == [500, *[None] * 4]
    answer(db, participant, RIGHT, RIGHT, RIGHT, RIGHT)
    assert next_exposures(db, participant) == [440]
    answer(db, participant, RIGHT)
    assert participant.outcome is Outcome.COMPLETE


def test_an_interrupted_trial_is_replaced_with_the_same_exposure(
    db: Session, participant: Participant
) -> None:
    answer(db, participant, WRONG, RIGHT)
    (trial, *_) = upcoming(db, participant)
    begin(db, participant, trial)
    replacement.void_interrupted_trials(db, participant)
    (again, *_) = upcoming(db, participant)
    assert (again.place, again.attempt, again.exposure_ms) == (2, 1, 510)
    assert again.candidates[0].image != trial.candidates[0].image
    answer(db, participant, RIGHT)  # the second one in a row
    assert next_exposures(db, participant)[0] == 480


def test_a_voided_answer_does_not_count(db: Session, participant: Participant) -> None:
    answer(db, participant, RIGHT)
    answer(db, participant, WRONG, flags=(TrialFlag.HIDDEN,))
    assert next_exposures(db, participant) == [500, *[None] * 8]
    answer(db, participant, RIGHT)
    assert next_exposures(db, participant)[0] == 470


def test_a_trial_shown_again_after_too_many_interruptions_does_not_count(
    db: Session, participant: Participant
) -> None:
    (trial, *_) = upcoming(db, participant)
    trial.reshown = True
    answer(db, participant, WRONG)
    assert next_exposures(db, participant)[0] == 500


def test_an_answer_sent_again_changes_nothing(db: Session, participant: Participant) -> None:
    (trial, *_) = upcoming(db, participant)
    submitted = SubmittedResponse(other(name_fake(trial)), 700, 500)
    for _ in range(3):
        reply = respond(db, participant, trial, submitted)
        first = reply.upcoming.trials[0]
        assert (first.exposure_ms, first.awaits_exposure) == (510, False)
        assert reply.upcoming.trials[1].awaits_exposure
        assert reply.feedback is not None
        assert not reply.feedback.is_correct


def test_a_trial_without_an_exposure_cannot_start(db: Session, participant: Participant) -> None:
    _, second, *_ = upcoming(db, participant)
    with pytest.raises(InvalidAnswerError, match="no exposure yet"):
        begin(db, participant, second)
    replacement.report_incident(db, participant, second.token, 0, 500)
    answer(db, participant, WRONG)
    (again, *_) = upcoming(db, participant)
    assert (again.attempt, again.exposure_ms) == (1, 510)


def test_no_image_recurs_in_a_block_even_after_replacements(
    db: Session, participant: Participant
) -> None:
    while trials := upcoming(db, participant):
        if trials[0].attempt == 0 and trials[0].place in (2, 7):
            begin(db, participant, trials[0])
            replacement.void_interrupted_trials(db, participant)
        answer(db, participant, RIGHT)
    blocks = participant_images(db, participant)
    assert [len(set(images)) for images in blocks.values()] == [6, 6]
    assert [len(images) for images in blocks.values()] == [6, 6]
    assert plan_counts.find_differences(db, find_study(db, "steps")) == []


def participant_images(db: Session, participant: Participant) -> dict[int, list[str]]:
    """Return the images of all trials, voided ones too, by block."""
    trials = db.query(Trial).filter_by(participant_id=participant.id).order_by(Trial.place)
    by_block = itertools.groupby(trials, lambda trial: trial.block)
    return {block: [trial.candidates[0].image for trial in own] for block, own in by_block}


@pytest.fixture
def app_with_study(engine: Engine, database_url: str, manifest: Path, tmp_path: Path) -> Flask:
    """Return the server with the study, on SQLite and on PostgreSQL."""
    open_study(engine, short_staircase(), manifest, tmp_path / "instance")
    settings = Settings(
        database_url=database_url, instance_folder=tmp_path / "instance", secret_key=SECRET
    )
    return open_app(settings, engine)


def test_simulated_people_climb_the_stairs_that_their_answers_make(
    app_with_study: Flask, tmp_path: Path
) -> None:
    population = SimulatedPopulation({"l2": 0.2, "mcl": 0.2}, threshold_ms=300)
    assert simulate(app_with_study, "steps", 2, population) == 2
    with write_transaction(app_with_study.extensions["engine"]) as db:
        study = find_study(db, "steps")
        assert plan_counts.find_differences(db, study) == []
        export_study(db, study, tmp_path / "responses.csv", list(Mode), blinded=False)
    with (tmp_path / "responses.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    blocks = itertools.groupby(rows, lambda row: (row["participant"], row["block"]))
    for number, (_, block) in enumerate(blocks):
        own, right = list(block), list[bool]()
        assert len(own) == RULE.trials_per_block
        for row in own:
            assert int(row["exposure_ms"]) == next_exposure(RULE, right), number
            right.append(row["truth"] == row["answer"])


REVEALING = {
    "responses": {
        "truth", "method", "image", "exposure_ms", "first_ms", "started_at", "received_at",
    },
    "judgments": {"method", "image", "shown_ms"},
    "timing": {"first_frames"},
}  # fmt: skip


def test_a_blinded_export_does_not_say_which_answers_were_right(
    db: Session, participant: Participant, tmp_path: Path
) -> None:
    """An exposure says whether the answer before was right, and the moments give it away."""
    answer(db, participant, WRONG, RIGHT, RIGHT, WRONG)
    export_study(db, find_study(db, "steps"), tmp_path / "responses.csv", list(Mode), blinded=True)
    for table, columns in REVEALING.items():
        with (tmp_path / f"{table}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 4
        assert {row[column] for row in rows for column in columns} == {""}


def test_a_front_end_is_told_to_wait_for_the_exposure(app_with_study: Flask) -> None:
    """It learns the exposure from the reply to the answer, and participants read what to expect."""
    client = app_with_study.test_client()
    page = client.get("/s/steps").text
    assert "each for a short time" in page
    assert "After each answer, we will tell you whether you were right." in page
    base = consent(client, "/s/steps")
    (first, second, *_) = client.post(f"{base}/resume").get_json()["trials"]
    assert (first["timing"]["exposure_ms"], first["timing"]["awaits_exposure"]) == (500, False)
    assert (second["timing"]["exposure_ms"], second["timing"]["awaits_exposure"]) == (None, True)
    assert (first["block"], first["timing"]["feedback_ms"]) == (1, 1000)
    assert client.get(second["slots"][0]["image"]).status_code == 200  # may be prefetched
    early = client.post(f"{base}/trials/{second['token']}/start", json={})
    assert early.status_code == 400
    assert "no exposure yet" in early.get_json()["error"]
    body = {"answer": {"verdict": "real"}, "rt_ms": 500, "first_ms": 500}
    reply = client.post(f"{base}/trials/{first['token']}/response", json=body).get_json()
    expected_ms = 500 if reply["feedback"]["is_correct"] else 510
    assert reply["trials"][0]["timing"]["exposure_ms"] == expected_ms


def test_an_import_with_too_few_images_says_what_they_allow(
    sqlite_url: str, manifest: Path, tmp_path: Path
) -> None:
    engine = open_prepared(sqlite_url)
    with pytest.raises(StudyError) as raised:
        import_study(engine, create_protocol("big", "hype_time"), manifest, tmp_path / "stimuli")
    assert str(raised.value) == (
        f"{manifest}: only 12 images by l2, but 150 trials per block need 150; these images allow "
        "3 blocks of 12 trials: add images, or set trials_per_block = 12 and trials = 36"
    )
