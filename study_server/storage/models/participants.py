"""Participants, their identities and withdrawals."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from study_server.storage.models.base import Base
from study_server.storage.models.studies import Study
from study_server.vocabulary import (
    ColorVision,
    Mode,
    NightLight,
    Outcome,
    PayState,
    RecruitmentSource,
)


class Participant(Base):
    """A person in a study. Each person has one row."""

    __tablename__ = "participant"
    __table_args__ = (
        UniqueConstraint("study_id", "public_id"),
        Index(None, "study_id", "outcome", "last_seen_at"),  # those who have left,
        Index(None, "study_id", "outcome", "started_at"),  # and whose time is over
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    public_id: Mapped[str]  # the random ID of the exports
    token: Mapped[str] = mapped_column(unique=True)  # authenticates the participant
    mode: Mapped[Mode]
    source: Mapped[RecruitmentSource]
    outcome: Mapped[Outcome]
    assigned_method: Mapped[str | None]  # in a between-participants study
    language: Mapped[str] = mapped_column(default="en", server_default="en")  # of the pages
    consent_version: Mapped[str]
    comment: Mapped[str] = mapped_column(default="")
    comment_read: Mapped[bool] = mapped_column(default=False, server_default=false())
    interruptions: Mapped[int] = mapped_column(default=0, server_default="0")  # of seen trials
    # someone else had taken part in the same browser, by the same plain link
    shared_browser: Mapped[bool] = mapped_column(default=False, server_default=false())
    started_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    pay_state: Mapped[PayState | None]  # None: not settled on the platform, as far as is known
    settled_at: Mapped[datetime | None]  # when that became known

    study: Mapped[Study] = relationship()


class Identity(Base):
    """A keyed hash of a participant's external id, which ensures one record per person.

    It is stored apart from the participant, so that it can be deleted on its own.
    """

    __tablename__ = "identity"
    __table_args__ = (UniqueConstraint("study_id", "source", "external_id_digest"),)

    participant_id: Mapped[int] = mapped_column(
        ForeignKey("participant.id", ondelete="CASCADE"), primary_key=True
    )
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    source: Mapped[RecruitmentSource]
    external_id_digest: Mapped[str]
    return_digest: Mapped[str | None]  # of the browser's cookie; None: the ID itself is secret
    person: Mapped[str | None] = mapped_column(index=True)  # in linked studies: the same in all


class Withdrawal(Base):
    """A keyed hash of a participant who has withdrawn, and the day of the withdrawal."""

    __tablename__ = "withdrawal"

    study_id: Mapped[int] = mapped_column(
        ForeignKey("study.id", ondelete="CASCADE"), primary_key=True
    )
    digest: Mapped[str] = mapped_column(primary_key=True)
    withdrawn_on: Mapped[datetime]  # the beginning of the day, in UTC


class Screening(Base):
    """The screening answers of a participant; None for a question that was not asked."""

    __tablename__ = "screening"
    __table_args__ = (CheckConstraint("plates_correct >= 0", name="plates_not_negative"),)

    participant_id: Mapped[int] = mapped_column(
        ForeignKey("participant.id", ondelete="CASCADE"), primary_key=True
    )
    color_vision: Mapped[ColorVision | None]
    night_light: Mapped[NightLight | None]
    plates_correct: Mapped[int | None]


class LinkParameter(Base):
    """A query parameter of the link by which a participant came, which the protocol allows."""

    __tablename__ = "link_parameter"
    __table_args__ = (
        CheckConstraint("name <> ''", name="parameter_named"),
        CheckConstraint("value <> '' AND length(value) <= 200", name="value_has_a_length"),
    )

    participant_id: Mapped[int] = mapped_column(
        ForeignKey("participant.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Environment(Base):
    """The browser's description of a participant's screen."""

    __tablename__ = "environment"

    participant_id: Mapped[int] = mapped_column(
        ForeignKey("participant.id", ondelete="CASCADE"), primary_key=True
    )
    language: Mapped[str]
    refresh_hz: Mapped[float]
    device_pixel_ratio: Mapped[float]
    viewport: Mapped[str]
    color_gamut: Mapped[str]
    dynamic_range: Mapped[str] = mapped_column(default="", server_default="")
    inverted_colors: Mapped[bool]
    forced_colors: Mapped[bool]
    webdriver: Mapped[bool | None]  # None: not reported
