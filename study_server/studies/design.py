"""Freeze a study's design: design.json with the protocol and the analysis plan.

design.json is the preregistration as a file (Nosek et al. 2018). Every exported row contains its
SHA-256, and the report lists deviations from it. docs/formats.md describes its keys.
"""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.languages import SOURCE_LANGUAGE, catalog_path
from study_server.protocol.model import parse_stored_protocol
from study_server.storage.models import AcceptedWarning, Participant, Study, StudyChange
from study_server.studies.lookup import require_stimuli
from study_server.vocabulary import Mode, StudyState
from study_server.wording.checks import check_text, find_unfilled_places
from study_server.wording.player_texts import PLAYER_TEXTS
from study_server.wording.stored import load_wording

DESIGN_SCHEMA, DRAFT_SCHEMA = "hue-and-eye/design/1", "hue-and-eye/draft/1"

# Defaults are validated, so that a plan has the same hash whether or not it spells them out.
PLAN_CONFIG = ConfigDict(
    frozen=True, extra="forbid", strict=True, validate_default=True, use_attribute_docstrings=True
)
Proportion = Annotated[float, Field(ge=0, le=1)]
NonNegativeInt = Annotated[int, Field(ge=0)]
DurationMs = Annotated[float, Field(ge=0)]
CovariateName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class PlannedExclusions(BaseModel):
    """The exclusion rules of the report. None: the value follows from the protocol."""

    model_config = PLAN_CONFIG

    min_completed_fraction: Annotated[
        Proportion, Field(title="Minimum share of trials answered")
    ] = 0.9
    """Participants who answered a smaller share of the planned trials are excluded."""
    planned_trials: Annotated[NonNegativeInt | None, Field(title="Planned trials")] = None
    """This is the number of test trials and attention checks per participant, without repeats."""
    attention_checks_min_correct: Annotated[
        NonNegativeInt | None, Field(title="Minimum correct attention checks")
    ] = None
    """Participants with fewer are excluded. If this is empty, one error in five is allowed."""
    attention_checks_planned: Annotated[
        NonNegativeInt | None, Field(title="Planned attention checks")
    ] = None
    """This is the number of attention checks per participant."""
    attention_checks_min_planned: Annotated[
        NonNegativeInt, Field(title="Minimum attention checks for the rule")
    ] = 8
    """If fewer attention checks are planned, failures are flagged but exclude nobody."""
    fast_ms: Annotated[DurationMs, Field(title="Limit for fast answers (ms)")] = 200
    """Faster answers are excluded."""
    max_fast_fraction: Annotated[Proportion, Field(title="Maximum share of fast answers")] = 0.25
    """Participants with a larger share of fast answers are excluded."""
    slow_ms: Annotated[DurationMs, Field(title="Limit for slow answers (ms)")] = 60_000
    """Slower answers are excluded."""
    side_max_fraction: Annotated[
        Proportion, Field(title="Maximum share of answers on one side")
    ] = 0.9
    """Participants with a larger share of answers on the same side are excluded."""
    alternation_max_fraction: Annotated[
        Proportion, Field(title="Maximum share of answers that switch sides")
    ] = 0.95
    """Participants with a larger share of answers that switch sides are excluded."""
    flagged_max_fraction: Annotated[
        Proportion, Field(title="Maximum share of disturbed trials")
    ] = 0.5
    """Participants with a larger share of disturbed trials are excluded."""
    min_answers: Annotated[NonNegativeInt, Field(title="Minimum answers for these shares")] = 10
    """The rules about shares of answers do not apply to participants with fewer answers."""
    allow_repeated: Annotated[bool, Field(title="Include people from linked studies")] = False
    """Participants who took part in another linked study before are included."""


class AnalysisPlan(BaseModel):
    """The decisions about the analysis that must be made before the data are collected."""

    model_config = PLAN_CONFIG

    hypotheses: Annotated[tuple[str, ...], Field(strict=False, title="Hypotheses")] = ()
    """State what the study tests, in one sentence each."""
    margin: Annotated[
        Proportion | None, Field(title="Equivalence margin (difference of rates)")
    ] = None
    """The report tests whether two rates differ by less than this."""
    participants: Annotated[NonNegativeInt | None, Field(title="Planned participants")] = None
    """Enrollment stops when this many participants have completed the study or are under way."""
    stopping: Annotated[str, Field(title="Stopping rule")] = ""
    """Say in words when the data collection ends."""
    covariates: Annotated[tuple[CovariateName, ...], Field(strict=False, title="Covariates")] = ()
    """The report compares the levels of device, language, source, folder, tag_... or a question."""
    exclusions: PlannedExclusions = PlannedExclusions()


def read_plan(path: Path) -> AnalysisPlan:
    """Read plan.toml; raise StudyError if it is invalid."""
    try:
        plan = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StudyError(
            f"{path}: no such file; `study new` shows what a plan can contain"
        ) from error
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: cannot be read as TOML: {error}") from error
    try:
        return AnalysisPlan.model_validate(plan)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise StudyError(f"{path}: {key} = {first['input']!r}: {first['msg']}") from error


def read_frozen_plan(study: Study) -> AnalysisPlan | None:
    """Return the plan of a frozen study; None before the freeze."""
    if study.design is None:
        return None
    return AnalysisPlan.model_validate_json(json.dumps(json.loads(study.design)["plan"]))


