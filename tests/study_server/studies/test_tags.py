"""The tags of studies, on both databases."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from study_server.errors import StudyError
from study_server.storage.engine import read_session, write_transaction
from study_server.studies.lookup import find_study
from study_server.studies.tags import list_tags, parse_tags, set_tags
from tests.conftest import short_protocol
from tests.imported_studies import open_study


def test_tags_are_replaced_together(engine: Engine, manifest: Path, tmp_path: Path) -> None:
    open_study(engine, short_protocol(), manifest, tmp_path / "instance")
    for text, tags in (("pilot, spring", ["pilot", "spring"]), ("spring", ["spring"]), ("", [])):
        with write_transaction(engine) as db:
            set_tags(db, find_study(db, "short"), parse_tags(text))
        with read_session(engine) as db:
            assert list_tags(db, find_study(db, "short")) == tags


@pytest.mark.parametrize("text", ["a/b", "x" * 33, "<b>", " ".join(map(str, range(21)))])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(StudyError):
        parse_tags(text)
