"""What a researcher sees, behind a login: the studies, their counts, rates so far, reports."""

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    g,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from study_server import researchers, studies
from study_server.errors import StudyError
from study_server.languages import SOURCE
from study_server.models import Researcher, Study
from study_server.monitoring import Monitor, read_monitor
from study_server.protocol import stored_protocol
from study_server.settings import Settings
from study_server.views.speech import speak

pages = Blueprint("researcher", __name__, url_prefix="/researcher")
limiter = Limiter(get_remote_address)

OPEN_TO_ALL = {f"researcher.{name}" for name in ("login", "check", "enter", "use")}
# the report brings its own style; it has no script and loads nothing
REPORT_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"


@pages.before_request
def _require_login() -> ResponseReturnValue | None:
    speak(SOURCE)
    g.researcher = None
    if "researcher" in cookie:
        g.researcher = g.db.get(Researcher, cookie["researcher"])
    if g.researcher is None and request.endpoint not in OPEN_TO_ALL:
        return redirect(url_for("researcher.login"))
    return None


@pages.after_request
def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, no-store"
    return response


@pages.get("/login")
def login() -> ResponseReturnValue:
    return render_template("researcher/login.html", error=None)


@pages.post("/login")
@limiter.limit("10 per minute")
def check() -> ResponseReturnValue:
    name, password = request.form.get("name", ""), request.form.get("password", "")
    researcher = researchers.check_password(g.db, name, password)
    if researcher is None:
        return render_template("researcher/login.html", error="Name or password is wrong."), 403
    return _let_in(researcher)


@pages.get("/enter/<token>")
def enter(token: str) -> ResponseReturnValue:
    """A button, so that no link preview uses the link up."""
    return render_template("researcher/enter.html", action=url_for("researcher.use", token=token))


@pages.post("/enter/<token>")
@limiter.limit("10 per minute")
def use(token: str) -> ResponseReturnValue:
    researcher = researchers.use_login_link(g.db, token)
    g.db.commit()
    if researcher is None:
        error = "This link has been used or is too old."
        return render_template("researcher/login.html", error=error), 403
    return _let_in(researcher)


def _let_in(researcher: Researcher) -> ResponseReturnValue:
    cookie.clear()  # no session from before the login survives it
    cookie["researcher"] = researcher.id
    return redirect(url_for("researcher.overview"), 303)


@pages.post("/logout")
def logout() -> ResponseReturnValue:
    cookie.clear()
    return redirect(url_for("researcher.login"), 303)


@pages.get("")
def overview() -> ResponseReturnValue:
    described = [_describe(study) for study in studies.all_studies(g.db)]
    return render_template(
        "researcher/studies.html", researcher=g.researcher.name, studies=described
    )


def _describe(study: Study) -> dict[str, object]:
    report = _settings().report(study.slug)
    address = _settings().public_url or request.host_url.rstrip("/")
    monitor, problem = _monitor(study.slug)
    return {
        "slug": study.slug,
        "title": study.title,
        "preset": stored_protocol(study.protocol).preset,
        "state": study.state,
        "entry_url": address + url_for("entrance.entry", slug=study.slug),
        "report_url": url_for("researcher.report", slug=study.slug) if report.is_file() else None,
        "counts": studies.counts(g.db, study),
        "answers": studies.answers(g.db, study),
        "monitor": monitor,
        "monitor_problem": problem,
    }


def _monitor(slug: str) -> tuple[Monitor | None, str]:
    """The rates so far, or why there is something that cannot be shown."""
    try:
        return read_monitor(_settings().monitor(slug), slug), ""
    except StudyError as error:
        return None, str(error)


@pages.get("/studies/<slug>/report")
def report(slug: str) -> ResponseReturnValue:
    file = _settings().report(slug)
    known = slug in [study.slug for study in studies.all_studies(g.db)]
    if not known or not file.is_file():
        abort(404)
    response = send_file(file, mimetype="text/html")
    response.headers["Content-Security-Policy"] = REPORT_CSP
    return response


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
