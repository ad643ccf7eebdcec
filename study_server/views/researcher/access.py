"""Researchers must sign in to see their pages, and must be owners to change something there."""

from flask import Blueprint, Response, abort, current_app, g, redirect, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue

from study_server.languages import SOURCE_LANGUAGE
from study_server.settings import Settings
from study_server.storage.models import Researcher
from study_server.studies import researchers
from study_server.views.language import set_language
from study_server.vocabulary import Role

PUBLIC_ENDPOINTS = {
    f"researcher.{name}"
    for name in ("login", "check_login", "show_login_link", "redeem_login_link")
}
VIEWER_ENDPOINTS = {"researcher.logout"}  # what viewers may post to


def require_login(blueprint: Blueprint) -> None:
    """Require a login for all pages of a blueprint, and the role of an owner for all changes."""
    blueprint.before_request(_redirect_to_login)
    blueprint.before_request(_require_owner)
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


def _require_owner() -> None:
    """Refuse any request that changes something to a researcher who may only look."""
    changes = request.method not in ("GET", "HEAD", "OPTIONS")
    anyone_may = PUBLIC_ENDPOINTS | VIEWER_ENDPOINTS
    if changes and request.endpoint not in anyone_may and not is_owner():
        abort(403)


def is_owner() -> bool:
    """Return whether the signed-in researcher may change studies."""
    return g.researcher is not None and g.researcher.role is Role.OWNER


def _forbid_caching(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, no-store"
    return response


def app_settings() -> Settings:
    """Return the settings of the running app."""
    configured: Settings = current_app.extensions["settings"]
    return configured
