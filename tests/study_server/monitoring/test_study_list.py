"""The list of studies."""

from sqlalchemy.orm import Session

from study_server.monitoring.study_list import list_study_rows, list_tags
from study_server.storage.models import Study, StudyTag
from study_server.studies.design import AnalysisPlan, freeze_study
from study_server.vocabulary import Mode
from tests.study_server.monitoring.people import take_part


def test_a_study_is_found_by_its_name_title_and_tags(db: Session, study: Study) -> None:
    db.add_all([StudyTag(study_id=study.id, tag=tag) for tag in ("pilot", "2026")])
    db.flush()
    for search, tag, found in (
        ("", "", 1), ("SHORT", "", 1), (study.title[2:9], "", 1), ("pil", "", 1), ("none", "", 0),
        ("", "pilot", 1), ("", "pil", 0), ("short", "2026", 1),
    ):  # fmt: skip
        assert len(list_study_rows(db, search, tag)) == found, (search, tag)
    assert list_tags(db) == ["2026", "pilot"]


def test_a_row_counts_live_participants(db: Session, study: Study) -> None:
    freeze_study(db, study, AnalysisPlan(participants=4), "aa")
    take_part(db, study, "a")
    last = take_part(db, study, "b", 1)
    take_part(db, study, "c", mode=Mode.PREVIEW)
    (row,) = list_study_rows(db)
    assert (row.complete, row.under_way, row.planned) == (1, 1, 4)
    assert row.last_seen == last.last_seen_at
    assert row.tags == []
