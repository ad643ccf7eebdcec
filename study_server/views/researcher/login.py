"""The login of researchers, by password or by a one-time link."""

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from limits import parse

from study_server.storage.models import Researcher
from study_server.studies import researchers
from study_server.views.researcher.access import require_login
from study_server.web.limits import limit_attempts

pages = Blueprint("researcher", __name__, url_prefix="/researcher")
LOGIN_LIMIT = parse("10 per minute")  # per IP address, successful or not
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
    return redirect(url_for("studies.overview"), 303)


@pages.post("/logout")
def logout() -> ResponseReturnValue:
    """Sign out."""
    cookie.clear()
    return redirect(url_for("researcher.login"), 303)
