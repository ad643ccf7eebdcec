"""The trial API, with which a lab's own front end runs a study.

It calls the same services as the participants' pages. It uses no cookies: the header
`Authorization: Bearer TOKEN` identifies the participant, so requests from all origins are safe.
"""

import secrets
from importlib.metadata import version
from typing import Any

from flask import Response, abort, current_app, g, request
from flask.typing import ResponseReturnValue
from flask_openapi3 import APIBlueprint, Info, OpenAPI, Tag
from limits import parse

from study_server.errors import StudyError
from study_server.participants import (
    current_trial,
    enrollment,
    identities,
    participation,
    scoring,
    screening,
    withdrawal,
)
from study_server.protocol.model import parse_stored_protocol
from study_server.questionnaire import submission
from study_server.questionnaire.answers import InvalidAnswersError
from study_server.recruitment.invitations import read_invitation
from study_server.storage.models import Study
from study_server.studies import lookup
from study_server.views.api import trial_json
from study_server.views.api.reply_models import (
    EnrollmentReply,
    ErrorReply,
    FinalScore,
    ParticipationResult,
    PendingQuestions,
    ScreeningQuestions,
    StudyDescription,
    StudyQuestion,
    StudyTexts,
    describe_errors,
)
from study_server.views.api.request_models import (
    CommentRequest,
    ConsentRequest,
    PlatePath,
    QuestionsRequest,
    ScreeningRequest,
    StudyPath,
)
from study_server.views.api.trial_json import Reply
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
TOKEN_MISSING = {"error": "Authorization: Bearer TOKEN is missing, or the token is unknown"}
DOCUMENT: dict[str, Any] = {  # arguments of flask-openapi3's application
    "info": Info(title="Hue & Eye, trial API", version=version("hue-and-eye")),
    "security_schemes": {"token": {"type": "http", "scheme": "bearer"}},
    "validation_error_status": 400,
    "validation_error_model": ErrorReply,
    "validation_error_callback": trial_json.handle_validation_error,
    "doc_ui": False,
}


def _operation_id(*, name: str, path: str, method: str) -> str:
    """Return the operation's id in the OpenAPI document: its function's name, which is unique."""
    return name


public_routes = APIBlueprint(
    "public_api",
    __name__,
    url_prefix=PREFIX,
    operation_id_callback=_operation_id,
    abp_tags=[Tag(name="study", description="Public, without a token")],
    abp_responses=describe_errors(400, 405),
)
participant_routes = APIBlueprint(
    "api",
    __name__,
    url_prefix=PREFIX,
    operation_id_callback=_operation_id,
    abp_tags=[Tag(name="participant", description="Requires a participant's token")],
    abp_security=[{"token": []}],
    abp_responses=describe_errors(400, 401, 405),
)


