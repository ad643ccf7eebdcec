"""Tests of the page on which a study is rehearsed."""

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from study_server.jobs.queue import list_jobs
from study_server.participants.enrollment import enroll_participant
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Participant
from study_server.studies.lookup import find_study
from study_server.vocabulary import JobKind, Mode, RecruitmentSource
from tests.study_server.browsing import post_form

# One database is enough: the services are tested on both, and views only call services.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

REHEARSE = "/researcher/studies/short/rehearse"


def test_simulated_participants_are_requested_with_a_rate_per_method(
    client: FlaskClient, app: Flask
) -> None:
    form = {"people": "5", "value-l2": "20", "value-mcl": "30,5"}
    assert post_form(client, REHEARSE, f"{REHEARSE}/simulate", **form).location == REHEARSE
    with read_session(app.extensions["engine"]) as db:
        (job,) = list_jobs(db)
    assert (job.kind, job.requested_by) == (JobKind.SIMULATE, "ada")
    assert json.loads(job.payload) == {"people": 5, "rates": {"l2": 0.2, "mcl": 0.305}}
    page = client.get(REHEARSE).text
    assert "Requested 5 simulated participants" in page
    assert "It starts within seconds" in page
    again = post_form(client, REHEARSE, f"{REHEARSE}/simulate", **form)
    assert (again.status_code, "wait until they have finished" in again.text) == (409, True)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"people": "0"}, "choose 1 to 2,000"),
        ({"people": "many"}, "is not a number of participants"),
        ({"value-l2": "100"}, "l2: a fooling rate must be above 0% and below 100%"),
        ({"value-mcl": "nan"}, "mcl: a fooling rate must be above 0%"),
        ({"value-mcl": ""}, "is not a value for mcl"),
    ],
)
def test_a_mistake_is_explained_and_requests_nothing(
    change: dict[str, str], reason: str, client: FlaskClient, app: Flask
) -> None:
    form = {"people": "5", "value-l2": "20", "value-mcl": "30"} | change
    reply = post_form(client, REHEARSE, f"{REHEARSE}/simulate", **form)
    assert (reply.status_code, reason in reply.text) == (409, True)
    with read_session(app.extensions["engine"]) as db:
        assert list_jobs(db) == []


def test_rehearsals_are_deleted_and_live_participants_are_not(
    client: FlaskClient, app: Flask
) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        for mode in Mode:
            enroll_participant(db, find_study(db, "short"), mode, mode, RecruitmentSource.LINK)
    assert "Delete 1 preview and 1 simulated participant" in client.get(REHEARSE).text
    assert post_form(client, REHEARSE, f"{REHEARSE}/delete").location == REHEARSE
    assert "Deleted 2 rehearsal participants" in client.get(REHEARSE).text
    with read_session(app.extensions["engine"]) as db:
        assert db.scalars(select(Participant.mode)).all() == [Mode.LIVE]


def test_only_previews_have_the_button_that_skips_waits(client: FlaskClient, app: Flask) -> None:
    for mode in (Mode.PREVIEW, Mode.LIVE):
        with write_transaction(app.extensions["engine"]) as db:
            person = enroll_participant(
                db, find_study(db, "short"), mode, mode, RecruitmentSource.LINK
            )
            address = f"/p/{person.token}"
        assert ("skip-waits" in client.get(address).text) is (mode is Mode.PREVIEW)
