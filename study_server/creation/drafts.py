"""Create a study without stimuli, from a preset."""

import re
from collections.abc import Sequence

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.protocol.model import Protocol
from study_server.protocol.presets import PRESETS
from study_server.protocol.study_toml import create_protocol
from study_server.stimuli.study_rows import add_study
from study_server.storage.models import Study
from study_server.studies import lookup
from study_server.wording.files import compose_wording

MAX_SLUG_LENGTH = 63


def create_draft(
    db: Session, slug: str, title: str, preset: str, languages: Sequence[str]
) -> Study:
    """Create a study without stimuli, with a preset's protocol and default wording.

    title: empty for the title of the preset. Raises StudyError for values that are not valid.
    """
    if preset not in PRESETS:
        raise StudyError(f"{preset!r} is not a preset; choose one of {', '.join(PRESETS)}")
    lookup.require_new_slug(db, slug)
    protocol = create_protocol(slug, preset)
    changes = {"title": " ".join(title.split()) or protocol.title, "languages": tuple(languages)}
    try:
        protocol = Protocol.model_validate(protocol.model_dump() | changes)
    except ValidationError as error:
        first = error.errors()[0]
        reason = first["msg"].removeprefix("Value error, ")
        raise StudyError(f"{first['loc'][0] if first['loc'] else 'study'}: {reason}") from error
    return add_study(db, protocol, compose_wording(protocol))


def suggest_slug(db: Session, title: str) -> str:
    """Return a slug that no study has, made from a title."""
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[: MAX_SLUG_LENGTH - 4].strip("-")
    base, taken = words or "study", set(db.scalars(select(Study.slug)))
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return base if base not in taken else next(slug for slug in numbered if slug not in taken)