def format_default_plan() -> str:
    """Return the default plan as the comment lines at the end of a new study.toml."""
    rules = PlannedExclusions().model_dump(exclude_none=True)
    lines = [
        "The analysis plan is fixed by `study freeze --plan plan.toml`. Defaults:",
        "hypotheses = []    # one sentence each",
        "stopping = ''      # the stopping rule, in words",
        "covariates = []    # whose levels to compare: device, language, source, folder, tag_...",
        "margin (equivalence margin) and participants (planned number) have no default.",
        "[exclusions]",
        *(f"{rule} = {_format_number(value)}" for rule, value in rules.items()),
    ]
    return "".join(f"# {line}\n" for line in lines)


def _format_number(value: float | bool) -> str:
    is_whole = isinstance(value, float) and value.is_integer()
    return json.dumps(int(value) if is_whole else value)


def freeze_study(db: Session, study: Study, plan: AnalysisPlan, wording_sha256: str) -> str:
    """Freeze the design of a study; return the content of design.json.

    Enrollment will stop at the planned number of participants, if the plan has one.
    Raises StudyError if the study has no stimuli, is frozen already, has live participants, or has
    texts with placeholders that the researcher must fill in, or that do not fit the protocol.
    """
    require_stimuli(study)
    if study.design is not None:
        raise StudyError(
            f"study {study.slug!r} is already frozen; to change it before anyone has taken part, "
            f"run `study unfreeze {study.slug}`, otherwise import it under another slug"
        )
    live = Participant.study_id == study.id, Participant.mode == Mode.LIVE
    if db.scalar(select(Participant.id).where(*live).limit(1)) is not None:
        raise StudyError(
            f"study {study.slug!r} already has live participants, but its design must be "
            "frozen before the first one; import it under another slug and freeze that"
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
    for (language, part), text in load_wording(db, study).items():
        for line, message in check_text(
            language, part, text, parse_stored_protocol(study.protocol)
        ):
            raise StudyError(f"study {study.slug!r}: {language}/{part}.md:{line}: {message}")
    study.design = _canonical_json(assemble_design(db, study, plan, wording_sha256))
    study.design_sha256 = hashlib.sha256(study.design.encode()).hexdigest()
    study.stop_at = plan.participants or study.stop_at
    # those since an earlier freeze that was undone are no deviations from this design
    db.execute(delete(StudyChange).where(StudyChange.study_id == study.id))
    return study.design


def assemble_design(
    db: Session, study: Study, plan: AnalysisPlan, wording_sha256: str
) -> dict[str, object]:
    """Return the content of design.json as a dict."""
    warnings = (
        select(AcceptedWarning)
        .where(AcceptedWarning.study_id == study.id)
        .order_by(AcceptedWarning.number)
    )
    return {
        "schema": DESIGN_SCHEMA,
        "study": study.slug,
        "protocol": json.loads(study.protocol),
        "wording_sha256": wording_sha256,
        # The seed itself, with the IDs of participants, would reveal who saw what in which slot.
        "schedule_seed_sha256": hashlib.sha256(study.schedule_seed.encode()).hexdigest(),
        "manifest_sha256": study.manifest_sha256,
        "accepted_warnings": [_format_warning(warning) for warning in db.scalars(warnings)],
        "plan": plan.model_dump(exclude_none=True),
    }


def _format_warning(warning: AcceptedWarning) -> str:
    return warning.message + (f" (accepted: {warning.reason})" if warning.reason else "")


def describe_draft(study: Study) -> str:
    """Return the content of draft.json: what the analysis needs of a design before it is frozen."""
    return _canonical_json(
        {
            "schema": DRAFT_SCHEMA,
            "study": study.slug,
            "protocol": json.loads(study.protocol),
            "manifest_sha256": study.manifest_sha256,
            "plan": json.loads(study.draft_plan or "{}"),
        }
    )


def _canonical_json(content: dict[str, object]) -> str:
    """Return JSON with sorted keys and without spaces, so that equal content gives equal bytes."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def hash_wording(db: Session, study: Study, templates: Path) -> str:
    """Return the SHA-256 of everything participants read: study texts, pages and translations."""
    own = {f"{language}/{part}": text for (language, part), text in load_wording(db, study).items()}
    languages = parse_stored_protocol(study.protocol).languages
    files = {file.name: file for file in sorted((templates / "participant").rglob("*.html"))}
    files |= {
        language: catalog_path(language) for language in languages if language != SOURCE_LANGUAGE
    }
    pages = {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}
    return hashlib.sha256(
        _canonical_json({"own": own, "pages": pages, "player": PLAYER_TEXTS}).encode()
    ).hexdigest()


def open_recruitment(study: Study, wording_sha256: str) -> None:
    """Open a study; raise StudyError unless it is frozen and its wording is unchanged."""
    require_stimuli(study)
    if study.design is None:
        raise StudyError(
            f"study {study.slug!r} is not frozen; run `study freeze {study.slug}` first"
        )
    if json.loads(study.design)["wording_sha256"] != wording_sha256:
        raise StudyError(
            f"study {study.slug!r}: the participant pages have changed since it was frozen; "
            "restore them, or import the study under another slug and freeze that"
        )
    study.state = StudyState.OPEN
