"""The page with the downloads of a study, their meaning, and the check of what is stored."""

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from study_server.errors import StudyError
from study_server.export.codebook import TABLE_COLUMNS, codebook_rows
from study_server.export.csv_files import CODEBOOK_TABLE, DESIGN_JSON
from study_server.export.rows import list_changes, list_unblinding
from study_server.object_storage.bucket import open_bucket
from study_server.object_storage.integrity import find_damaged_objects
from study_server.publication.archives import read_state
from study_server.reporting.analysis_commands import INSTALL_COMMAND, is_analysis_installed
from study_server.stimuli.integrity import find_damaged_files
from study_server.storage.models import Study
from study_server.storage.plan_counts import find_differences
from study_server.studies.unblinding import is_blinded, planned_participants
from study_server.views.researcher.access import app_settings
from study_server.views.researcher.study.page import (
    create_study_blueprint,
    find_study,
    render_study_page,
)

pages: Blueprint = create_study_blueprint("data", "/data")

PSYCH_DS_ZIP, PREREGISTRATION_ZIP = "psych-ds.zip", "design.zip"
MEANINGS_BY_TABLE = {
    "responses": "one row per trial, for the report",
    "judgments": "one row per candidate and scale, for tasks without right answers",
    "timing": "display frames, ignored inputs and the input device of each trial",
    "incidents": "images that could not be shown",
    "participants": "one row per participant: outcome, screen, comment",
    "questionnaire": "answers to the study’s own questions",
    "link_parameters": "parameters of the links by which participants came",
    "unblinding": "early unblindings",
    "changes": "changes of settings after the freeze",
}
DATA_FILES = {
    **{f"{table}.csv": MEANINGS_BY_TABLE[table] for table in TABLE_COLUMNS},
    f"{CODEBOOK_TABLE}.csv": "the meaning of every column",
    PSYCH_DS_ZIP: "all tables as a Psych-DS dataset to share, without comments and other free text",
}
DESIGN_FILES = {
    DESIGN_JSON: "the frozen design",
    PREREGISTRATION_ZIP: "the design and its sources, for a preregistration",
}
UNBLINDABLE_FILES = ("responses.csv", PSYCH_DS_ZIP)


def list_files(study: Study) -> dict[str, str]:
    """Return what each file that can be downloaded contains, by name."""
    return DATA_FILES | (DESIGN_FILES if study.design is not None else {})


@pages.get("")
def show(slug: str) -> ResponseReturnValue:
    """Show the downloads; `?check=yes` also compares the stored files and counters."""
    return render_data(find_study(slug))


def render_data(study: Study, problem: str = "") -> str:
    """Render the page. problem: why a download was refused, if it was."""
    return render_study_page(
        "results/data.html",
        study,
        problem=problem,
        files=list_files(study),
        unblindable=UNBLINDABLE_FILES,
        blinded=is_blinded(g.db, study),
        planned=planned_participants(study),
        unblindings=list_unblinding(g.db, study),
        changes=list_changes(g.db, study),
        codebook=codebook_rows(),
        publication=read_state(g.db, app_settings(), study),
        install_command="" if is_analysis_installed() else INSTALL_COMMAND,
        findings=_check(study) if request.args.get("check") else None,
    )


def _check(study: Study) -> list[str]:
    """Return what `study check` would print for this study: a line for each thing that is wrong."""
    settings = app_settings()
    damaged = find_damaged_files(g.db, study, settings.stimuli_folder)
    bucket = open_bucket(settings.stimuli_url)
    try:
        damaged += find_damaged_objects(g.db, study, bucket) if bucket else []
    except StudyError as error:
        damaged.append(str(error))
    return [*find_differences(g.db, study), *damaged]
