"""Store the pages with a study's own questions: the first submission of each page is final."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.participants.outcomes import UNFINISHED_OUTCOMES
from study_server.protocol.model import parse_stored_protocol
from study_server.questionnaire.answers import GivenAnswer, check_answers
from study_server.questionnaire.screening import is_screening_pending
from study_server.storage.models import Participant, QuestionAnswer, SubmittedPage
from study_server.vocabulary import Outcome, QuestionPage


class PageNotDueError(Exception):
    """The participant has not come to this page, or the study has no questions on it."""


def find_pending_page(db: Session, participant: Participant) -> QuestionPage | None:
    """Return the page that the participant has to submit now; the screening comes before it."""
    page = None if is_screening_pending(db, participant) else _due_page(participant.outcome)
    protocol = parse_stored_protocol(participant.study.protocol)
    if page is None or not protocol.questions_on(page):
        return None
    return None if is_submitted(db, participant, page) else page


def _due_page(outcome: Outcome) -> QuestionPage | None:
    if outcome in UNFINISHED_OUTCOMES:
        return QuestionPage.BEFORE
    return QuestionPage.AFTER if outcome is Outcome.COMPLETE else None


def is_submitted(db: Session, participant: Participant, page: QuestionPage) -> bool:
    """Return whether the participant has submitted a page."""
    return db.get(SubmittedPage, (participant.id, page)) is not None


def store_page(
    db: Session, participant: Participant, page: QuestionPage, given: Mapping[str, GivenAnswer]
) -> None:
    """Store the answers of a page. Later submissions of the page change nothing.

    The caller has locked the participant. Raises InvalidAnswersError, and PageNotDueError if the
    page is not the pending one.
    """
    if is_submitted(db, participant, page):
        return
    if find_pending_page(db, participant) is not page:
        raise PageNotDueError
    protocol = parse_stored_protocol(participant.study.protocol)
    answers = check_answers(protocol.questions_on(page), given, protocol.languages[0])
    db.add(SubmittedPage(participant_id=participant.id, page=page, submitted_at=now()))
    db.flush()  # the answers refer to it
    db.add_all(
        QuestionAnswer(
            participant_id=participant.id,
            page=page,
            name=answer.question.name,
            type=answer.question.kind,
            value=answer.value,
        )
        for answer in answers
    )
    participant.last_seen_at = now()
