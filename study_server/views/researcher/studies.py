"""The list of studies, and the log of what researchers did."""

from flask import Blueprint, g, render_template, url_for

from study_server.protocol.model import parse_stored_protocol
from study_server.storage.models import Study
from study_server.studies import lookup
from study_server.studies.action_log import list_actions
from study_server.views.researcher.access import app_settings, is_owner, require_login
from study_server.views.researcher.study.page import entry_url

pages = Blueprint("studies", __name__, url_prefix="/researcher")
require_login(pages)


@pages.get("")
def overview() -> str:
    """List all studies."""
    summaries = [_summarize(study) for study in lookup.list_studies(g.db)]
    return render_template("researcher/studies.html", studies=summaries, may_change=is_owner())


def _summarize(study: Study) -> dict[str, object]:
    report = app_settings().report_path(study.slug)
    return {
        "slug": study.slug,
        "title": study.title,
        "preset": parse_stored_protocol(study.protocol).preset,
        "state": study.state,
        "study_url": url_for("study.overview", slug=study.slug),
        "entry_url": entry_url(study),
        "report_url": url_for("report.show", slug=study.slug) if report.is_file() else None,
        "counts": lookup.count_by_outcome(g.db, study),
        "answers": lookup.count_responses(g.db, study),
    }


@pages.get("/log")
def show_log() -> str:
    """List what researchers did, the newest first."""
    return render_template("researcher/log.html", actions=list_actions(g.db))
