"""Find studies, and count their participants and responses."""

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.participants.outcomes import current_outcome_column
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.storage.models import Participant, Response, Study, Trial
from study_server.vocabulary import Mode, Outcome, StudyState

SELECT_BY_SLUG = select(Study).where(Study.slug == bindparam("slug"))
WITHDRAWN = "withdrawn"  # not an Outcome, because withdrawn participants are deleted


def find_study(db: Session, slug: str) -> Study:
    """Return the study with this slug; raise StudyError if there is none."""
    study = find_or_none(db, slug)
    if study is None:
        slugs = ", ".join(db.scalars(select(Study.slug).order_by(Study.slug))) or "none yet"
        raise StudyError(f"no study {slug!r}; existing studies: {slugs}")
    return study


def find_or_none(db: Session, slug: str) -> Study | None:
    """Return the study with this slug, or None."""
    return db.scalar(SELECT_BY_SLUG, {"slug": slug})


def require_stimuli(study: Study) -> None:
    """Raise StudyError if a draft has no stimuli yet."""
    if not study.has_stimuli:
        raise StudyError(
            f"study {study.slug!r} has no stimuli yet; upload them on its page, or run "
            f"`study stimuli {study.slug} FILE`"
        )


def require_new_slug(db: Session, slug: str) -> None:
    """Raise StudyError if a study with this slug exists."""
    if find_or_none(db, slug) is not None:
        raise StudyError(f"a study {slug!r} already exists; choose another slug")


def list_studies(db: Session, state: StudyState | None = None) -> list[Study]:
    """Return all studies, or those in `state`, in order of import."""
    query = select(Study).order_by(Study.id)
    return list(db.scalars(query if state is None else query.where(Study.state == state)))


def count_by_outcome(db: Session, study: Study) -> dict[str, int]:
    """Count live participants by outcome, and withdrawals, previews and simulations."""
    totals = {str(word): 0 for word in (*Outcome, WITHDRAWN, Mode.PREVIEW, Mode.SIMULATED)}
    outcome = current_outcome_column(parse_stored_protocol(study.protocol)).label("outcome_now")
    query = (
        select(Participant.mode, outcome, func.count().label("people"))
        .where(Participant.study_id == study.id)
        .group_by(Participant.mode, outcome)
    )
    for row in db.execute(query):
        totals[row.outcome_now if row.mode is Mode.LIVE else row.mode] += row.people
    return totals | {WITHDRAWN: study.withdrawn_count}


def count_responses(db: Session, study: Study) -> int:
    """Count the stored responses of a study, in all modes."""
    query = (
        select(func.count())
        .select_from(Response)
        .join(Trial)
        .join(Participant)
        .where(Participant.study_id == study.id)
    )
    return db.scalar(query) or 0


def require_linked_studies(db: Session, protocol: Protocol) -> None:
    """Raise StudyError if `exclude_studies` names a study that is unknown or not linked."""
    for slug in protocol.exclude_studies:
        other = find_or_none(db, slug)
        if other is None:
            raise StudyError(f"exclude_studies: no study {slug!r} on this server")
        if not parse_stored_protocol(other.protocol).linked:
            raise StudyError(
                f"exclude_studies: study {slug!r} has linked = false, so its participants cannot "
                "be recognized"
            )


def require_person_key(study: Study, person_key: str) -> None:
    """Raise StudyError if a linked study has no key for the pseudonyms of its participants."""
    if parse_stored_protocol(study.protocol).linked and not person_key:
        raise StudyError(
            f"study {study.slug!r} has linked = true, but STUDY_PERSON_KEY is not set; set it "
            "to at least 16 random characters, such as the output of `openssl rand -hex 32`, and "
            "never change it"
        )
