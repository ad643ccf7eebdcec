"""The overview of a study: its progress, its interim estimates and its state."""

import secrets
from datetime import datetime
from typing import Any

from flask import current_app, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from study_server.clock import now
from study_server.errors import StudyError
from study_server.monitoring.alerts import find_alerts
from study_server.monitoring.balance import measure_balance
from study_server.monitoring.exposure_accuracy import measure_exposure_accuracy
from study_server.monitoring.flow import build_funnel, count_today, measure_drop_out
from study_server.monitoring.recruitment_curve import RecruitmentCurve, draw_recruitment_curve
from study_server.protocol.model import parse_stored_protocol
from study_server.recruitment.invitations import create_invitation
from study_server.storage.models import Study
from study_server.studies.exclusion_counts import (
    REASON_TEXTS,
    ParticipantSummary,
    list_participant_summaries,
)
from study_server.studies.exclusion_rules import exclusion_rules_of
from study_server.studies.progress import StudyProgress, measure_progress
from study_server.studies.reports import PowerFile, read_power
from study_server.studies.stored_counts import (
    MAX_COUNTED_FOR_A_PAGE,
    count_left_out,
    load_exposure_errors,
)
from study_server.views.researcher.access import app_settings
from study_server.views.researcher.study.page import (
    chosen_mode,
    create_study_blueprint,
    find_study,
    list_page_links,
    render_study_page,
)
from study_server.vocabulary import Mode, Outcome

pages = create_study_blueprint("study")


@pages.get("")
def overview(slug: str) -> ResponseReturnValue:
    """Show the page of a study."""
    return _render_study(find_study(slug))


def _render_study(study: Study) -> str:
    power, power_problem = _read_power(study.slug)
    return render_study_page(
        "overview.html",
        study,
        protocol=parse_stored_protocol(study.protocol),
        power=power,
        power_problem=power_problem,
        **_progress_context(study, chosen_mode()),
    )


def _progress_context(study: Study, mode: Mode) -> dict[str, object]:
    """Return the template variables that change while a study runs."""
    people = list_participant_summaries(g.db, study, mode, MAX_COUNTED_FOR_A_PAGE)
    withdrawn = study.withdrawn_count if mode is Mode.LIVE else 0
    progress: StudyProgress = measure_progress(g.db, study, mode, people)
    errors = load_exposure_errors(g.db, study, mode, MAX_COUNTED_FOR_A_PAGE)
    accuracy = measure_exposure_accuracy(people, errors)
    instance = app_settings().instance_folder
    is_live = mode is Mode.LIVE
    return {
        "mode": mode,
        "progress": progress,
        "left_out": count_left_out(g.db, study, mode, len(people)),
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


@pages.get("/preview")
def preview(slug: str) -> ResponseReturnValue:
    """Redirect to the consent page as a new participant in preview mode."""
    study = find_study(slug)
    if not study.has_stimuli:
        flash("The study has no stimuli yet, so it cannot be previewed. Upload them first.")
        return redirect(url_for("stimuli.show", slug=slug), 303)
    secret: Any = current_app.config["SECRET_KEY"]
    token = create_invitation(secret, study.slug, Mode.PREVIEW, secrets.token_hex(8))
    return redirect(url_for("entrance.entry", slug=slug, invitation=token), 303)
