"""The application: the only module that puts the parts of the server together."""

from threading import BoundedSemaphore

from flask import Flask, Response, current_app, g, render_template, request
from flask.globals import request_ctx
from flask.typing import ResponseReturnValue
from flask_openapi3 import OpenAPI
from flask_wtf.csrf import CSRFError, CSRFProtect
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException, ServiceUnavailable
from werkzeug.middleware.proxy_fix import ProxyFix

from study_server.languages import N_
from study_server.settings import Settings, find_resource_folder, read_settings, require_secret
from study_server.storage.engine import open_engine, writable_engine
from study_server.storage.schema import ensure_current_schema
from study_server.views import code_marks, health, language
from study_server.views.api.participant_routes import participant_routes
from study_server.views.api.routes import DOCUMENT, public_routes
from study_server.views.api.trial_routes import TRIAL_ENDPOINTS, StrictJsonProvider
from study_server.views.language import gettext
from study_server.views.participant import entrance, pages, questions, screening
from study_server.views.researcher import login, studies
from study_server.views.researcher.study import (
    data,
    downloads,
    jobs,
    overview,
    pay,
    publish,
    recruit,
    rehearse,
    report,
    stimuli,
)
from study_server.views.researcher.study import settings as study_settings
from study_server.views.researcher.study.draft import freeze, protocol, wording
from study_server.views.researcher.study.people import comments, participant
from study_server.web import bodies, logs, metrics
from study_server.web.cookies import SessionInterface, cookie_name
from study_server.web.headers import build_security_headers
from study_server.web.limits import UnansweredEnrollments
from study_server.web.path_prefix import PathPrefix

RETRY_AFTER_S = 5
# Threads that read compete for the interpreter between any two of their statements; a writer, which
# others wait for, would have to compete with all of them.
MAX_CONCURRENT_READS = 4
BLUEPRINTS = (
    entrance.pages,
    screening.pages,
    questions.pages,
    pages.pages,
    pages.player_routes,
    login.pages,
    studies.pages,
    overview.pages,
    jobs.pages,
    downloads.pages,
    rehearse.pages,
    report.pages,
    protocol.pages,
    wording.pages,
    freeze.pages,
    participant.pages,
    comments.pages,
    recruit.pages,
    data.pages,
    publish.pages,
    stimuli.pages,
    pay.pages,
    study_settings.pages,
    health.pages,
)
API_BLUEPRINTS = (public_routes, participant_routes)
# They use no cookie, so no other page can forge their requests.
TOKEN_ONLY = (
    pages.pages,
    pages.player_routes,
    screening.pages,
    questions.pages,
    *API_BLUEPRINTS,
)


class StudyServer(logs.StudyFlask, OpenAPI):
    """Flask with the log of this server and the OpenAPI document of its API."""


def create_app(settings: Settings | None = None, engine: Engine | None = None) -> Flask:
    """Create the study server as a WSGI application; raises StudyError if it cannot run."""
    settings = settings or read_settings()
    require_secret(settings)
    app = StudyServer(
        __name__,
        template_folder=find_resource_folder("templates"),
        static_folder=find_resource_folder("static"),
        **DOCUMENT,
    )
    _configure(app, settings)
    connect(app, settings, engine or open_engine(settings.database_url))
    language.init_app(app)
    code_marks.init_app(app)
    _register_routes(app)
    logs.init_app(app)
    metrics.init_app(app, settings.metrics_token)
    _register_handlers(app)
    if settings.path_prefix:
        app.wsgi_app = PathPrefix(app.wsgi_app, settings.path_prefix)  # type: ignore[method-assign]
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0)  # type: ignore[method-assign]  # as Flask documents it
    return app


def connect(app: Flask, settings: Settings, engine: Engine) -> None:
    """Connect an application to a database; what it counts starts at 0. Raises StudyError."""
    app.extensions["settings"] = settings
    app.extensions["engine"] = engine
    app.extensions["writer"] = writable_engine(engine)
    app.extensions["read_slots"] = BoundedSemaphore(MAX_CONCURRENT_READS)
    ensure_current_schema(engine)
    app.extensions["limiter"] = FixedWindowRateLimiter(MemoryStorage())
    app.extensions["unanswered"] = UnansweredEnrollments(settings.max_unanswered)


def _configure(app: Flask, settings: Settings) -> None:
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=bodies.MAX_BODY_BYTES,
        SESSION_COOKIE_NAME=cookie_name(settings.secret_key),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,  # images are sent without a cookie
        SESSION_COOKIE_PATH=settings.path_prefix or "/",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https://"),
        WTF_CSRF_TIME_LIMIT=None,  # people read consent forms slowly
        WTF_CSRF_SSL_STRICT=False,  # it requires a Referer, which our Referrer-Policy withholds
    )
    app.json = StrictJsonProvider(app)
    app.session_interface = SessionInterface()


