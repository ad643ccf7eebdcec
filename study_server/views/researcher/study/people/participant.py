"""The page of one participant, and what an owner can do with their data."""

from collections.abc import Callable

from flask import abort, current_app, g, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.monitoring.exclusion_sentences import explain_exclusions
from study_server.monitoring.participant_path import load_path
from study_server.participants.identities import find_by_external_id
from study_server.participants.withdrawal import (
    anonymize_participant,
    delete_participant,
    find_by_public_id,
)
from study_server.recruitment.arrival import sign_return_parameters
from study_server.storage.models import Participant, Study
from study_server.studies.action_log import log_action
from study_server.studies.exclusion_counts import summarize_participant
from study_server.studies.exclusion_rules import exclusion_rules_of
from study_server.views.researcher.access import app_settings
from study_server.views.researcher.study.page import find_study, finish_change, render_study_page
from study_server.views.researcher.study.people.participants import pages as pages
from study_server.vocabulary import RecruitmentSource

UNCONFIRMED = "Nothing was changed, because the box that confirms it was not checked"


@pages.get("/<name>")
def show_one(slug: str, name: str) -> str:
    """Show one participant's path through the study."""
    study = find_study(slug)
    return _render(study, _find_participant(study, name))


def _find_participant(study: Study, name: str) -> Participant:
    """Return the participant of the address, or reply with status 404."""
    try:
        return find_by_public_id(g.db, study, name)
    except StudyError:
        abort(404)


def _render(study: Study, participant: Participant, problem: str = "", link: str = "") -> str:
    summary = summarize_participant(g.db, study, participant)
    return render_study_page(
        "people/participant.html",
        study,
        mode=participant.mode,
        path=load_path(g.db, study, participant),
        summary=summary,
        exclusions=explain_exclusions(summary, exclusion_rules_of(study)),
        problem=problem,
        link=link,
        needs_survey_code=participant.source is RecruitmentSource.SONA,
    )


@pages.post("/<name>/forget")
def forget(slug: str, name: str) -> ResponseReturnValue:
    """Delete a participant and all of their answers."""
    message = "The participant and all of their answers are deleted"
    return _change(slug, name, delete_participant, "deleted a participant", message)


@pages.post("/<name>/anonymize")
def anonymize(slug: str, name: str) -> ResponseReturnValue:
    """Delete what connects a participant with a person; the answers stay."""
    message = f"{name} is anonymous now"
    return _change(slug, name, anonymize_participant, "anonymized a participant", message)


def _change(
    slug: str,
    name: str,
    change: Callable[[Session, Participant], object],
    action: str,
    message: str,
) -> ResponseReturnValue:
    """Change a participant if the box that confirms it is checked, and log the action."""
    study = find_study(slug)
    participant = _find_participant(study, name)
    if "confirmed" not in request.form:
        return _render(study, participant, UNCONFIRMED), 400
    change(g.db, participant)
    return finish_change(study, action, message, "participants.show")


@pages.post("/<name>/link")
def show_link(slug: str, name: str) -> ResponseReturnValue:
    """Show the personal link by which a participant can continue."""
    study = find_study(slug)
    participant = _find_participant(study, name)
    if "confirmed" not in request.form:
        return _render(study, participant, UNCONFIRMED), 400
    code = request.form.get("survey_code", "").strip()
    if code and find_by_external_id(g.db, study, code, participant.source) is not participant:
        problem = f"{code} is not this participant’s survey code; check it on SONA"
        return _render(study, participant, problem), 409
    log_action(g.db, slug, "looked up a participant’s personal link", g.researcher.name)
    link = _personal_link(participant, code)
    page = _render(study, participant, link=link)
    g.db.commit()
    return page


def _personal_link(participant: Participant, survey_code: str) -> str:
    """Return the participant's own address, with what SONA needs back at the end."""
    back = {"survey_code": survey_code} if survey_code else {}
    signed = sign_return_parameters(current_app.config["SECRET_KEY"], participant, back)
    origin = app_settings().public_origin or request.host_url.rstrip("/")
    return origin + url_for("trials.player", token=participant.token, back=signed)
