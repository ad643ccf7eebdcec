"""Trials, their stimuli, responses and judgments."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from study_server.storage.models.base import Base
from study_server.storage.models.participants import Participant
from study_server.storage.models.studies import Stimulus
from study_server.vocabulary import StimulusRole, TrialKind


class Trial(Base):
    """A trial of one participant: something shown and answered once.

    If it is interrupted, its place in the plan gets another attempt.
    """

    __tablename__ = "trial"
    __table_args__ = (
        UniqueConstraint("participant_id", "place", "attempt"),
        CheckConstraint("place >= 0 AND attempt >= 0 AND block >= 0", name="counts_from_zero"),
        CheckConstraint("repeat_of >= 0 AND repeat_of < place", name="repeats_an_earlier_one"),
        CheckConstraint("exposure_ms > 0", name="exposure_positive"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id", ondelete="CASCADE"))
    place: Mapped[int]  # index in the plan
    attempt: Mapped[int]  # 0; 1 for the replacement of a voided trial, and so on
    kind: Mapped[TrialKind]
    block: Mapped[int]
    token: Mapped[str] = mapped_column(unique=True)
    exposure_ms: Mapped[int | None]  # None: until the answer, or not decided by a staircase yet
    repeat_of: Mapped[int | None]  # the place of the trial that this trial repeats
    started_at: Mapped[datetime | None]
    voided: Mapped[bool] = mapped_column(default=False)
    # shown again after too many interruptions; counts as little as a voided trial
    reshown: Mapped[bool] = mapped_column(default=False, server_default=false())

    participant: Mapped[Participant] = relationship()
    stimuli: Mapped[list["TrialStimulus"]] = relationship(
        back_populates="trial", order_by="TrialStimulus.slot"
    )
    response: Mapped["Response | None"] = relationship(back_populates="trial")

    @property
    def candidates(self) -> list[Stimulus]:
        """The stimuli to be judged, by slot."""
        return [one.stimulus for one in self.stimuli if one.role is StimulusRole.CANDIDATE]


class TrialStimulus(Base):
    """A stimulus in a slot of a trial: a candidate, or the reference after the last candidate."""

    __tablename__ = "trial_stimulus"
    __table_args__ = (
        UniqueConstraint("trial_id", "stimulus_id", "role"),
        CheckConstraint("slot >= 0 AND appears >= 0", name="counts_from_zero"),
    )

    trial_id: Mapped[int] = mapped_column(
        ForeignKey("trial.id", ondelete="CASCADE"), primary_key=True
    )
    slot: Mapped[int] = mapped_column(primary_key=True)
    stimulus_id: Mapped[int] = mapped_column(ForeignKey("stimulus.id"))
    role: Mapped[StimulusRole] = mapped_column(
        default=StimulusRole.CANDIDATE, server_default=StimulusRole.CANDIDATE
    )
    appears: Mapped[int] = mapped_column(default=0, server_default="0")  # 0: first; 1: second

    trial: Mapped[Trial] = relationship(back_populates="stimuli")
    stimulus: Mapped[Stimulus] = relationship()


class Response(Base):
    """The response to a trial. A trial without an answer has no row."""

    __tablename__ = "response"
    __table_args__ = (
        CheckConstraint("rt_ms >= 0", name="rt_not_negative"),
        CheckConstraint("first_ms >= 0 AND second_ms >= 0", name="shown_not_negative"),
        CheckConstraint("first_frames >= 0 AND second_frames >= 0", name="frames_not_negative"),
        CheckConstraint("early >= 0 AND held >= 0", name="ignored_not_negative"),
        CheckConstraint("scale > 0", name="scale_positive"),
    )

    trial_id: Mapped[int] = mapped_column(
        ForeignKey("trial.id", ondelete="CASCADE"), primary_key=True
    )
    rt_ms: Mapped[int]  # event.timeStamp minus the timestamp of the frame with the buttons
    first_ms: Mapped[float]  # achieved exposure of the first image, or of all shown at once
    second_ms: Mapped[float | None]  # achieved exposure of the second image of a sequential pair
    first_frames: Mapped[int | None]  # animation frames of that exposure
    second_frames: Mapped[int | None]
    # ignored inputs: before the buttons; from a held key or the second click of a double click
    early: Mapped[int] = mapped_column(default=0, server_default="0")
    held: Mapped[int] = mapped_column(default=0, server_default="0")
    input: Mapped[str] = mapped_column(default="", server_default="")  # mouse, keydown, script, ...
    scale: Mapped[float | None]  # displayed size of the images in CSS pixels, divided by their own
    hidden: Mapped[bool]
    blurred: Mapped[bool]
    resized: Mapped[bool]
    slow_frame: Mapped[bool]
    late: Mapped[bool]
    received_at: Mapped[datetime]
    message_id: Mapped[str | None]  # made by the browser, for idempotent retries
    # None unless the trial is an attention check that can be decided
    attention_passed: Mapped[bool | None]

    trial: Mapped[Trial] = relationship(back_populates="response")
    judgments: Mapped[list["Judgment"]] = relationship(order_by="Judgment.slot")


class Judgment(Base):
    """The value that a response gives to the candidate in one slot, on one scale."""

    __tablename__ = "judgment"
    __table_args__ = (
        ForeignKeyConstraint(
            ["trial_id", "slot"],
            ["trial_stimulus.trial_id", "trial_stimulus.slot"],
            name="fk_judgment_slot",
            ondelete="CASCADE",
        ),
        CheckConstraint("scale <> ''", name="scale_named"),
        CheckConstraint("scale <> 'rank' OR value >= 1", name="rank_from_one"),
        CheckConstraint("scale <> 'real' OR value IN (0, 1)", name="real_or_not"),
    )

    trial_id: Mapped[int] = mapped_column(
        ForeignKey("response.trial_id", ondelete="CASCADE"), primary_key=True
    )
    slot: Mapped[int] = mapped_column(primary_key=True)
    scale: Mapped[str] = mapped_column(primary_key=True)  # rank, real, or a scale of the protocol
    value: Mapped[float]  # a rank counts from 1, the best; ties are equal


class Incident(Base):
    """An image that could not be shown, so that its trial was voided before anyone saw it."""

    __tablename__ = "incident"
    __table_args__ = (CheckConstraint("slot >= 0", name="counts_from_zero"),)

    trial_id: Mapped[int] = mapped_column(
        ForeignKey("trial.id", ondelete="CASCADE"), primary_key=True
    )
    slot: Mapped[int]
    http_status: Mapped[int | None]  # None: the reply was not an image
    reported_at: Mapped[datetime]
