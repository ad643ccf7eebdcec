"""Behind a login: who may see the researcher's pages, and the list of studies."""

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    g,
    redirect,
    render_template,
    request,
    url_for,
)
from flask import session as cookie
from flask.typing import ResponseReturnValue
from limits import parse

from study_server.languages import SOURCE
from study_server.protocol.model import stored_protocol
from study_server.settings import Settings
from study_server.storage.models import Researcher, Study
from study_server.studies import lookup, researchers
from study_server.views.speech import speak

pages = Blueprint("researcher", __name__, url_prefix="/researcher")
LOGINS = parse("10 per minute")  # of an address, right or wrong
OPEN_TO_ALL = {f"researcher.{name}" for name in ("login", "check", "enter", "use")}


def guard(blueprint: Blueprint) -> None:
    """Only who is signed in sees its pages, and no cache keeps them."""
    blueprint.before_request(_require_login)
    blueprint.after_request(_private)


def _require_login() -> ResponseReturnValue | None:
    speak(SOURCE)
    g.researcher = None
    if "researcher" in cookie:
        g.researcher = _find_signed_in()
    if g.researcher is None and request.endpoint not in OPEN_TO_ALL:
        return redirect(url_for("researcher.login"))
    return None


def _find_signed_in() -> Researcher | None:
    """A new password ends the sessions of the old one."""
    researcher: Researcher | None = g.db.get(Researcher, cookie["researcher"])
    if researcher is None or cookie.get("signed_in_by") != researchers.name_password(researcher):
        return None
    return researcher


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, no-store"
    return response


guard(pages)


@pages.get("/login")
def login() -> ResponseReturnValue:
    return render_template("researcher/login.html", error=None)


def _slow_down() -> None:
    """Here and nowhere else: a campus takes part from one address."""
    limiter = current_app.extensions["limiter"]
    if not limiter.hit(LOGINS, request.endpoint, request.remote_addr):
        abort(429)


@pages.post("/login")
def check() -> ResponseReturnValue:
    _slow_down()
    name, password = request.form.get("name", ""), request.form.get("password", "")
    researcher = researchers.check_password(g.db, name, password)
    if researcher is None:
        return render_template("researcher/login.html", error="Name or password is wrong."), 403
    return _let_in(researcher)


@pages.get("/enter/<token>")
def enter(token: str) -> ResponseReturnValue:
    """A button, so that no link preview uses the link up."""
    return render_template(
        "researcher/login_link.html", action=url_for("researcher.use", token=token)
    )


@pages.post("/enter/<token>")
def use(token: str) -> ResponseReturnValue:
    _slow_down()
    researcher = researchers.use_login_link(g.db, token)
    g.db.commit()
    if researcher is None:
        error = "This link has been used or is too old."
        return render_template("researcher/login.html", error=error), 403
    return _let_in(researcher)


def _let_in(researcher: Researcher) -> ResponseReturnValue:
    cookie.clear()  # no session from before the login survives it
    cookie["researcher"] = researcher.id
    cookie["signed_in_by"] = researchers.name_password(researcher)
    return redirect(url_for("researcher.overview"), 303)


@pages.post("/logout")
def logout() -> ResponseReturnValue:
    cookie.clear()
    return redirect(url_for("researcher.login"), 303)


@pages.get("")
def overview() -> ResponseReturnValue:
    described = [_describe(study) for study in lookup.all_studies(g.db)]
    return render_template("researcher/studies.html", studies=described)


def _describe(study: Study) -> dict[str, object]:
    report = settings().report_path(study.slug)
    return {
        "slug": study.slug,
        "title": study.title,
        "preset": stored_protocol(study.protocol).preset,
        "state": study.state,
        "study_url": url_for("study.page", slug=study.slug),
        "entry_url": entry_url(study),
        "report_url": url_for("study.report", slug=study.slug) if report.is_file() else None,
        "counts": lookup.counts(g.db, study),
        "answers": lookup.answers(g.db, study),
    }


def entry_url(study: Study) -> str:
    """Where participants come in, as the world sees it."""
    address = settings().public_url or request.host_url.rstrip("/")
    return address + url_for("entrance.entry", slug=study.slug)


def settings() -> Settings:
    configured: Settings = current_app.extensions["settings"]
    return configured
