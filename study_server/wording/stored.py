"""The wording of a study in the database: what participants read, whatever the files say now."""

import hashlib
from dataclasses import dataclass

from markupsafe import Markup
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.models import Study, Wording
from study_server.protocol import Protocol, stored_protocol
from study_server.wording.files import Texts
from study_server.wording.markdown import read_title, render
from study_server.wording.placeholders import fill, find_blanks
from study_server.words import Part

REWORDED = ("title", "languages", "wording")


@dataclass(frozen=True)
class RenderedWording:
    """A study's texts in one language, filled in and ready for a page."""

    language: str
    title: str
    consent: Markup
    consent_version: str  # the language, and what tells one text from another
    instructions: Markup
    question: str
    debrief: Markup


def store_wording(db: Session, study: Study, texts: Texts) -> None:
    """In the place of what was there."""
    db.execute(delete(Wording).where(Wording.study_id == study.id))
    for (language, part), text in texts.items():
        db.add(Wording(study_id=study.id, language=language, part=part, text=text))


def reword(db: Session, protocol: Protocol, study: Study, texts: Texts) -> None:
    """Take edited texts, other languages and another title into a study that is not frozen.

    Raises StudyError where it is, or where the protocol changes more.
    """
    if study.design is not None:
        raise StudyError(
            f"study {study.slug!r} is frozen; other wording needs another slug: edit study.toml "
            "and import it anew"
        )
    before, after = stored_protocol(study.protocol).model_dump(), protocol.model_dump()
    changed = [key for key in after if after[key] != before[key] and key not in REWORDED]
    if changed:
        raise StudyError(
            f"study.toml has another {changed[0]} than study {study.slug!r}; an import under "
            f"another slug changes that, `study reword` only {', '.join(REWORDED)}"
        )
    study.protocol, study.title = protocol.canonical(), protocol.title
    store_wording(db, study, texts)


def stored_wording(db: Session, study: Study) -> Texts:
    """Return a study's texts by language and part."""
    rows = db.scalars(select(Wording).where(Wording.study_id == study.id)).all()
    return {(row.language, row.part): row.text for row in rows}


def render_wording(db: Session, study: Study, language: str) -> RenderedWording:
    """What participants read in a language; in the study's first where it is not offered."""
    protocol = stored_protocol(study.protocol)
    spoken = language if language in protocol.languages else protocol.languages[0]
    blanks, stored = find_blanks(protocol, spoken), stored_wording(db, study)
    texts = {part: fill(stored[spoken, part], blanks) for part in Part}
    title, consent = read_title(texts[Part.CONSENT])
    return RenderedWording(
        spoken,
        title,
        render(consent),
        f"{spoken}-{hashlib.sha256(texts[Part.CONSENT].encode()).hexdigest()[:12]}",
        render(texts[Part.INSTRUCTIONS]),
        texts[Part.QUESTION],
        render(texts[Part.DEBRIEF]),
    )
