"""The page from which a study is opened, and from which people are recruited for it."""

import secrets
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, current_app, g, request
from flask.typing import ResponseReturnValue

from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.protocol.model import parse_stored_protocol
from study_server.recruitment import platform_settings
from study_server.recruitment.arrival import OUTCOMES_WITH_CODE, prolific_completion_code
from study_server.recruitment.invitations import create_invitation
from study_server.recruitment.opening import count_by_source, open_study, stop_recruitment
from study_server.recruitment.stopping import (
    change_quota,
    change_stop_at,
    describe_quota,
    describe_stop_at,
    load_quotas,
    parse_number,
)
from study_server.storage.models import Study
from study_server.storage.plan_count_queries import count_places_taken
from study_server.studies.action_log import log_action
from study_server.studies.unblinding import is_reopening_logged, planned_participants
from study_server.views.researcher.access import app_settings
from study_server.views.researcher.study.page import (
    create_study_blueprint,
    entry_url,
    find_study,
    finish_change,
    render_study_page,
)
from study_server.vocabulary import Mode, RecruitmentSource, StudyState

pages: Blueprint = create_study_blueprint("recruit", "/recruit")

CHANGES_OF_STATE = {  # what the log and the page say
    StudyState.OPEN: ("opened", "The study is open"),
    StudyState.PAUSED: ("paused", "The study is paused"),
    StudyState.CLOSED: ("closed", "The study is closed"),
}
SOFT_LAUNCH = 10  # participants
MAX_INVITATIONS = 1000  # per file


@pages.get("")
def show(slug: str) -> ResponseReturnValue:
    """Show how far recruitment is, and the links and steps for each way to recruit."""
    return _render(find_study(slug))


def _render(study: Study, problem: str = "") -> str:
    entry = entry_url(study)
    protocol = parse_stored_protocol(study.protocol)
    return render_study_page(
        "recruit.html",
        study,
        problem=problem,
        protocol=protocol,
        link_problem=platform_settings.find_link_problem(entry),
        links={
            source: platform_settings.format_platform_link(entry, source)
            for source in platform_settings.PLATFORMS
        },
        codes={
            outcome: prolific_completion_code(g.db, study, outcome)
            for outcome in OUTCOMES_WITH_CODE
        },
        credit_url=platform_settings.find_credit_url(g.db, study),
        places_taken=count_places_taken(g.db, study),
        planned=planned_participants(study),
        sources=count_by_source(g.db, study),
        quotas=load_quotas(g.db, study),
        soft_launch=SOFT_LAUNCH,
        max_invitations=MAX_INVITATIONS,
        reopening_is_logged=is_reopening_logged(g.db, study),
    )


@pages.post("/state")
def change_state(slug: str) -> ResponseReturnValue:
    """Open, pause or close the study, or show why it cannot be opened."""
    study, requested_state = find_study(slug), request.form.get("state")
    try:
        if requested_state == StudyState.OPEN:
            open_study(g.db, study, app_settings(), g.researcher.name)
        elif requested_state in (StudyState.PAUSED, StudyState.CLOSED):
            stop_recruitment(study, StudyState(requested_state))
        else:
            abort(400)
    except StudyError as error:
        return _refuse(study, error)
    verb, message = CHANGES_OF_STATE[study.state]
    return finish_change(study, f"{verb} the study", message, "recruit.show")


def _refuse(study: Study, error: StudyError) -> ResponseReturnValue:
    """Show a mistake, with nothing stored."""
    g.db.rollback()
    return _render(find_study(study.slug), str(error)), 409


@pages.post("/stop-at")
def set_stop_at(slug: str) -> ResponseReturnValue:
    """Change the number of participants at which enrollment stops."""
    study = find_study(slug)
    try:
        stop_at = parse_number(request.form.get("stop_at", ""))
        change_stop_at(g.db, study, stop_at, g.researcher.name)
    except StudyError as error:
        return _refuse(study, error)
    sentence = describe_stop_at(stop_at)
    action = f"set stop_at to {stop_at or 'no limit'}"
    return finish_change(study, action, f"Saved: {sentence}", "recruit.show")


@pages.post("/quotas")
def set_quotas(slug: str) -> ResponseReturnValue:
    """Change the numbers of participants from each source; an empty field means no limit."""
    study, changed = find_study(slug), []
    try:
        for source in RecruitmentSource:
            places = parse_number(request.form.get(source, ""))
            if change_quota(g.db, study, source, places, g.researcher.name):
                changed.append(describe_quota(source, places))
    except StudyError as error:
        return _refuse(study, error)
    text = "; ".join(changed) or "the quotas are as they were"
    return finish_change(study, f"changed quotas: {text}", f"Saved: {text}", "recruit.show")


@pages.post("/codes")
def save_codes(slug: str) -> ResponseReturnValue:
    """Store Prolific's completion codes."""
    study = find_study(slug)
    try:
        codes = dict(
            platform_settings.parse_prolific_code(outcome, request.form.get(outcome, "").strip())
            for outcome in OUTCOMES_WITH_CODE
        )
        platform_settings.store_prolific_codes(g.db, study, codes)
    except StudyError as error:
        return _refuse(study, error)
    message = "Saved Prolific’s completion codes"
    return finish_change(study, "changed Prolific’s completion codes", message, "recruit.show")


@pages.post("/credit-url")
def save_credit_url(slug: str) -> ResponseReturnValue:
    """Store SONA's completion URL."""
    study = find_study(slug)
    try:
        platform_settings.store_credit_url(g.db, study, request.form.get("credit_url", ""))
    except StudyError as error:
        return _refuse(study, error)
    message = "Saved SONA’s completion URL"
    return finish_change(study, "changed SONA’s completion URL", message, "recruit.show")


@pages.post("/invitations")
def invite(slug: str) -> ResponseReturnValue:
    """Send a file with personal invitation links, one per line."""
    study, count = find_study(slug), request.form.get("count", 0, type=int)
    if not 1 <= count <= MAX_INVITATIONS:
        error = StudyError(f"choose 1 to {MAX_INVITATIONS:,} invitations")
        return _refuse(study, error)
    links = [_invitation_link(study) for _ in range(count)]
    made = format_count(count, "invitation link", "invitation links")
    log_action(g.db, slug, f"made {made}", g.researcher.name)
    g.db.commit()
    headers = {"Content-Disposition": f"attachment; filename={slug}-invitations.txt"}
    return Response("".join(f"{link}\n" for link in links), mimetype="text/plain", headers=headers)


def _invitation_link(study: Study) -> str:
    secret = str(current_app.config["SECRET_KEY"])
    token = create_invitation(secret, study.slug, Mode.LIVE, secrets.token_hex(8))
    return f"{entry_url(study)}?{urlencode({'invitation': token})}"
