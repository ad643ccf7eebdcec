"""The trial API: a lab's own front end drives a study, with the services that the pages have.

No cookie: who takes part says the header `Authorization: Bearer TOKEN`, so any origin may ask.
"""

import secrets

from flask import Blueprint, Response, abort, current_app, g, request
from flask.typing import ResponseReturnValue
from pydantic import ValidationError

from study_server.api_models import (
    CommentBody,
    ConsentBody,
    Eligibility,
    EligibilityBody,
    Enrolled,
    Result,
    Score,
    StudyDescription,
    Texts,
)
from study_server.errors import StudyError
from study_server.openapi import describe_api
from study_server.participants import (
    current_trial,
    enrollment,
    participation,
    scoring,
    screening,
    withdrawal,
)
from study_server.protocol.model import stored_protocol
from study_server.recruitment.invitations import read_invitation
from study_server.storage.engine import scrub_in_the_end
from study_server.storage.models import Study
from study_server.studies import lookup
from study_server.views import answering
from study_server.views.eligibility import send_plate
from study_server.views.speech import gettext, set_language
from study_server.vocabulary import Kind, Mode, Source
from study_server.wording.stored import render_wording

doors = Blueprint("doors", __name__, url_prefix="/api")  # for whoever is no participant yet
mine = Blueprint("api", __name__, url_prefix="/api")
answering.add_routes(mine)
mine.add_url_rule("/eligibility/plates/<int:number>", view_func=send_plate)
SCREENED = ("api.resume", "api.next_trials")  # for whoever has answered what is asked before
doors.register_error_handler(ValidationError, answering.refuse)


@doors.after_request
@mine.after_request
def _share(response: Response) -> Response:
    """With pages of every origin: none of them sends a cookie along, so none acts for anybody."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    response.headers["Access-Control-Allow-Methods"] = "GET, POST"
    response.headers["Access-Control-Max-Age"] = "86400"
    response.headers.setdefault("Cache-Control", "private, no-store")
    return response


@doors.get("/openapi.json")
def openapi() -> ResponseReturnValue:
    return describe_api()


@doors.get("/studies/<slug>")
def describe(slug: str) -> ResponseReturnValue:
    study = _study(slug)
    protocol = stored_protocol(study.protocol)
    return StudyDescription(
        slug=slug,
        state=study.state,
        minutes=protocol.minutes,
        trials=sum(protocol.planned.values()),
        presentation=protocol.presentation,
        question=protocol.question,
        texts={language: _texts(study, language) for language in protocol.languages},
    ).model_dump(mode="json")


def _texts(study: Study, language: str) -> Texts:
    return Texts.model_validate(render_wording(g.db, study, language), from_attributes=True)


@doors.post("/studies/<slug>/participants")
def enroll(slug: str) -> ResponseReturnValue:
    study, body = _study(slug), ConsentBody.model_validate(answering.read_json())
    wording = render_wording(g.db, study, body.language)
    set_language(wording.language)
    if body.consent_version != wording.consent_version:
        return {"error": "consent_version: this is not the text of now; show that, ask again"}, 409
    mode, person = _who(slug, body)
    known = enrollment.find_person(g.db, study, person, Source.LINK)
    if known is not None and body.invitation is None and participation.has_begun(g.db, known):
        return {"error": "person: has begun already; go on with the token that was given then"}, 409
    try:
        participant = enrollment.admit(
            g.db, study, person, mode, Source.LINK, wording.language, body.invitation is not None
        )
    except enrollment.NotOpen:
        return {"error": f"the study is {study.state}"}, 403
    except enrollment.NotInvited:
        return {"error": "invitation: the study takes nobody in without one"}, 403
    except enrollment.StudyFull:
        return {
            "error": gettext("This study is full at the moment. Thank you for your interest.")
        }, 403
    g.db.commit()
    return Enrolled(token=participant.token).model_dump(), 201


def _study(slug: str) -> Study:
    try:
        return lookup.find(g.db, slug)
    except StudyError:
        abort(404)


def _who(slug: str, body: ConsentBody) -> tuple[Mode, str]:
    """The mode and the person: of an invitation, else live and whom the front end names."""
    if body.invitation is None:
        return Mode.LIVE, body.person or secrets.token_urlsafe(16)
    invited = read_invitation(current_app.config["SECRET_KEY"], slug, body.invitation)
    return invited if invited is not None else abort(404)


@mine.before_request
def _load_participant() -> ResponseReturnValue | None:
    if request.method == "OPTIONS":
        return None  # a browser asks whether it may ask; it sends no token yet
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    g.token, g.base = token.strip(), "/api"
    if kind.lower() != "bearer" or not _is_somebody():
        problem = {"error": "Authorization: Bearer TOKEN is missing, or leads to nobody"}
        return problem, 401, {"WWW-Authenticate": "Bearer"}
    if request.endpoint in SCREENED and screening.is_screening_pending(g.db, g.participant):
        return {"error": "/api/eligibility asks something first"}, 409
    return None


def _is_somebody() -> bool:
    if request.endpoint in answering.AT_EVERY_TRIAL:
        language = current_trial.language_of(g.db, g.token)
    else:
        writes = request.method == "POST"
        g.participant = participation.find_participant(g.db, g.token, lock=writes)
        language = g.participant.language if g.participant is not None else None
    if language is not None:
        set_language(language)
    return language is not None


@mine.get("/eligibility")
def ask_eligibility() -> ResponseReturnValue:
    protocol = participation.protocol_of(g.participant)
    return Eligibility(
        pending=screening.is_screening_pending(g.db, g.participant),
        color_vision=protocol.color_vision != "unasked",
        night_light=protocol.night_light != "unasked",
        plates=[f"{g.base}/eligibility/plates/{number}" for number in range(protocol.plates)],
    ).model_dump()


@mine.post("/eligibility")
def answer_eligibility() -> ResponseReturnValue:
    """The first answers stand; the outcome tells whether it goes on."""
    body = EligibilityBody.model_validate(request.get_json())
    answers = screening.ScreeningAnswers(**body.model_dump())
    try:
        screening.store_screening(g.db, g.participant, answers)
    except screening.IncompleteScreeningError:
        return {"error": "something that /api/eligibility asks is not answered"}, 400
    g.db.commit()
    return "", 204


@mine.get("/result")
def result() -> ResponseReturnValue:
    code = scoring.completion_code(g.participant)
    told = Result(outcome=g.participant.outcome, code=code, score=None, debrief=None)
    if code is not None:
        correct, trials = scoring.score(g.db, g.participant, Kind.TEST)
        told.score = Score(correct=correct, trials=trials)
        wording = render_wording(g.db, g.participant.study, g.participant.language)
        told.debrief = str(wording.debrief)  # not before: it tells what the study is about
    return told.model_dump(mode="json")


@mine.post("/comment")
def comment() -> ResponseReturnValue:
    g.participant.comment = CommentBody.model_validate(answering.read_json()).comment
    g.db.commit()
    return "", 204


@mine.post("/withdraw")
def withdraw() -> ResponseReturnValue:
    """Everything of the participant is deleted, at once."""
    withdrawal.withdraw(g.db, g.participant)
    g.db.close()  # its snapshot would keep the log from being emptied
    scrub_in_the_end(current_app.extensions["engine"])
    return "", 204
