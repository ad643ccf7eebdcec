"""Counts that are stored so that pages and enrollment need not count again."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from study_server.storage.models.base import Base
from study_server.vocabulary import Mode


class StimulusCount(Base):
    """The test trials planned with a stimulus, for participants who fill a place.

    storage/plan_counts.py keeps this table and the next two.
    """

    __tablename__ = "stimulus_count"

    study_id: Mapped[int] = mapped_column(
        ForeignKey("study.id", ondelete="CASCADE"), primary_key=True
    )
    mode: Mapped[Mode] = mapped_column(primary_key=True)
    stimulus_id: Mapped[int] = mapped_column(
        ForeignKey("stimulus.id", ondelete="CASCADE"), primary_key=True
    )
    trials: Mapped[int]


class PairCount(Base):
    """The test trials planned with a pair of methods, in alphabetical order."""

    __tablename__ = "pair_count"

    study_id: Mapped[int] = mapped_column(
        ForeignKey("study.id", ondelete="CASCADE"), primary_key=True
    )
    mode: Mapped[Mode] = mapped_column(primary_key=True)
    method_a: Mapped[str] = mapped_column(primary_key=True)
    method_b: Mapped[str] = mapped_column(primary_key=True)
    trials: Mapped[int]


class MethodCount(Base):
    """The participants assigned to a method; in a `within` study, everybody has the method ''."""

    __tablename__ = "method_count"

    study_id: Mapped[int] = mapped_column(
        ForeignKey("study.id", ondelete="CASCADE"), primary_key=True
    )
    mode: Mapped[Mode] = mapped_column(primary_key=True)
    method: Mapped[str] = mapped_column(primary_key=True)
    participants: Mapped[int]


class StoredCounts(Base):
    """The counts of a participant's trials, so that pages need not count thousands again.

    They hold while the participant was last seen at seen_at; studies/stored_counts.py keeps them.
    """

    __tablename__ = "stored_counts"

    participant_id: Mapped[int] = mapped_column(
        ForeignKey("participant.id", ondelete="CASCADE"), primary_key=True
    )
    seen_at: Mapped[datetime]
    fast_ms: Mapped[float]  # below this, an answer counts as too fast
    counts: Mapped[str]  # JSON of TrialCounts
    exposure_errors: Mapped[str]  # JSON: numbers of images by absolute error, in half ms
