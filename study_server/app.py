"""create_app: the only place that wires."""

from flask import Flask, Response, abort, current_app, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import Engine
from werkzeug.exceptions import HTTPException

from study_server import logs
from study_server.database import open_engine, prepare, reading, writing
from study_server.languages import N_
from study_server.security import security_headers
from study_server.settings import Settings, find_folder, read_settings, require_secret
from study_server.views import (
    api,
    downloads,
    eligibility,
    entrance,
    health,
    researcher,
    speech,
    study,
    trials,
)
from study_server.views.speech import gettext

MAX_BODY_BYTES = 64 * 1024

BLUEPRINTS = (
    entrance.pages,
    eligibility.pages,
    trials.pages,
    api.doors,
    api.mine,
    researcher.pages,
    study.pages,
    downloads.pages,
    health.pages,
)


def create_app(settings: Settings | None = None, engine: Engine | None = None) -> Flask:
    """The study server as a WSGI application; raises StudyError where it cannot run."""
    settings = settings or read_settings()
    require_secret(settings)
    app = logs.Server(
        __name__, template_folder=find_folder("templates"), static_folder=find_folder("static")
    )
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        SESSION_COOKIE_NAME="hue_and_eye",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,  # images come without a cookie
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https://"),
        WTF_CSRF_TIME_LIMIT=None,  # people read consent forms slowly
        WTF_CSRF_SSL_STRICT=False,  # it wants a Referer, which our Referrer-Policy withholds
        RATELIMIT_STORAGE_URI="memory://",
    )
    app.extensions["settings"] = settings
    app.extensions["engine"] = engine or open_engine(settings.database_url)
    prepare(app.extensions["engine"])
    speech.install(app)
    csrf = CSRFProtect(app)
    for blueprint in (trials.pages, eligibility.pages, api.doors, api.mine):
        csrf.exempt(blueprint)  # authorised by a token in the address or a header, no cookie
    csrf.exempt(entrance.consent)  # it protects itself where a cookie tells who it is
    researcher.limiter.init_app(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    logs.install(app)
    app.before_request(_refuse_nul)
    app.before_request(_open_db)
    app.teardown_request(_close_db)
    app.after_request(_secure)
    app.register_error_handler(HTTPException, _explain)
    return app


def _refuse_nul() -> None:
    """PostgreSQL cannot even be asked for it."""
    if "\0" in request.path or "\0" in "".join(request.args.values()):
        abort(404)
    if "\0" in "".join(request.form.values()):
        abort(400)


def _open_db() -> None:
    engine = current_app.extensions["engine"]
    g.db = reading(engine) if request.method in ("GET", "HEAD") else writing(engine)


def _close_db(_error: BaseException | None) -> None:
    db = g.pop("db", None)
    if db is not None:
        db.close()  # what was not committed is rolled back


def _secure(response: Response) -> Response:
    for header, value in security_headers(g.get("framed_by", ()), g.get("forms_to", ())).items():
        response.headers.setdefault(header, value)
    return response


MESSAGES = {
    400: (
        N_("That did not work"),
        N_("The page sent something unexpected. Go back and try again."),
    ),
    404: (N_("Nothing here"), N_("This link leads nowhere. Check that it was copied whole.")),
    405: (N_("Nothing here"), N_("This address is not a page of its own.")),
    429: (N_("Too many attempts"), N_("Wait a minute, then try again.")),
    500: (
        N_("Something went wrong"),
        N_("This is our fault, not yours. Every answer that was saved is safe; reload to go on."),
    ),
}


def _explain(error: HTTPException) -> ResponseReturnValue:
    """A page for people, JSON for programs."""
    code = error.code or 500
    title, message = map(gettext, MESSAGES.get(code, MESSAGES[400 if code < 500 else 500]))
    if request.is_json or request.path.startswith("/api/"):
        return {"error": message, "detail": error.description or error.name}, code
    return render_template("participant/message.html", title=title, message=message), code
