"""design.json: what may not change once people take part, and the plan made before the data.

Preregistration as a file (Nosek et al. 2018): its SHA-256 stands in every exported row, and the
report lists where a study departs from it. docs/formats.md describes it.
"""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.languages import SOURCE_LANGUAGE, catalog_path
from study_server.protocol.model import parse_stored_protocol
from study_server.storage.models import AcceptedWarning, Participant, Study
from study_server.vocabulary import Mode, StudyState
from study_server.wording.checks import find_unfilled_places
from study_server.wording.player_texts import PLAYER_TEXTS
from study_server.wording.stored import load_wording

DESIGN_SCHEMA = "hue-and-eye/design/1"

Proportion = Annotated[float, Field(ge=0, le=1)]
NonNegativeInt = Annotated[int, Field(ge=0)]
DurationMs = Annotated[float, Field(ge=0)]


class PlannedExclusions(BaseModel):
    """The rules by which the report leaves people out; what is None follows from the protocol."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    min_completed_fraction: Proportion = 0.9
    planned_trials: NonNegativeInt | None = None
    attention_checks_min_correct: NonNegativeInt | None = None
    attention_checks_planned: NonNegativeInt | None = None
    attention_checks_min_planned: NonNegativeInt = 8
    fast_ms: DurationMs = 200
    max_fast_fraction: Proportion = 0.25
    slow_ms: DurationMs = 60_000
    side_max_fraction: Proportion = 0.9
    alternation_max_fraction: Proportion = 0.95
    flagged_max_fraction: Proportion = 0.5
    min_answers: NonNegativeInt = 10
    allow_repeated: bool = False


class AnalysisPlan(BaseModel):
    """What the analysis may not choose after the data.

    margin: within which two rates count as equal. participants: who complete. stopping: when the
    study ends, in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    hypotheses: Annotated[tuple[str, ...], Field(strict=False)] = ()
    margin: Proportion | None = None
    participants: NonNegativeInt | None = None
    stopping: str = ""
    exclusions: PlannedExclusions = PlannedExclusions()


def read_plan(path: Path) -> AnalysisPlan:
    """Raises StudyError naming file, key, value and remedy."""
    try:
        plan = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StudyError(f"{path}: no such file; `study new` shows what a plan may say") from error
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: not readable as TOML: {error}") from error
    try:
        return AnalysisPlan.model_validate(plan)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise StudyError(f"{path}: {key} = {first['input']!r}: {first['msg']}") from error


def format_default_plan() -> str:
    """The defaults as the comments that end a new study.toml."""
    rules = PlannedExclusions().model_dump(exclude_none=True)
    lines = [
        "The plan of the analysis is fixed by `study freeze --plan plan.toml`. The defaults:",
        "hypotheses = []    # a sentence each",
        "stopping = ''      # when the study ends, in words",
        "margin and participants are left open: within what two rates count as equal; who complete",
        "[exclusions]",
        *(f"{rule} = {json.dumps(value)}" for rule, value in rules.items()),
    ]
    return "".join(f"# {line}\n" for line in lines)


def freeze_study(db: Session, study: Study, plan: AnalysisPlan, wording_sha256: str) -> str:
    """Fix the design of a study, for good; returns it, the content of design.json.

    Raises StudyError where it is fixed already, or somebody live has begun without, or its wording
    waits for the researcher's words.
    """
    if study.design is not None:
        raise StudyError(
            f"study {study.slug!r} is frozen; a changed one needs another slug: edit study.toml "
            "and import it anew"
        )
    live = Participant.study_id == study.id, Participant.mode == Mode.LIVE
    if db.scalar(select(Participant.id).where(*live).limit(1)) is not None:
        raise StudyError(
            f"study {study.slug!r} has live participants; a design is fixed before the first: "
            "import it under another slug and freeze that"
        )
    unfilled = [
        f"{language}/{part}.md:{line} {placeholder}"
        for (language, part), text in load_wording(db, study).items()
        for line, placeholder in find_unfilled_places(text)
    ]
    if unfilled:
        raise StudyError(
            f"study {study.slug!r} has texts to fill in: {', '.join(unfilled)}; "
            "edit them, then run `study reword study.toml`"
        )
    study.design = _canonical_json(assemble_design(db, study, plan, wording_sha256))
    study.design_sha256 = hashlib.sha256(study.design.encode()).hexdigest()
    return study.design


def assemble_design(
    db: Session, study: Study, plan: AnalysisPlan, wording_sha256: str
) -> dict[str, object]:
    """The keys of design.json."""
    warnings = (
        select(AcceptedWarning.message)
        .where(AcceptedWarning.study_id == study.id)
        .order_by(AcceptedWarning.number)
    )
    return {
        "schema": DESIGN_SCHEMA,
        "study": study.slug,
        "protocol": json.loads(study.protocol),
        "wording_sha256": wording_sha256,
        "schedule_seed": study.schedule_seed,
        "manifest_sha256": study.manifest_sha256,
        "accepted_warnings": list(db.scalars(warnings)),
        "plan": plan.model_dump(exclude_none=True),
    }


def _canonical_json(content: dict[str, object]) -> str:
    """Sorted keys, no spaces: the same content is the same bytes."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def hash_wording(db: Session, study: Study, templates: Path) -> str:
    """SHA-256 over what participants read: the study's own texts, the pages, their catalogues."""
    own = {f"{language}/{part}": text for (language, part), text in load_wording(db, study).items()}
    languages = parse_stored_protocol(study.protocol).languages
    files = {file.name: file for file in sorted((templates / "participant").iterdir())}
    files |= {
        language: catalog_path(language) for language in languages if language != SOURCE_LANGUAGE
    }
    pages = {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}
    return hashlib.sha256(
        _canonical_json({"own": own, "pages": pages, "player": PLAYER_TEXTS}).encode()
    ).hexdigest()


def open_recruitment(study: Study, wording_sha256: str) -> None:
    """Open a study. Raises StudyError unless its design is fixed and still holds."""
    if study.design is None:
        raise StudyError(
            f"study {study.slug!r} is not frozen; `study freeze {study.slug}` fixes its design "
            "before the first participant"
        )
    if json.loads(study.design)["wording_sha256"] != wording_sha256:
        raise StudyError(
            f"study {study.slug!r} was frozen with other wording than its pages have now; bring "
            "those back, or import the study under another slug and freeze it"
        )
    study.state = StudyState.OPEN
