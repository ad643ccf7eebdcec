"""A study's texts in the database. Once imported, they no longer depend on the files."""

import hashlib
from dataclasses import dataclass

from markupsafe import Markup
from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.storage.models import Study, Wording
from study_server.vocabulary import WordingPart
from study_server.wording.files import TextsByPart
from study_server.wording.markdown import read_title, render_markdown
from study_server.wording.placeholders import fill_placeholders, placeholder_values

SELECT_WORDING = select(Wording.language, Wording.part, Wording.text).where(
    Wording.study_id == bindparam("study_id")
)
REWORDABLE_KEYS = ("title", "languages", "wording")  # of study.toml


@dataclass(frozen=True)
class RenderedWording:
    """A study's texts in one language, with values filled in, ready for a page.

    consent_version: the language and a hash of the consent text.
    """

    language: str
    title: str
    consent: Markup
    consent_version: str
    instructions: Markup
    question: str
    debrief: Markup


def store_wording(db: Session, study: Study, texts: TextsByPart) -> None:
    """Replace the stored texts of a study."""
    db.execute(delete(Wording).where(Wording.study_id == study.id))
    for (language, part), text in texts.items():
        db.add(Wording(study_id=study.id, language=language, part=part, text=text))


def reword_study(db: Session, protocol: Protocol, study: Study, texts: TextsByPart) -> None:
    """Store edited texts, and the protocol's title and languages, in a study that is not frozen.

    Raises StudyError if the study is frozen or if the protocol changes anything else.
    """
    if study.design is not None:
        raise StudyError(
            f"study {study.slug!r} is frozen; to change its wording before anyone has taken part, "
            f"run `study unfreeze {study.slug}`, otherwise import it under another slug"
        )
    before, after = parse_stored_protocol(study.protocol).model_dump(), protocol.model_dump()
    changed = [key for key in after if after[key] != before[key] and key not in REWORDABLE_KEYS]
    if changed:
        raise StudyError(
            f"study.toml changes {changed[0]} of study {study.slug!r}, but `study reword` can only "
            f"change {', '.join(REWORDABLE_KEYS)}; run `study import` again"
        )
    study.protocol, study.title = protocol.canonical_json(), protocol.title
    study.revision += 1
    store_wording(db, study, texts)


def load_wording(db: Session, study: Study) -> TextsByPart:
    """Return a study's texts by language and part."""
    rows = db.execute(SELECT_WORDING, {"study_id": study.id})
    return {(language, part): text for language, part, text in rows}


def render_wording(db: Session, study: Study, language: str) -> RenderedWording:
    """Render a study's texts in a language, or in its first language if it lacks that one."""
    protocol = parse_stored_protocol(study.protocol)
    used_language = language if language in protocol.languages else protocol.languages[0]
    values, stored = placeholder_values(protocol, used_language), load_wording(db, study)
    texts = {part: fill_placeholders(stored[used_language, part], values) for part in WordingPart}
    title, consent = read_title(texts[WordingPart.CONSENT])
    consent_hash = hashlib.sha256(texts[WordingPart.CONSENT].encode()).hexdigest()[:12]
    return RenderedWording(
        language=used_language,
        title=title,
        consent=render_markdown(consent),
        consent_version=f"{used_language}-{consent_hash}",
        instructions=render_markdown(texts[WordingPart.INSTRUCTIONS]),
        question=texts[WordingPart.QUESTION],
        debrief=render_markdown(texts[WordingPart.DEBRIEF]),
    )