def _register_routes(app: OpenAPI) -> None:
    app.before_request(bodies.admit_tables)  # the next line reads forms
    csrf = CSRFProtect(app)
    for blueprint in TOKEN_ONLY:
        csrf.exempt(blueprint)
    csrf.exempt(entrance.consent)  # it checks its CSRF token itself
    csrf.exempt(entrance.turn_away)  # it stores nothing but a count
    csrf.exempt(stimuli.upload)  # it checks its CSRF token itself, before the file arrives
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    for blueprint in API_BLUEPRINTS:
        app.register_api(blueprint)


def _register_handlers(app: Flask) -> None:
    app.before_request(bodies.read_body)
    app.before_request(bodies.reject_nul_characters)
    app.before_request(_open_database)
    app.teardown_request(_close_database)
    app.after_request(_add_security_headers)
    app.register_error_handler(HTTPException, _handle_http_error)
    app.register_error_handler(OperationalError, _handle_database_error)
    app.register_error_handler(PoolTimeoutError, _handle_database_error)


def _open_database() -> None:
    is_read = request.method in ("GET", "HEAD")
    if is_read:
        current_app.extensions["read_slots"].acquire()
        g.holds_read_slot = True
    engine: Engine = current_app.extensions["engine" if is_read else "writer"]
    is_trial_request = request.endpoint in TRIAL_ENDPOINTS and request.method != "OPTIONS"
    g.db = engine.connect() if is_trial_request else Session(engine)


def _close_database(_error: BaseException | None) -> None:
    db = g.pop("db", None)
    try:
        if db is not None:
            db.close()  # rolls back what was not committed
    except OperationalError:  # the database has ended the connection
        db.invalidate()
    finally:
        if g.pop("holds_read_slot", False):
            current_app.extensions["read_slots"].release()


def _add_security_headers(response: Response) -> Response:
    headers = build_security_headers(
        g.get("framed_by", ()), g.get("forms_to", ()), g.get("policy"), g.get("frames", ())
    )
    response.headers.extend(headers)
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response


ERROR_MESSAGES = {  # by status: title, message
    400: (
        N_("That didn’t work"),
        N_("The server could not understand the request. Please go back and try again."),
    ),
    403: ("Not allowed", "You are signed in as a viewer; only an owner can change a study."),
    404: (N_("Page not found"), N_("Check that you copied the whole link.")),
    405: (
        N_("Page not found"),
        N_("This address can’t be opened directly. Please go back to the study."),
    ),
    429: (N_("Too many attempts"), N_("Please wait a minute, then try again.")),
    503: (
        N_("Please wait a moment"),
        N_(
            "The server can’t save anything right now. All saved answers are safe, and your "
            "browser will keep trying to send the last one. Please reload this page in a minute."
        ),
    ),
    500: (
        N_("Something went wrong"),
        N_(
            "This is our fault, not yours. All saved answers are safe. Please reload the page to "
            "continue."
        ),
    ),
}


COOKIE_MESSAGE = (
    N_("A cookie is missing"),
    N_(
        "This page needs a cookie, and your browser did not send it. Please allow cookies for this "
        "site in your browser’s settings, go back, reload the page and try again."
    ),
)


def _handle_http_error(error: HTTPException) -> ResponseReturnValue:
    """Reply with a page to people and with JSON to programs."""
    code = error.code or 500
    texts = ERROR_MESSAGES.get(code, ERROR_MESSAGES[400 if code < 500 else 500])
    title, message = map(gettext, COOKIE_MESSAGE if isinstance(error, CSRFError) else texts)
    headers = {"Retry-After": str(RETRY_AFTER_S)} if code == 503 else {}
    if request.is_json or request.path.startswith("/api/"):
        return {"error": message, "detail": error.description or error.name}, code, headers
    if request_ctx.url_adapter is None:  # the Host header is invalid, and a page needs links
        return f"{message}\n", 400, {"Content-Type": "text/plain; charset=utf-8"}
    page = render_template("participant/message.html", title=title, message=message)
    return page, code, headers


def _handle_database_error(error: OperationalError | PoolTimeoutError) -> ResponseReturnValue:
    """Answer 503: the database is locked, full or gone, and nothing of the request is stored."""
    logs.log_database_error(error)
    return _handle_http_error(ServiceUnavailable())
