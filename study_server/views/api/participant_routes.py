"""The routes of the trial API for one participant, who is identified by a token."""

from flask import g, request
from flask.typing import ResponseReturnValue
from flask_openapi3 import APIBlueprint, Tag

from study_server.participants import current_trial, participation, scoring, withdrawal
from study_server.questionnaire import screening, submission
from study_server.questionnaire.answers import InvalidAnswersError
from study_server.views.api import trial_routes
from study_server.views.api.reply_models import (
    FinalScore,
    ParticipationResult,
    PendingQuestions,
    ScreeningQuestions,
    StudyQuestion,
    describe_errors,
)
from study_server.views.api.request_models import (
    CommentRequest,
    PlatePath,
    QuestionsRequest,
    ScreeningRequest,
)
from study_server.views.api.routes import PREFIX, allow_all_origins, operation_id
from study_server.views.api.trial_routes import Reply
from study_server.views.language import gettext, set_language
from study_server.wording.stored import render_wording

TOKEN_MISSING = {"error": "Authorization: Bearer TOKEN is missing, or the token is unknown"}
participant_routes = APIBlueprint(
    "api",
    __name__,
    url_prefix=PREFIX,
    operation_id_callback=operation_id,
    abp_tags=[Tag(name="participant", description="Requires a participant's token")],
    abp_security=[{"token": []}],
    abp_responses=describe_errors(400, 401, 405),
)
participant_routes.after_request(allow_all_origins)


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
    if request.endpoint in trial_routes.TRIAL_ENDPOINTS:
        language = current_trial.find_language(g.db, g.token)
    else:
        writes = request.method == "POST"
        g.participant = participation.find_participant(g.db, g.token, for_update=writes)
        language = g.participant.language if g.participant is not None else None
    if language is not None:
        set_language(language)
    return language is not None


trial_routes.add_trial_routes(participant_routes)  # after _load_participant, which must run first


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
    "/screening", responses={204: trial_routes.STORED_REPLY, **describe_errors(413, 415)}
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
    responses={200: trial_routes.PNG_REPLY, **describe_errors(404, 410)},
)
def send_plate(path: PlatePath) -> Reply:
    """Get a color plate, until the questions are answered."""
    return trial_routes.plate_image(path.number)


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
    "/questions", responses={204: trial_routes.STORED_REPLY, **describe_errors(409, 413, 415)}
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
    "/comment", responses={204: trial_routes.STORED_REPLY, **describe_errors(413, 415)}
)
def store_comment(body: CommentRequest) -> Reply:
    """Store a comment."""
    participation.store_comment(g.participant, body.comment)
    g.db.commit()
    return "", 204


@participant_routes.post(
    "/withdraw",
    responses={204: trial_routes.STORED_REPLY, **describe_errors(413, 415)},
)
def withdraw() -> Reply:
    """Withdraw: delete the participant and all answers."""
    withdrawal.delete_participant(g.db, g.participant)
    return "", 204
