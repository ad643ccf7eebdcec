"""A draft of the short study, whose texts are filled in."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from study_server.storage.engine import write_transaction
from study_server.studies.lookup import find_study
from study_server.vocabulary import StudyState
from tests.conftest import short_protocol
from tests.imported_studies import open_study


@pytest.fixture
def draft_engine(engine: Engine, tmp_path: Path, manifest: Path) -> Engine:
    open_study(engine, short_protocol(), manifest, tmp_path / "instance")
    with write_transaction(engine) as db:
        find_study(db, "short").state = StudyState.DRAFT
    return engine
