"""The common part of all pages of one study: the study, its steps, its mode and its messages."""

from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from study_server.clock import now
from study_server.errors import StudyError
from study_server.jobs.queue import find_newest_jobs
from study_server.monitoring.comments import count_comments
from study_server.monitoring.study_list import StudyRow
from study_server.storage.models import Study
from study_server.studies import lookup
from study_server.studies.action_log import log_action
from study_server.studies.path import list_steps
from study_server.views.researcher.access import app_settings, is_owner, require_login
from study_server.vocabulary import Mode

STUDY_PAGES = {  # by name, as in studies/path.py: title and endpoint
    "overview": ("Overview", "study.overview"),
    "stimuli": ("Stimuli", "stimuli.show"),
    "protocol": ("Protocol", "protocol.show"),
    "wording": ("Wording", "wording.show"),
    "rehearse": ("Rehearse", "rehearse.show"),
    "freeze": ("Freeze", "freeze.show"),
    "recruit": ("Recruit", "recruit.show"),
    "participants": ("Participants", "participants.show"),
    "comments": ("Comments", "comments.show"),
    "pay": ("Pay", "pay.show"),
    "data": ("Data", "data.show"),
    "report": ("Report", "report.show"),
    "settings": ("Settings", "settings.show"),
}


def create_study_blueprint(name: str, path: str = "") -> Blueprint:
    """Return a blueprint for pages of one study, below its address and for researchers only."""
    pages = Blueprint(name, __name__, url_prefix=f"/researcher/studies/<slug>{path}")
    require_login(pages)
    return pages


def find_study(slug: str) -> Study:
    """Return the study of the address, or reply with status 404."""
    try:
        return lookup.find_study(g.db, slug)
    except StudyError:
        abort(404)


def chosen_mode() -> Mode:
    """Return the mode of participants that the page shows: `?mode=`, or live."""
    try:
        return Mode(request.args.get("mode", Mode.LIVE))
    except ValueError:
        abort(404)


def posted_mode() -> Mode:
    """Return the mode of participants that a form names: `mode`, or live."""
    try:
        return Mode(request.form.get("mode", Mode.LIVE))
    except ValueError:
        abort(400)


def entry_url(study: Study | StudyRow) -> str:
    """Return the public address of a study's consent page."""
    origin = app_settings().public_origin or f"{request.scheme}://{request.host}"
    return origin + url_for("entrance.entry", slug=study.slug)


def render_study_page(template: str, study: Study, **context: object) -> str:
    """Render a page of a study: its template below researcher/study/, with the path above it."""
    has_report = app_settings().report_path(study.slug).is_file()
    return render_template(
        f"researcher/study/{template}",
        study=study,
        steps=list_steps(g.db, study, has_report=has_report),
        has_report=has_report,
        page_links=list_page_links(study),
        jobs=find_newest_jobs(g.db, study),
        may_change=is_owner(),
        entry_url=entry_url(study),
        **context,
    )


def list_page_links(study: Study) -> dict[str, tuple[str, str]]:
    """Return the title and the address of each page of a study, by name."""
    _, unread = count_comments(g.db, study)
    numbers = {"comments": f" ({unread:,} unread)"} if unread else {}
    return {
        name: (title + numbers.get(name, ""), url_for(endpoint, slug=study.slug))
        for name, (title, endpoint) in STUDY_PAGES.items()
    }


def finish_change(
    study: Study, action: str, message: str, page: str, **values: Any
) -> ResponseReturnValue:
    """Log an action, commit it, and show a page of the study with a message and the time.

    action: as for `log_action`. page: the endpoint of the page. values: of its address.
    """
    slug = study.slug
    log_action(g.db, slug, action, g.researcher.name)
    g.db.commit()
    flash(f"{message} ({now().strftime('%H:%M')} UTC)")
    return redirect(url_for(page, slug=slug, **values), 303)
