"""Studies, their stimuli and their texts."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from study_server.storage.models.base import METHOD_NAME, Base
from study_server.vocabulary import (
    Outcome,
    RecruitmentSource,
    StudyState,
    WordingPart,
)


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


class SourceQuota(Base):
    """The number of live participants from one source at which its enrollment stops."""

    __tablename__ = "source_quota"
    __table_args__ = (CheckConstraint("places >= 0", name="places_not_negative"),)

    study_id: Mapped[int] = mapped_column(
        ForeignKey("study.id", ondelete="CASCADE"), primary_key=True
    )
    source: Mapped[RecruitmentSource] = mapped_column(primary_key=True)
    places: Mapped[int]


class AcceptedWarning(Base):
    """A warning of the import's audit that the researcher accepted."""

    __tablename__ = "accepted_warning"

    study_id: Mapped[int] = mapped_column(
        ForeignKey("study.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)  # in the order of the audit, from 0
    message: Mapped[str]
    reason: Mapped[str] = mapped_column(default="", server_default="")  # why it was accepted
