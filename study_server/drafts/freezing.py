"""The analysis plan of a draft, what is missing before the freeze, and the return to draft."""

import json
from typing import NamedTuple

from sqlalchemy import delete
from sqlalchemy.orm import Session

from study_server.counts import format_count
from study_server.drafts.draft import begin_change, has_live_participants
from study_server.drafts.wording_change import list_open_places
from study_server.errors import StudyError
from study_server.storage.models import Study, StudyChange
from study_server.studies.design import AnalysisPlan
from study_server.studies.unblinding import planned_participants
from study_server.vocabulary import StudyState


class Obstacle(NamedTuple):
    """Something to do before the freeze. page: the name of the page on which it is done."""

    sentence: str
    page: str


def load_draft_plan(study: Study) -> AnalysisPlan:
    """Return the plan that was saved for the next freeze, or the default one."""
    if study.draft_plan is None:
        return AnalysisPlan()
    return AnalysisPlan.model_validate_json(study.draft_plan)


def save_draft_plan(db: Session, study: Study, plan: AnalysisPlan, *, version: str) -> None:
    """Save the plan for the next freeze; raises StudyError as `begin_change` does."""
    begin_change(db, study, version)
    study.draft_plan = plan.model_dump_json(exclude_none=True)
    db.flush()


def list_obstacles(db: Session, study: Study) -> list[Obstacle]:
    """Return what is missing before a draft can be frozen."""
    obstacles = []
    if has_live_participants(db, study):
        sentence = "Somebody has taken part, so it is too late to freeze the design"
        obstacles.append(Obstacle(sentence, "participants"))
    if not study.has_stimuli:
        obstacles.append(Obstacle("Upload the stimuli", "stimuli"))
    places = list_open_places(db, study)
    if places:
        texts = format_count(len(places), "place", "places")
        obstacles.append(Obstacle(f"Fill in or correct {texts} in the texts", "wording"))
    return obstacles


def unfreeze_study(db: Session, study: Study) -> str:
    """Return a frozen study to draft; return what to log, with the old hash.

    The frozen plan becomes the draft of the next one. Raises StudyError if the study is not frozen
    or is open, or if anybody has taken part.
    """
    db.flush()
    db.refresh(study, with_for_update=True)  # nobody can enroll meanwhile
    if study.design is None:
        raise StudyError(f"study {study.slug!r} is not frozen")
    if study.state is StudyState.OPEN:
        raise StudyError(f"study {study.slug!r} is open; run `study pause {study.slug}` first")
    if has_live_participants(db, study):
        raise StudyError(
            f"somebody has taken part in study {study.slug!r}, so its design stays frozen; import "
            "it under another slug"
        )
    action = f"returned the study to draft; its design had the SHA-256 {study.design_sha256}"
    if study.stop_at == planned_participants(study):
        study.stop_at = None  # the next freeze sets it again
    study.draft_plan = json.dumps(json.loads(study.design)["plan"])
    study.design = study.design_sha256 = None
    study.state = StudyState.DRAFT
    study.revision += 1
    db.execute(delete(StudyChange).where(StudyChange.study_id == study.id))  # of that design
    db.flush()
    return action
