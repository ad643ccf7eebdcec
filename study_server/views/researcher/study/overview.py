"""The overview of a study: its progress, its interim estimates and its state."""

import secrets
from datetime import datetime
from typing import Any

from flask import abort, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from study_server.clock import now
from study_server.errors import StudyError
from study_server.export.rows import list_unblinding
from study_server.monitoring.alerts import find_alerts
from study_server.monitoring.balance import measure_balance
from study_server.monitoring.exposure_accuracy import measure_exposure_accuracy
from study_server.monitoring.flow import build_funnel, count_today, measure_drop_out
from study_server.monitoring.recruitment_curve import RecruitmentCurve, draw_recruitment_curve
from study_server.protocol.model import parse_stored_protocol
from study_server.recruitment.arrival import (
    OUTCOMES_WITH_CODE,
    entry_link,
    prolific_completion_code,
)
from study_server.recruitment.invitations import create_invitation
from study_server.settings import find_resource_folder
from study_server.storage.models import Study
from study_server.studies import lookup
from study_server.studies.design import hash_wording, open_recruitment
from study_server.studies.exclusion_counts import (
    REASON_TEXTS,
    ParticipantSummary,
    list_participant_summaries,
)
from study_server.studies.exclusion_rules import exclusion_rules_of
from study_server.studies.progress import StudyProgress, measure_progress
from study_server.studies.reports import PowerFile, read_power
from study_server.studies.stored_counts import load_exposure_errors
from study_server.studies.unblinding import is_reopening_logged, record_reopening
from study_server.views.researcher.access import app_settings
from study_server.views.researcher.study.downloads import NEEDS_DESIGN_BY_NAME
from study_server.views.researcher.study.page import (
    chosen_mode,
    create_study_blueprint,
    entry_url,
    find_study,
    finish_change,
    list_page_links,
    render_study_page,
)
from study_server.vocabulary import Mode, Outcome, RecruitmentSource, StudyState

pages = create_study_blueprint("study")

CHANGES_OF_STATE = {  # what the log and the page say
    StudyState.OPEN: ("opened", "The study is open"),
    StudyState.PAUSED: ("paused", "The study is paused"),
    StudyState.CLOSED: ("closed", "The study is closed"),
}
LINKED_SOURCES = (RecruitmentSource.PROLIFIC, RecruitmentSource.MTURK, RecruitmentSource.SONA)


@pages.get("")
def overview(slug: str) -> ResponseReturnValue:
    """Show the page of a study."""
    return _render_study(find_study(slug))


def _render_study(study: Study, problem: str = "") -> str:
    power, power_problem = _read_power(study.slug)
    return render_study_page(
        "overview.html",
        study,
        protocol=parse_stored_protocol(study.protocol),
        problem=problem,
        power=power,
        power_problem=power_problem,
        unblindings=list_unblinding(g.db, study),
        reopening_is_logged=is_reopening_logged(g.db, study),
        links={source: entry_link(entry_url(study), source) for source in LINKED_SOURCES},
        codes={
            outcome: prolific_completion_code(g.db, study, outcome)
            for outcome in OUTCOMES_WITH_CODE
        },
        downloads=[
            name
            for name in NEEDS_DESIGN_BY_NAME
            if study.design is not None or not NEEDS_DESIGN_BY_NAME[name]
        ],
        **_progress_context(study, chosen_mode()),
    )


def _progress_context(study: Study, mode: Mode) -> dict[str, object]:
    """Return the template variables that change while a study runs."""
    people = list_participant_summaries(g.db, study, mode)
    withdrawn = study.withdrawn_count if mode is Mode.LIVE else 0
    progress: StudyProgress = measure_progress(g.db, study, mode, people)
    accuracy = measure_exposure_accuracy(load_exposure_errors(g.db, study, mode).values())
    instance = app_settings().instance_folder
    is_live = mode is Mode.LIVE
    return {
        "mode": mode,
        "progress": progress,
        "today": count_today(people, now(), withdrawn),
        "funnel": build_funnel(people, withdrawn),
        "drop_out": measure_drop_out(people),
        "balance": measure_balance(g.db, study, mode),
        "accuracy": accuracy,
        "alerts": find_alerts(g.db, study, people, accuracy, instance) if is_live else [],
        "curve": _recruitment_curve(people, progress.planned if is_live else None),
        "reasons": REASON_TEXTS,
        "min_attention_checks": exclusion_rules_of(study).attention_checks_min_planned,
        "measured_at": now(),
    }


def _recruitment_curve(
    people: list[ParticipantSummary], planned: int | None
) -> RecruitmentCurve | None:
    finished = [p.finished_at for p in people if p.outcome is Outcome.COMPLETE]
    moments: list[datetime] = [moment for moment in finished if moment is not None]
    return draw_recruitment_curve([person.started_at for person in people], moments, planned, now())


def _read_power(slug: str) -> tuple[PowerFile | None, str]:
    """Return the sample size and "", or None and the reason why the file cannot be shown."""
    try:
        return read_power(app_settings().power_path(slug)), ""
    except StudyError as error:
        return None, str(error)


@pages.get("/progress")
def show_progress(slug: str) -> ResponseReturnValue:
    """Render the part of the page that a script refreshes."""
    study = find_study(slug)
    context = _progress_context(study, chosen_mode()) | {"page_links": list_page_links(study)}
    return render_template("researcher/study/progress.html", study=study, **context)


@pages.post("/state")
def change_state(slug: str) -> ResponseReturnValue:
    """Open, pause or close the study, or show why it cannot be opened."""
    study, requested_state = find_study(slug), request.form.get("state")
    try:
        if requested_state == StudyState.OPEN:
            lookup.require_person_key(study, app_settings().person_key)
            record_reopening(g.db, study, g.researcher.name)
            open_recruitment(study, hash_wording(g.db, study, find_resource_folder("templates")))
        elif requested_state in (StudyState.PAUSED, StudyState.CLOSED):
            study.state = StudyState(requested_state)
        else:
            abort(400)
    except StudyError as error:
        return _render_study(study, str(error)), 409
    verb, message = CHANGES_OF_STATE[study.state]
    return finish_change(study, f"{verb} the study", message, "study.overview")


@pages.get("/preview")
def preview(slug: str) -> ResponseReturnValue:
    """Redirect to the consent page as a new participant in preview mode."""
    secret: Any = current_app.config["SECRET_KEY"]
    token = create_invitation(secret, find_study(slug).slug, Mode.PREVIEW, secrets.token_hex(8))
    return redirect(url_for("entrance.entry", slug=slug, invitation=token), 303)
