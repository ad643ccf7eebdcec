"""The short study in a database."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from study_server.storage.engine import write_session
from study_server.storage.models import Study
from study_server.studies.lookup import find_study


@pytest.fixture
def db(app: Flask) -> Iterator[Session]:
    with write_session(app.extensions["engine"]) as db:
        yield db


@pytest.fixture
def study(db: Session) -> Study:
    return find_study(db, "short")
