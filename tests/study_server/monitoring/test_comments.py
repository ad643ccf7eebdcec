"""The comments of participants, read and unread."""

from datetime import timedelta

from sqlalchemy.orm import Session

from study_server.monitoring.comments import count_comments, list_comments, mark_comments
from study_server.participants.participation import store_comment
from study_server.storage.models import Study
from study_server.vocabulary import Mode
from tests.study_server.monitoring.people import take_part


def test_comments_are_listed_by_mode_with_the_newest_first(db: Session, study: Study) -> None:
    first, second, silent, preview = (
        take_part(db, study, name, 0, mode=Mode.PREVIEW if name == "d" else Mode.LIVE)
        for name in "abcd"
    )
    for person in (first, second, preview):
        store_comment(person, f"by {person.public_id}")
    first.last_seen_at -= timedelta(hours=1)
    db.flush()
    assert list_comments(db, study) == [second, first]
    assert list_comments(db, study, Mode.PREVIEW) == [preview]
    assert list_comments(db, study, page=2) == []
    assert count_comments(db, study) == (2, 2)
    assert silent.comment == ""


def test_a_comment_is_unread_until_it_is_marked_and_after_it_changes(
    db: Session, study: Study
) -> None:
    person, silent = take_part(db, study, "a", 0), take_part(db, study, "b", 0)
    store_comment(person, "Nice.")
    db.flush()
    names = [person.public_id, silent.public_id, "nobody"]
    assert mark_comments(db, study, names, read=True) == 1
    assert mark_comments(db, study, names, read=True) == 0
    assert count_comments(db, study) == (1, 0)
    db.refresh(person)
    store_comment(person, "Nice.")
    db.flush()
    assert count_comments(db, study) == (1, 0)
    store_comment(person, "Nice, but long.")
    db.flush()
    assert count_comments(db, study) == (1, 1)
    mark_comments(db, study, names, read=True)
    assert mark_comments(db, study, names, read=False) == 1
    assert count_comments(db, study) == (1, 1)
