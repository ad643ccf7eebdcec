"""The routes of the trial API that need no token: a study's texts, and enrollment."""

import secrets
from importlib.metadata import version
from typing import Any

from flask import Response, abort, current_app, g, request
from flask_openapi3 import APIBlueprint, Info, OpenAPI, Tag
from limits import parse

from study_server.errors import StudyError
from study_server.participants import admission, enrollment, identities, participation
from study_server.protocol.model import parse_stored_protocol
from study_server.recruitment.invitations import read_invitation
from study_server.storage.models import Study
from study_server.studies import lookup
from study_server.views.api import trial_routes
from study_server.views.api.reply_models import (
    EnrollmentReply,
    ErrorReply,
    StudyDescription,
    StudyTexts,
    describe_errors,
)
from study_server.views.api.request_models import ConsentRequest, StudyPath
from study_server.views.api.trial_routes import Reply
from study_server.views.language import gettext, set_language
from study_server.views.people import find_person
from study_server.vocabulary import Mode, RecruitmentSource
from study_server.web.limits import (
    TooManyUnansweredError,
    count_enrollment,
    limit_attempts,
    require_room,
)
from study_server.wording.stored import render_wording

PREFIX = "/api/v1"
MISS_LIMIT = parse("10 per minute")  # per IP address, of ids whose participant has started
DOCUMENT: dict[str, Any] = {  # arguments of flask-openapi3's application
    "info": Info(title="Hue & Eye, trial API", version=version("hue-and-eye")),
    "security_schemes": {"token": {"type": "http", "scheme": "bearer"}},
    "validation_error_status": 400,
    "validation_error_model": ErrorReply,
    "validation_error_callback": trial_routes.handle_validation_error,
    "doc_ui": False,
}


def operation_id(*, name: str, path: str, method: str) -> str:
    """Return the operation's id in the OpenAPI document: its function's name, which is unique."""
    return name


public_routes = APIBlueprint(
    "public_api",
    __name__,
    url_prefix=PREFIX,
    operation_id_callback=operation_id,
    abp_tags=[Tag(name="study", description="Public, without a token")],
    abp_responses=describe_errors(400, 405),
)


@public_routes.after_request
def allow_all_origins(response: Response) -> Response:
    """Allow requests from all origins: without cookies, no page can act for a participant."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    response.headers["Access-Control-Allow-Methods"] = "GET, POST"
    response.headers["Access-Control-Max-Age"] = "86400"
    response.headers.setdefault("Cache-Control", "private, no-store")
    return response


public_routes.before_request(trial_routes.require_json)


@public_routes.get("/openapi.json", doc_ui=False)
def openapi() -> Reply:
    """Get this description of the API."""
    assert isinstance(current_app, OpenAPI)
    return {**current_app.api_doc, "servers": [{"url": request.script_root or "/"}]}


@public_routes.get("/studies/<slug>", responses={200: StudyDescription, **describe_errors(404)})
def describe_study(path: StudyPath) -> Reply:
    """Get the texts of a study."""
    study = _find_study(path.slug)
    protocol = parse_stored_protocol(study.protocol)
    return StudyDescription(
        slug=study.slug,
        state=study.state,
        minutes=protocol.estimated_minutes,
        trials=sum(protocol.planned_trials.values()),
        task=protocol.task,
        presentation=protocol.presentation,
        question=study.question,
        texts={language: _study_texts(study, language) for language in protocol.languages},
    ).model_dump(mode="json")


def _study_texts(study: Study, language: str) -> StudyTexts:
    return StudyTexts.model_validate(render_wording(g.db, study, language), from_attributes=True)


@public_routes.post(
    "/studies/<slug>/participants",
    responses={201: EnrollmentReply, **describe_errors(403, 404, 409, 413, 415, 429)},
)
def create_participant(path: StudyPath, body: ConsentRequest) -> Reply:
    """Give consent and enroll, or return to an enrollment."""
    study = _find_study(path.slug)
    wording = render_wording(g.db, study, body.language)
    set_language(wording.language)
    if body.consent_version != wording.consent_version:
        error = "consent_version: the consent text has changed; show the current one and ask again"
        return {"error": error}, 409
    mode, external_id = _mode_and_external_id(path.slug, body)
    existing = identities.find_by_external_id(g.db, study, external_id, RecruitmentSource.LINK)
    if existing and body.invitation is None and participation.has_started(g.db, existing):
        limit_attempts(MISS_LIMIT, "started elsewhere")
        return {"error": "external_id: participant has already started; use their token"}, 409
    is_new = mode is Mode.LIVE and existing is None
    try:
        if is_new:
            require_room(g.db)
        participant = admission.admit_participant(
            g.db,
            study,
            external_id,
            mode,
            RecruitmentSource.LINK,
            wording.language,
            body.invitation is not None,
            person=find_person(study, RecruitmentSource.LINK, _lasting_id(body)),
            address=body.link_parameters,
        )
    except admission.StudyNotOpenError:
        return {"error": f"the study is {study.state}"}, 403
    except enrollment.NoStimuliError:
        return {"error": "the study has no images yet"}, 403
    except admission.NotInvitedError:
        return {"error": "invitation: required by this study"}, 403
    except admission.TookPartBeforeError:
        return {"error": "external_id: participant was in a study that this one excludes"}, 403
    except enrollment.WithdrawnError:
        return {"error": "external_id: participant has withdrawn and cannot take part again"}, 403
    except TooManyUnansweredError:
        return {"error": "too many people at this IP address have started without answering"}, 429
    except enrollment.StudyFullError:
        return {
            "error": gettext("This study is full at the moment. Thank you for your interest.")
        }, 403
    g.db.commit()
    if is_new:
        count_enrollment(participant)
    return EnrollmentReply(token=participant.token).model_dump(), 201


def _lasting_id(body: ConsentRequest) -> str | None:
    """Return the front end's id of a person, which should be the same in all of its studies."""
    return body.external_id if body.invitation is None else None


def _find_study(slug: str) -> Study:
    try:
        return lookup.find_study(g.db, slug)
    except StudyError:
        abort(404)


def _mode_and_external_id(slug: str, body: ConsentRequest) -> tuple[Mode, str]:
    """Return the mode and id of the invitation, or else live and the id from the front end."""
    if body.invitation is None:
        return Mode.LIVE, body.external_id or secrets.token_urlsafe(16)
    invited = read_invitation(current_app.config["SECRET_KEY"], slug, body.invitation)
    return invited if invited is not None else abort(404)
