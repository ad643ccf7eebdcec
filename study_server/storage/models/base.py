"""Column types and the base class of all tables."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    DateTime,
    Dialect,
    Enum,
    MetaData,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase

from study_server.clock import as_utc
from study_server.vocabulary import (
    ColorVision,
    JobKind,
    JobState,
    Mode,
    NightLight,
    Outcome,
    PayState,
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
    ColorVision, JobKind, JobState, TrialKind, Mode, NightLight, Outcome, PayState,
    QuestionPage, QuestionType, WordingPart, StimulusRole, RecruitmentSource, Role, StudyState,
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
