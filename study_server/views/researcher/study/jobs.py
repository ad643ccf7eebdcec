"""The state of a study's background jobs, for the pages that request them."""

from flask import abort, g, render_template

from study_server.jobs.queue import find_newest_jobs
from study_server.views.researcher.study.page import create_study_blueprint, find_study
from study_server.vocabulary import JobKind

pages = create_study_blueprint("jobs", "/jobs")


@pages.get("/<kind>")
def show_job(slug: str, kind: str) -> str:
    """Render the part of a page that shows a study's newest job of a kind."""
    study = find_study(slug)
    if kind not in tuple(JobKind):
        abort(404)
    job = find_newest_jobs(g.db, study).get(JobKind(kind))
    return render_template("researcher/study/job.html", study=study, job=job)
