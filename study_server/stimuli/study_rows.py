"""Store the row of a study: its protocol, its wording and its state."""

import secrets

from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.protocol.model import Protocol, task_of
from study_server.storage.models import Study
from study_server.vocabulary import StudyState
from study_server.wording.files import TextsByPart
from study_server.wording.stored import store_wording


def add_study(
    db: Session, protocol: Protocol, wording: TextsByPart, manifest_sha256: str = ""
) -> Study:
    """Add a draft with its texts. manifest_sha256: empty for a study without stimuli."""
    study = Study(
        slug=protocol.slug,
        state=StudyState.DRAFT,
        **columns_of(protocol),
        schedule_seed=secrets.token_hex(16),
        identity_key=secrets.token_bytes(32),
        manifest_sha256=manifest_sha256,
        created_at=now(),
    )
    db.add(study)
    db.flush()
    store_wording(db, study, wording)
    return study


def columns_of(protocol: Protocol) -> dict[str, str]:
    """Return the columns of a study that its protocol determines."""
    return {
        "title": protocol.title,
        "protocol": protocol.canonical_json(),
        "task": protocol.task,
        "presentation": protocol.presentation,
        "question": protocol.question if task_of(protocol).HAS_TRUTH else "",
    }
