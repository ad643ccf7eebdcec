"""The tables. The database refuses nonsense: NOT NULL, UNIQUE, CHECK and foreign keys."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    Index,
    MetaData,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from study_server.clock import as_utc
from study_server.vocabulary import (
    Answer,
    ColorVision,
    Mode,
    NightLight,
    Outcome,
    RecruitmentSource,
    Side,
    Slot,
    StudyState,
    TrialKind,
    WordingPart,
    derive_truth,
)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python; SQLite, which keeps no zone, gets it back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else as_utc(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else as_utc(value)


def vocabulary_type(vocabulary: type[StrEnum], name: str = "") -> Enum:
    """A column that holds one word of a vocabulary, checked by the database.

    name: of the constraint, where a table has two columns of one vocabulary.
    """
    name = name or vocabulary.__name__.lower()
    return Enum(
        vocabulary,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=16,
        values_callable=lambda words: [w.value for w in words],
    )


VOCABULARIES = (
    Answer, ColorVision, TrialKind, Mode, NightLight, Outcome, WordingPart, Slot, Side,
    RecruitmentSource, StudyState,
)  # fmt: skip


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[type, Any]] = {
        datetime: UtcDateTime,
        str: Text,
        **{w: vocabulary_type(w) for w in VOCABULARIES},
    }


class Study(Base):
    """One protocol, its stimuli and the people who take part."""

    __tablename__ = "study"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    state: Mapped[StudyState]
    protocol: Mapped[str]  # the frozen Protocol, canonical JSON
    presentation: Mapped[str]  # this and the next are of the protocol, for the export
    question: Mapped[str]
    schedule_seed: Mapped[str]
    # hashes identities and makes completion codes; never leaves the database
    identity_key: Mapped[bytes]
    manifest_sha256: Mapped[str]
    design: Mapped[str | None]  # design.json, once it is frozen
    design_sha256: Mapped[str | None]
    # nothing else is left
    withdrawn_count: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime]


class Stimulus(Base):
    """One image file, stored under a name that tells nothing."""

    __tablename__ = "stimulus"
    __table_args__ = (
        UniqueConstraint("study_id", "image", "method"),
        CheckConstraint("width > 0 AND height > 0", name="has_pixels"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    image: Mapped[str]
    method: Mapped[str]
    file: Mapped[str] = mapped_column(unique=True)  # below the instance's stimuli folder
    width: Mapped[int]
    height: Mapped[int]
    split: Mapped[str]
    checkpoint: Mapped[str]


class Wording(Base):
    """A text of a study that participants read, in one language, as its researcher wrote it."""

    __tablename__ = "wording"
    __table_args__ = (CheckConstraint("text <> ''", name="not_empty"),)

    study_id: Mapped[int] = mapped_column(
        ForeignKey("study.id", ondelete="CASCADE"), primary_key=True
    )
    language: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[WordingPart] = mapped_column(primary_key=True)
    text: Mapped[str]


class PlatformCompletion(Base):
    """What a platform gets at an outcome: Prolific's code, the address of SONA's credit.

    Where there is no row, codes are made from the study's key.
    """

    __tablename__ = "platform_completion"
    __table_args__ = (CheckConstraint("code_or_url <> ''", name="not_empty"),)

    study_id: Mapped[int] = mapped_column(
        ForeignKey("study.id", ondelete="CASCADE"), primary_key=True
    )
    source: Mapped[RecruitmentSource] = mapped_column(primary_key=True)
    outcome: Mapped[Outcome] = mapped_column(primary_key=True)
    code_or_url: Mapped[str]


class AcceptedWarning(Base):
    """A finding of the import's audit that the researcher went on in spite of."""

    __tablename__ = "accepted_warning"

    study_id: Mapped[int] = mapped_column(
        ForeignKey("study.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)  # in the order of the audit, from 0
    message: Mapped[str]


class Participant(Base):
    """A person, once."""

    __tablename__ = "participant"
    __table_args__ = (UniqueConstraint("study_id", "public_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"), index=True)
    public_id: Mapped[str]  # the opaque id of the exports
    token: Mapped[str] = mapped_column(unique=True)  # who holds it is the participant
    mode: Mapped[Mode]
    source: Mapped[RecruitmentSource]
    outcome: Mapped[Outcome]
    assigned_method: Mapped[str | None]  # the one method of a between-participants study
    language: Mapped[str] = mapped_column(default="en", server_default="en")  # of their pages
    consent_version: Mapped[str]
    comment: Mapped[str] = mapped_column(default="")
    started_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    study: Mapped[Study] = relationship()


class Identity(Base):
    """Who a participant is, as a keyed hash: kept apart, so that one person has one record."""

    __tablename__ = "identity"
    __table_args__ = (UniqueConstraint("study_id", "source", "external_id_digest"),)

    participant_id: Mapped[int] = mapped_column(
        ForeignKey("participant.id", ondelete="CASCADE"), primary_key=True
    )
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    source: Mapped[RecruitmentSource]
    external_id_digest: Mapped[str]


class Screening(Base):
    """What a participant was asked before the first trial; None: that was not asked."""

    __tablename__ = "screening"
    __table_args__ = (CheckConstraint("plates_correct >= 0", name="plates_not_negative"),)

    participant_id: Mapped[int] = mapped_column(
        ForeignKey("participant.id", ondelete="CASCADE"), primary_key=True
    )
    color_vision: Mapped[ColorVision | None]
    night_light: Mapped[NightLight | None]
    plates_correct: Mapped[int | None]


class Environment(Base):
    """The screen a participant looked at, as the browser describes it."""

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
    webdriver: Mapped[bool | None]  # None: not told


class Trial(Base):
    """A pair or a single image for one participant.

    A slot whose trial was interrupted gets another attempt. A single image is in the column of what
    it is; the other one is empty.
    """

    __tablename__ = "trial"
    __table_args__ = (
        UniqueConstraint("participant_id", "slot", "attempt"),
        CheckConstraint("fake_id <> real_id", name="two_images"),
        CheckConstraint(
            "(fake_id IS NOT NULL AND real_id IS NOT NULL AND fake_side IS NOT NULL) OR "
            "(fake_side IS NULL AND first_side IS NULL AND (fake_id IS NULL) <> (real_id IS NULL))",
            name="pair_or_single",
        ),
        CheckConstraint("slot >= 0 AND attempt >= 0 AND block >= 0", name="counts_from_zero"),
        CheckConstraint("repeat_of >= 0 AND repeat_of < slot", name="repeats_an_earlier_one"),
        CheckConstraint("exposure_ms > 0", name="exposure_positive"),
        # all that `enrolment.count_views` asks
        Index(
            "ix_trial_views",
            "participant_id", "kind", "voided", "repeat_of", "fake_id", "real_id",
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id", ondelete="CASCADE"))
    slot: Mapped[int]  # place in the plan
    attempt: Mapped[int]  # 0, then 1 for the replacement of a voided trial, ...
    kind: Mapped[TrialKind]
    block: Mapped[int]
    token: Mapped[str] = mapped_column(unique=True)
    fake_id: Mapped[int | None] = mapped_column(ForeignKey("stimulus.id"))
    real_id: Mapped[int | None] = mapped_column(ForeignKey("stimulus.id"))
    fake_side: Mapped[Side | None]
    # one after the other
    first_side: Mapped[Side | None] = mapped_column(vocabulary_type(Side, "first_side"))
    exposure_ms: Mapped[int | None]  # None: until the answer
    repeat_of: Mapped[int | None]  # the slot of the trial that this one shows again
    started_at: Mapped[datetime | None]
    voided: Mapped[bool] = mapped_column(default=False)

    participant: Mapped[Participant] = relationship()
    fake: Mapped[Stimulus | None] = relationship(foreign_keys=[fake_id])
    real: Mapped[Stimulus | None] = relationship(foreign_keys=[real_id])
    response: Mapped["Response | None"] = relationship(back_populates="trial")

    @property
    def truth(self) -> Answer:
        return derive_truth(self.fake_side, self.fake_id)

    @property
    def main_stimulus(self) -> Stimulus:
        """What the trial is about: the fake of a pair, or the only image."""
        stimulus = self.fake or self.real
        assert stimulus is not None  # the database refuses a trial without an image
        return stimulus


class Response(Base):
    """The answer to a trial. No row until there is one."""

    __tablename__ = "response"
    __table_args__ = (
        CheckConstraint("rt_ms >= 0", name="rt_not_negative"),
        CheckConstraint("first_ms >= 0 AND second_ms >= 0", name="shown_not_negative"),
        CheckConstraint("first_frames >= 0 AND second_frames >= 0", name="frames_not_negative"),
        CheckConstraint("early >= 0 AND held >= 0", name="ignored_not_negative"),
    )

    trial_id: Mapped[int] = mapped_column(
        ForeignKey("trial.id", ondelete="CASCADE"), primary_key=True
    )
    answer: Mapped[Answer]
    rt_ms: Mapped[int]  # event.timeStamp minus the frame that showed the answers
    first_ms: Mapped[float]  # achieved exposures; of images shown alone or at once the first only
    second_ms: Mapped[float | None]
    first_frames: Mapped[int | None]  # animation frames that they took
    second_frames: Mapped[int | None]
    early: Mapped[int] = mapped_column(default=0, server_default="0")  # ignored: before the buttons
    held: Mapped[int] = mapped_column(default=0, server_default="0")  # ignored: held key, 2nd click
    input: Mapped[str] = mapped_column(default="", server_default="")  # mouse, keydown, script, ...
    hidden: Mapped[bool]
    blurred: Mapped[bool]
    resized: Mapped[bool]
    slow_frame: Mapped[bool]
    late: Mapped[bool]
    received_at: Mapped[datetime]
    message_id: Mapped[str | None]  # the browser's own

    trial: Mapped[Trial] = relationship(back_populates="response")


class Incident(Base):
    """An image that could not be shown: its trial is voided and was never seen."""

    __tablename__ = "incident"

    trial_id: Mapped[int] = mapped_column(
        ForeignKey("trial.id", ondelete="CASCADE"), primary_key=True
    )
    slot: Mapped[Slot]
    http_status: Mapped[int | None]  # of the HTTP reply; None: what came was no image
    reported_at: Mapped[datetime]


class Unblinding(Base):
    """Somebody took the truth of live trials before a blinded study was complete."""

    __tablename__ = "unblinding"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"), index=True)
    unblinded_at: Mapped[datetime]
    unblinded_by: Mapped[str]  # the command line, or a researcher's name
    complete_count: Mapped[int]  # live participants by then


class Researcher(Base):
    """Someone who may see the studies."""

    __tablename__ = "researcher"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str | None]  # argon2; none while only a link lets in


class LoginLink(Base):
    """A link that lets a researcher in once; only its hash is kept."""

    __tablename__ = "login_link"

    token_digest: Mapped[str] = mapped_column(primary_key=True)
    researcher_id: Mapped[int] = mapped_column(ForeignKey("researcher.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]
