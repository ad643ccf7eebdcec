"""The login of researchers, and the list of studies."""

from flask import (
    Blueprint,
    Response,
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

from study_server.languages import SOURCE_LANGUAGE
from study_server.protocol.model import parse_stored_protocol
from study_server.settings import Settings
from study_server.storage.models import Researcher, Study
from study_server.studies import lookup, researchers
from study_server.views.language import set_language
from study_server.web.limits import limit_attempts

pages = Blueprint("researcher", __name__, url_prefix="/researcher")
LOGIN_LIMIT = parse("10 per minute")  # per IP address, successful or not
PUBLIC_ENDPOINTS = {
    f"researcher.{name}"
    for name in ("login", "check_login", "show_login_link", "redeem_login_link")
}


def require_login(blueprint: Blueprint) -> None:
    """Require a login for all pages of a blueprint, and forbid caching them."""
    blueprint.before_request(_redirect_to_login)
    blueprint.after_request(_forbid_caching)


def _redirect_to_login() -> ResponseReturnValue | None:
    set_language(SOURCE_LANGUAGE)
    g.researcher = None
    if "researcher" in cookie:
        g.researcher = _find_signed_in()
    if g.researcher is None and request.endpoint not in PUBLIC_ENDPOINTS:
        return redirect(url_for("researcher.login"))
    return None


def _find_signed_in() -> Researcher | None:
    """Return the signed-in researcher; None if the password has changed since the login."""
    researcher: Researcher | None = g.db.get(Researcher, cookie["researcher"])
    if researcher is None or cookie.get("signed_in_by") != researchers.password_fingerprint(
        researcher
    ):
        return None
    return researcher


def _forbid_caching(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, no-store"
    return response


require_login(pages)


@pages.get("/login")
def login() -> ResponseReturnValue:
    """Show the login form."""
    return render_template("researcher/login.html", error=None)


def _limit_logins() -> None:
    limit_attempts(LOGIN_LIMIT, str(request.endpoint))


@pages.post("/login")
def check_login() -> ResponseReturnValue:
    """Sign in with a name and a password."""
    _limit_logins()
    name, password = request.form.get("name", ""), request.form.get("password", "")
    researcher = researchers.check_password(g.db, name, password)
    if researcher is None:
        return render_template("researcher/login.html", error="Wrong name or password."), 403
    return _sign_in(researcher)


@pages.get("/enter/<token>")
def show_login_link(token: str) -> ResponseReturnValue:
    """Show a button, so that no link preview uses up the link."""
    return render_template(
        "researcher/login_link.html", action=url_for("researcher.redeem_login_link", token=token)
    )


@pages.post("/enter/<token>")
def redeem_login_link(token: str) -> ResponseReturnValue:
    """Sign in with a one-time link."""
    _limit_logins()
    researcher = researchers.redeem_login_token(g.db, token)
    g.db.commit()
    if researcher is None:
        error = "This link has already been used or has expired. Ask for a new one."
        return render_template("researcher/login.html", error=error), 403
    return _sign_in(researcher)


def _sign_in(researcher: Researcher) -> ResponseReturnValue:
    cookie.clear()  # start a new session, to prevent session fixation
    cookie["researcher"] = researcher.id
    cookie["signed_in_by"] = researchers.password_fingerprint(researcher)
    return redirect(url_for("researcher.overview"), 303)


@pages.post("/logout")
def logout() -> ResponseReturnValue:
    """Sign out."""
    cookie.clear()
    return redirect(url_for("researcher.login"), 303)


@pages.get("")
def overview() -> ResponseReturnValue:
    """List all studies."""
    summaries = [_summarize(study) for study in lookup.list_studies(g.db)]
    return render_template("researcher/studies.html", studies=summaries)


def _summarize(study: Study) -> dict[str, object]:
    report = app_settings().report_path(study.slug)
    return {
        "slug": study.slug,
        "title": study.title,
        "preset": parse_stored_protocol(study.protocol).preset,
        "state": study.state,
        "study_url": url_for("study.show_study", slug=study.slug),
        "entry_url": entry_url(study),
        "report_url": url_for("study.report", slug=study.slug) if report.is_file() else None,
        "counts": lookup.count_by_outcome(g.db, study),
        "answers": lookup.count_responses(g.db, study),
    }


def entry_url(study: Study) -> str:
    """Return the public address of a study's consent page."""
    origin = app_settings().public_origin or f"{request.scheme}://{request.host}"
    return origin + url_for("entrance.entry", slug=study.slug)


def app_settings() -> Settings:
    """Return the settings of the running app."""
    configured: Settings = current_app.extensions["settings"]
    return configured
