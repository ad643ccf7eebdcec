"""The log of unblinding, of changes and of actions, and background jobs."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
)
from sqlalchemy.orm import Mapped, mapped_column

from study_server.storage.models.base import Base
from study_server.vocabulary import JobKind, JobState


class Unblinding(Base):
    """An access to the truth of live trials while the study was blinded."""

    __tablename__ = "unblinding"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"), index=True)
    unblinded_at: Mapped[datetime]
    unblinded_by: Mapped[str]  # "command line", or a researcher's name
    complete_count: Mapped[int]  # live participants who had finished by then


class StudyChange(Base):
    """A change of a setting of a frozen study, which the report lists as a deviation."""

    __tablename__ = "study_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"), index=True)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str]  # "command line", or a researcher's name
    setting: Mapped[str]  # the name of the setting, such as stop_at
    before: Mapped[str]  # empty: not set
    after: Mapped[str]
    complete_count: Mapped[int]  # live participants who had finished by then


class Job(Base):
    """Work that a server process does in the background (study_server/jobs/).

    claim: a random word of the process that runs the job, so that a process that was believed dead
    can no longer change the job. heartbeat_at: when that process was last known to be alive.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_state", "state", "due_at"),
        CheckConstraint("progress >= 0 AND progress <= 1", name="progress_is_a_proportion"),
        CheckConstraint(
            "state <> 'running' OR (claim IS NOT NULL AND heartbeat_at IS NOT NULL)",
            name="running_is_claimed",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[JobKind]
    study_id: Mapped[int | None] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    payload: Mapped[str] = mapped_column(default="{}", server_default="{}")  # JSON of the kind
    state: Mapped[JobState]
    progress: Mapped[float] = mapped_column(default=0.0, server_default="0")  # in [0, 1]
    message: Mapped[str] = mapped_column(default="", server_default="")
    requested_by: Mapped[str]  # "withdrawal", "command line", or a researcher's name
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]  # not run before
    claim: Mapped[str | None]
    started_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    exit_status: Mapped[int | None]  # 0: success


class LoggedAction(Base):
    """An action of a researcher, kept after its study has been deleted."""

    __tablename__ = "logged_action"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(index=True)  # of the study; empty for the whole server
    action: Mapped[str]  # a sentence without its subject, such as "opened the study"
    done_by: Mapped[str]  # "command line", or a researcher's name
    done_at: Mapped[datetime]
