"""The answers to the questions of a study."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from study_server.storage.models.base import Base
from study_server.vocabulary import QuestionPage, QuestionType


class SubmittedPage(Base):
    """A page with the study's own questions that a participant has submitted."""

    __tablename__ = "submitted_page"

    participant_id: Mapped[int] = mapped_column(
        ForeignKey("participant.id", ondelete="CASCADE"), primary_key=True
    )
    page: Mapped[QuestionPage] = mapped_column(primary_key=True)
    submitted_at: Mapped[datetime]


class QuestionAnswer(Base):
    """The answer to one of the study's own questions. A question left blank has no row."""

    __tablename__ = "question_answer"
    __table_args__ = (
        ForeignKeyConstraint(
            ["participant_id", "page"],
            ["submitted_page.participant_id", "submitted_page.page"],
            ondelete="CASCADE",
        ),
        CheckConstraint("name <> ''", name="question_named"),
        CheckConstraint("value <> ''", name="value_not_empty"),
    )

    participant_id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    page: Mapped[QuestionPage]
    type: Mapped[QuestionType]
    value: Mapped[str | None]  # None: the participant preferred not to say