@public_routes.after_request
@participant_routes.after_request
def _allow_all_origins(response: Response) -> Response:
    """Allow requests from all origins: without cookies, no page can act for a participant."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    response.headers["Access-Control-Allow-Methods"] = "GET, POST"
    response.headers["Access-Control-Max-Age"] = "86400"
    response.headers.setdefault("Cache-Control", "private, no-store")
    return response


public_routes.before_request(trial_json.require_json)


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
        participant = enrollment.admit_participant(
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
    except enrollment.StudyNotOpenError:
        return {"error": f"the study is {study.state}"}, 403
    except enrollment.NoStimuliError:
        return {"error": "the study has no images yet"}, 403
    except enrollment.NotInvitedError:
        return {"error": "invitation: required by this study"}, 403
    except enrollment.TookPartBeforeError:
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


@participant_routes.before_request
def _load_participant() -> ResponseReturnValue | None:
    if request.method == "OPTIONS":
        return None  # a preflight request carries no token
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    g.token, g.base = token.strip(), PREFIX
    if kind.lower() != "bearer" or not _has_valid_token():
        return TOKEN_MISSING, 401, {"WWW-Authenticate": "Bearer"}
    return None


def _has_valid_token() -> bool:
    if request.endpoint in trial_json.TRIAL_ENDPOINTS:
        language = current_trial.find_language(g.db, g.token)
    else:
        writes = request.method == "POST"
        g.participant = participation.find_participant(g.db, g.token, for_update=writes)
        language = g.participant.language if g.participant is not None else None
    if language is not None:
        set_language(language)
    return language is not None


trial_json.add_trial_routes(participant_routes)  # after _load_participant, which must run first


@participant_routes.get("/screening", responses={200: ScreeningQuestions})
def show_screening() -> Reply:
    """Get the screening questions."""
    protocol = participation.protocol_of(g.participant)
    return ScreeningQuestions(
        is_pending=screening.is_screening_pending(g.db, g.participant),
        color_vision=protocol.color_vision != "unasked",
        night_light=protocol.night_light != "unasked",
        plates=[f"{g.base}/screening/plates/{number}" for number in range(protocol.plates)],
    ).model_dump()


@participant_routes.post(
    "/screening", responses={204: trial_json.STORED_REPLY, **describe_errors(413, 415)}
)
def store_screening(body: ScreeningRequest) -> Reply:
    """Answer the screening questions; the first answers are final.

    The result then shows whether the participant was screened out.
    """
    answers = screening.ScreeningAnswers(**body.model_dump())
    try:
        screening.store_screening(g.db, g.participant, answers)
    except screening.IncompleteScreeningError:
        return {"error": f"answer all questions of {PREFIX}/screening"}, 400
    g.db.commit()
    return "", 204


@participant_routes.get(
    "/screening/plates/<int:number>",
    responses={200: trial_json.PNG_REPLY, **describe_errors(404, 410)},
)
def send_plate(path: PlatePath) -> Reply:
    """Get a color plate, until the questions are answered."""
    return trial_json.plate_image(path.number)


@participant_routes.get("/questions", responses={200: PendingQuestions})
def show_questions() -> Reply:
    """Get the study's own questions that are to be answered now.

    They come before the first trial, after the screening, or after the last trial.
    """
    page = submission.find_pending_page(g.db, g.participant)
    protocol, language = participation.protocol_of(g.participant), g.participant.language
    fallback = protocol.languages[0]
    questions = protocol.questions_on(page) if page is not None else ()
    return PendingQuestions(
        page=page,
        questions=[
            StudyQuestion(
                name=question.name,
                text=question.text_in(language, fallback),
                kind=question.kind,
                options=list(question.options_in(language, fallback)),
                required=question.required,
            )
            for question in questions
        ],
    ).model_dump(mode="json")


@participant_routes.post(
    "/questions", responses={204: trial_json.STORED_REPLY, **describe_errors(409, 413, 415)}
)
def store_questions(body: QuestionsRequest) -> Reply:
    """Answer the study's own questions; the first answers of a page are final."""
    try:
        submission.store_page(g.db, g.participant, body.page, body.answers)
    except submission.PageNotDueError:
        return {"error": f"page: the questions {body.page} the trials cannot be answered now"}, 409
    except InvalidAnswersError as error:
        name, problem = next(iter(error.problems.items()))
        return {"error": f"answers.{name}: {gettext(problem)}"}, 400
    g.db.commit()
    return "", 204


@participant_routes.get("/result", responses={200: ParticipationResult})
def show_result() -> Reply:
    """Get the outcome and the completion code."""
    is_pending = submission.find_pending_page(g.db, g.participant) is not None
    code = None if is_pending else scoring.completion_code(g.participant)
    reply = ParticipationResult(outcome=g.participant.outcome, code=code, score=None, debrief=None)
    if code is not None:
        score = scoring.final_score(g.db, g.participant)
        reply.score = FinalScore.model_validate(score) if score else None
        wording = render_wording(g.db, g.participant.study, g.participant.language)
        reply.debrief = str(wording.debrief)  # only now, because it reveals the purpose
    return reply.model_dump(mode="json")


@participant_routes.post(
    "/comment", responses={204: trial_json.STORED_REPLY, **describe_errors(413, 415)}
)
def store_comment(body: CommentRequest) -> Reply:
    """Store a comment."""
    participation.store_comment(g.participant, body.comment)
    g.db.commit()
    return "", 204


@participant_routes.post(
    "/withdraw",
    responses={204: trial_json.STORED_REPLY, **describe_errors(413, 415)},
)
def withdraw() -> Reply:
    """Withdraw: delete the participant and all answers."""
    withdrawal.delete_participant(g.db, g.participant)
    return "", 204
