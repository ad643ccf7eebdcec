"""The tables, with constraints (NOT NULL, UNIQUE, CHECK, foreign keys) that refuse invalid rows."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from study_server.clock import as_utc
from study_server.vocabulary import (
    ColorVision,
    JobKind,
    JobState,
    Mode,
    NightLight,
    Outcome,
    QuestionPage,
    QuestionType,
    RecruitmentSource,
    Role,
    StimulusRole,
    StudyState,
    TrialKind,
    WordingPart,
)


class UtcDateTime(TypeDecorator[datetime]):
    """A timestamp that is aware and in UTC in Python, although SQLite does not store time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert a value to UTC before it is stored."""
        return None if value is None else as_utc(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert a stored value to UTC."""
        return None if value is None else as_utc(value)


# PostgreSQL would compare texts in the order of the database's language, not as Python does.
METHOD_NAME = Text().with_variant(Text(collation="C"), "postgresql")


def vocabulary_type(vocabulary: type[StrEnum], name: str = "") -> Enum:
    """Return a column type that holds one value of a vocabulary, checked by the database.

    name: name of the constraint, for a table with two columns of the same vocabulary.
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
    ColorVision, JobKind, JobState, TrialKind, Mode, NightLight, Outcome, QuestionPage,
    QuestionType, WordingPart, StimulusRole, RecruitmentSource, Role, StudyState,
)  # fmt: skip


class Base(DeclarativeBase):
    """The base class of all tables."""

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
    """A study: one protocol, its stimuli and its participants."""

    __tablename__ = "study"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    state: Mapped[StudyState]
    protocol: Mapped[str]  # the frozen Protocol, canonical JSON
    task: Mapped[str]  # this and the next two repeat the protocol, for the export
    presentation: Mapped[str]
    question: Mapped[str]  # empty unless the task has right answers
    schedule_seed: Mapped[str]
    identity_key: Mapped[bytes]  # for hashes of identities and completion codes; kept secret
    manifest_sha256: Mapped[str]  # empty until stimuli are imported
    design: Mapped[str | None]  # design.json, once the study is frozen
    design_sha256: Mapped[str | None]
    draft_plan: Mapped[str | None]  # the analysis plan that a freeze would fix, as JSON
    # enrollment pauses when as many live participants are complete or under way; None: no limit
    stop_at: Mapped[int | None]
    # counts the changes of the draft, so that two researchers do not overwrite each other
    revision: Mapped[int] = mapped_column(default=0, server_default="0")
    withdrawn_count: Mapped[int] = mapped_column(default=0, server_default="0")
    # browsers on devices that the study does not admit, which never reached the consent form
    unsuitable_count: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime]

    @property
    def has_stimuli(self) -> bool:
        """True if stimuli have been imported; a new draft has none, and nobody can take part."""
        return self.manifest_sha256 != ""


class StudyTag(Base):
    """A word by which researchers find a study among many."""

    __tablename__ = "study_tag"
    __table_args__ = (CheckConstraint("tag <> ''", name="not_empty"),)

    study_id: Mapped[int] = mapped_column(
        ForeignKey("study.id", ondelete="CASCADE"), primary_key=True
    )
    tag: Mapped[str] = mapped_column(primary_key=True)


class Stimulus(Base):
    """One image file, stored under a random name."""

    __tablename__ = "stimulus"
    __table_args__ = (
        UniqueConstraint("study_id", "image", "method"),
        CheckConstraint("width > 0 AND height > 0", name="has_pixels"),
        CheckConstraint("file_bytes > 0", name="has_bytes"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    image: Mapped[str]
    method: Mapped[str] = mapped_column(METHOD_NAME)
    file: Mapped[str] = mapped_column(unique=True)  # below the instance's stimuli folder
    file_bytes: Mapped[int]  # a file of another size is damaged
    file_sha256: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    split: Mapped[str]
    checkpoint: Mapped[str]
    caption: Mapped[str] = mapped_column(default="", server_default="")  # of the source image


class Wording(Base):
    """A text for the participants of a study in one language, as the researcher wrote it."""

    __tablename__ = "wording"
    __table_args__ = (CheckConstraint("text <> ''", name="not_empty"),)

    study_id: Mapped[int] = mapped_column(
        ForeignKey("study.id", ondelete="CASCADE"), primary_key=True
    )
    language: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[WordingPart] = mapped_column(primary_key=True)
    text: Mapped[str]


class PlatformCompletion(Base):
    """The completion code or URL that a platform is sent for an outcome.

    For Prolific a completion code, for SONA the address that grants credit. Without a row, codes
    are derived from the study's key.
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
    """A warning of the import's audit that the researcher accepted."""

    __tablename__ = "accepted_warning"

    study_id: Mapped[int] = mapped_column(
        ForeignKey("study.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)  # in the order of the audit, from 0
    message: Mapped[str]
    reason: Mapped[str] = mapped_column(default="", server_default="")  # why it was accepted


class Participant(Base):
    """A person in a study. Each person has one row."""

    __tablename__ = "participant"
    __table_args__ = (
        UniqueConstraint("study_id", "public_id"),
        Index(None, "study_id", "outcome", "mode"),  # enrollment counts the places taken
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
    """The participants assigned to a method."""

    __tablename__ = "method_count"

    study_id: Mapped[int] = mapped_column(
        ForeignKey("study.id", ondelete="CASCADE"), primary_key=True
    )
    mode: Mapped[Mode] = mapped_column(primary_key=True)
    method: Mapped[str] = mapped_column(primary_key=True)
    participants: Mapped[int]


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


class Researcher(Base):
    """A person with access to the researcher pages."""

    __tablename__ = "researcher"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[Role] = mapped_column(default=Role.OWNER, server_default=Role.OWNER)
    password_hash: Mapped[str | None]  # argon2; None if only sign-in links work


class LoginLink(Base):
    """A one-time sign-in link of a researcher. Only a hash of its token is stored."""

    __tablename__ = "login_link"

    token_digest: Mapped[str] = mapped_column(primary_key=True)
    researcher_id: Mapped[int] = mapped_column(ForeignKey("researcher.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]
