"""Fixtures of the researcher pages: Ada, who is signed in, and a study that is frozen."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from study_server.participants import enrollment
from study_server.participants.responses import SubmittedResponse
from study_server.settings import find_resource_folder
from study_server.storage.engine import write_transaction
from study_server.studies.design import AnalysisPlan, freeze_study, hash_wording
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, RecruitmentSource
from tests.study_server.acting import name_fake, respond, upcoming
from tests.study_server.browsing import sign_in


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return a browser in which the owner Ada is signed in."""
    return sign_in(app)


@pytest.fixture
def frozen(app: Flask) -> Flask:
    """Return an app whose study has a design for two participants, one of them complete."""
    with write_transaction(app.extensions["engine"]) as db:
        study = find_study(db, "short")
        wording = hash_wording(db, study, find_resource_folder("templates"))
        freeze_study(db, study, AnalysisPlan(participants=2), wording)
        person = enrollment.enroll_participant(db, study, "p", Mode.LIVE, RecruitmentSource.LINK)
        while trials := upcoming(db, person):
            answer = SubmittedResponse(name_fake(trials[0]), 640, 100, 100)
            respond(db, person, trials[0], answer)
    return app
