"""The list of studies, and the log of what researchers did."""

from flask import Blueprint, g, render_template, request, url_for

from study_server.monitoring.study_list import list_study_rows, list_tags
from study_server.studies.action_log import list_actions
from study_server.views.researcher import new_study
from study_server.views.researcher.access import app_settings, is_owner, require_login
from study_server.views.researcher.study.page import entry_url

pages = Blueprint("studies", __name__, url_prefix="/researcher")
require_login(pages)
pages.add_url_rule("/new", view_func=new_study.new)
pages.add_url_rule("/new", view_func=new_study.create, methods=["POST"])


@pages.get("")
def overview() -> str:
    """List the studies, searched and filtered by tag."""
    search, tag = request.args.get("search", "").strip(), request.args.get("tag", "")
    studies = list_study_rows(g.db, search, tag)
    return render_template(
        "researcher/studies.html",
        studies=studies,
        reported={one.slug for one in studies if app_settings().report_path(one.slug).is_file()},
        entry_urls={one.slug: entry_url(one) for one in studies},
        tags=list_tags(g.db),
        search=search,
        chosen_tag=tag,
        may_change=is_owner(),
        new_url=url_for("studies.new") if is_owner() else None,
    )


@pages.get("/log")
def show_log() -> str:
    """List what researchers did, the newest first."""
    return render_template("researcher/log.html", actions=list_actions(g.db))
