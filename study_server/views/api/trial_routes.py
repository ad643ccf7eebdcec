"""The JSON requests of one participant's trials: the next trials, their images, the answers.

The player calls them under the participant's own address, other front ends under /api/v1 with a
token in a header. The same functions serve both.
"""

from dataclasses import asdict
from typing import Any

from flask import Response, abort, current_app, g, make_response, request
from flask.json.provider import DefaultJSONProvider
from flask.typing import ResponseReturnValue
from flask_openapi3 import APIBlueprint
from flask_openapi3.types import ResponseDict
from pydantic import BaseModel, ValidationError

from study_server.participants import (
    current_image,
    current_trial,
    participation,
    replacement,
    responses,
)
from study_server.participants.current_image import StimulusFile
from study_server.questionnaire import screening, submission
from study_server.settings import Settings
from study_server.stimuli.png import encode_png
from study_server.tasks.task import InvalidAnswerError
from study_server.views.api.reply_models import ResponseReply, UpcomingTrialsReply, describe_errors
from study_server.views.api.request_models import (
    EnvironmentRequest,
    ImagePath,
    IncidentRequest,
    ResponseRequest,
    TrialPath,
)
from study_server.views.api.trial_json import describe_upcoming_trials
from study_server.views.language import gettext, set_language
from study_server.vocabulary import QuestionPage

TRIAL_ENDPOINTS = {
    f"{blueprint}.{view}"
    for blueprint in ("player", "api")
    for view in ("send_image", "start", "respond")
}
# flask-openapi3 reads the annotations at run time, when Flask's own type is not available.
Reply = Response | dict[str, Any] | tuple[dict[str, Any] | str, int]
PNG_REPLY = {"description": "An image (8-bit RGB)", "content": {"image/png": {}}}
STORED_REPLY = {"description": "Stored."}


class FirstPagePendingError(Exception):
    """The participant has to answer the questions at this address before the first trial."""


class DamagedStimulusError(Exception):
    """The size of a stimulus file differs from its size at the import."""


class StrictJsonProvider(DefaultJSONProvider):
    """A JSON parser that treats a body nested too deeply as malformed."""

    def loads(self, s: str | bytes, **options: Any) -> Any:
        """Parse JSON. Raises ValueError if it is malformed."""
        try:
            return super().loads(s, **options)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def add_trial_routes(blueprint: APIBlueprint) -> None:
    """Add the trial routes to a blueprint that sets g.participant, g.token and g.base.

    g.token: the participant's token. g.base: the prefix of the addresses. At TRIAL_ENDPOINTS, g.db
    is a Connection and g.participant is not set, because one query by token returns everything they
    need. At other endpoints g.db is a Session.
    """
    trial = "/trials/<trial_token>"
    upcoming: ResponseDict = {200: UpcomingTrialsReply, **describe_errors(409)}
    png: ResponseDict = {200: PNG_REPLY, **describe_errors(404, 409, 410)}
    sent: ResponseDict = describe_errors(413, 415)
    stored: ResponseDict = {204: STORED_REPLY, **sent}
    answered: ResponseDict = {200: ResponseReply}
    of_trial: ResponseDict = {**sent, **describe_errors(404, 409)}
    blueprint.post("/resume", responses=upcoming | sent)(resume)
    blueprint.get("/trials", responses=upcoming)(next_trials)
    blueprint.get(f"{trial}/<int:slot>", responses=png)(send_image)
    blueprint.post(f"{trial}/start", responses=stored | of_trial)(start)
    blueprint.post(f"{trial}/incident", responses=stored | of_trial)(report_incident)
    blueprint.post(f"{trial}/response", responses=answered | of_trial)(respond)
    blueprint.post("/environment", responses=stored)(store_environment)
    blueprint.before_request(require_json)
    blueprint.register_error_handler(current_trial.UnknownTrialError, _handle_unknown_trial)
    blueprint.register_error_handler(current_trial.VoidedTrialError, _handle_voided_trial)
    blueprint.register_error_handler(
        current_trial.ParticipationOverError, _handle_participation_over
    )
    blueprint.register_error_handler(InvalidAnswerError, _handle_invalid_answer)
    blueprint.register_error_handler(FirstPagePendingError, _handle_first_page_pending)


def require_json() -> None:
    """Refuse a body of another content type (415) and malformed JSON (400).

    flask-openapi3, which reads the body afterwards, would treat both as a missing body.
    """
    if request.method == "POST" and request.get_data():
        request.get_json()


def resume() -> Reply:
    """Start or resume: get the next trials.

    An interrupted trial is replaced, because its images were seen.
    """
    _require_first_pages()
    replacement.void_interrupted_trials(g.db, g.participant)
    reply = next_trials()  # in the same transaction, to avoid waiting for a second one
    g.db.commit()
    return reply


def next_trials() -> Reply:
    """Get the next trials."""
    _require_first_pages()
    person = participation.to_current_participant(g.participant)
    ahead = current_trial.load_upcoming_trials(g.db.connection(), person)
    return _send_json(
        UpcomingTrialsReply.model_validate(describe_upcoming_trials(ahead, person, g.base))
    )


def _require_first_pages() -> None:
    """Raise FirstPagePendingError unless all pages before the first trial are answered."""
    if screening.is_screening_pending(g.db, g.participant):
        raise FirstPagePendingError("screening")
    if submission.find_pending_page(g.db, g.participant) is QuestionPage.BEFORE:
        raise FirstPagePendingError("questions")


def _send_json(model: BaseModel) -> Response:
    return Response(model.model_dump_json(), mimetype="application/json")


def send_image(path: ImagePath) -> Reply:
    """Get an image of a trial, until the trial is answered."""
    try:
        file = current_image.find_stimulus_file(g.db, g.token, path.trial_token, path.slot)
    except current_image.ImageGoneError:
        abort(410)
    return _send_file(file)


def _send_file(file: StimulusFile) -> Response:
    """Send a stimulus. All stimuli have identical headers: no ETag, no date, no ranges.

    If nginx serves the stimuli, it sends the file; docs/deploy.md lists the headers that it must
    not add. Raises DamagedStimulusError if the size of the file has changed since the import,
    because a browser would show a part of a truncated image. The player then reports an incident,
    and the trial counts as not shown. While the server still fetches stimuli from the bucket, which
    it never does for one request, the reply is 503 for all of a study.
    """
    settings: Settings = current_app.extensions["settings"]
    headers = {"Cache-Control": "private, no-store"}
    path = settings.stimuli_folder / file.name
    if settings.stimuli_url and not path.is_file():
        abort(503)
    if settings.x_accel_prefix:
        _require_size(file, path.stat().st_size)
        headers["X-Accel-Redirect"] = f"{settings.x_accel_prefix}/{file.name}"
        return Response(mimetype="image/png", headers=headers)
    content = path.read_bytes()
    _require_size(file, len(content))
    return Response(content, mimetype="image/png", headers=headers)


def _require_size(file: StimulusFile, size_bytes: int) -> None:
    if size_bytes != file.size_bytes:
        raise DamagedStimulusError(file.name)


def plate_image(number: int) -> Response:
    """Return one of the participant's color plates; 410 once the questions are answered."""
    if not screening.is_screening_pending(g.db, g.participant):
        abort(410)
    try:
        picture = screening.draw_participant_plate(g.participant, number)
    except IndexError:
        abort(404)
    headers = {"Cache-Control": "private, no-store"}
    return Response(encode_png(picture), mimetype="image/png", headers=headers)


def _find_current_trial(trial_token: str) -> current_trial.CurrentTrial:
    try:
        showing = current_trial.find_current_trial(g.db, g.token, trial_token)
    except current_trial.UnknownTrialError:
        set_language(current_trial.find_language(g.db, g.token) or abort(404))
        raise
    set_language(showing.participant.language)
    return showing


def _commit_and_close() -> None:
    """Commit and release the connection before building the reply, so that others can use it."""
    g.db.commit()
    g.db.close()


def start(path: TrialPath) -> Reply:
    """Report that the images are about to be shown."""
    current_trial.start_trial(g.db, _find_current_trial(path.trial_token))
    _commit_and_close()
    return "", 204


def report_incident(path: TrialPath, body: IncidentRequest) -> Reply:
    """Report that an image failed to load; the trial is replaced."""
    replacement.report_incident(g.db, g.participant, path.trial_token, body.slot, body.status)
    g.db.commit()
    return "", 204


def respond(path: TrialPath, body: ResponseRequest) -> Reply:
    """Store an answer; the first one is final."""
    answer = responses.SubmittedResponse(
        answer=body.answer,
        rt_ms=body.rt_ms,
        first_ms=body.first_ms,
        second_ms=body.second_ms,
        first_frames=body.first_frames,
        second_frames=body.second_frames,
        early_inputs=body.early_inputs,
        repeated_inputs=body.repeated_inputs,
        input=body.input,
        scale=body.scale,
        flags=frozenset(body.flags),
        message_id=body.id,
    )
    showing = _find_current_trial(path.trial_token)
    recorded = responses.record_response(g.db, showing, answer)
    _commit_and_close()
    feedback = recorded.feedback and asdict(recorded.feedback)
    upcoming = describe_upcoming_trials(recorded.upcoming, showing.participant, g.base)
    return _send_json(ResponseReply.model_validate({"feedback": feedback, **upcoming}))


def store_environment(body: EnvironmentRequest) -> Reply:
    """Describe the screen; the first description is final."""
    participation.store_environment(g.db, g.participant, **body.model_dump())
    g.db.commit()
    return "", 204


def _handle_unknown_trial(_error: current_trial.UnknownTrialError) -> ResponseReturnValue:
    return {"error": gettext("This trial doesn’t exist.")}, 404


def _handle_voided_trial(_error: current_trial.VoidedTrialError) -> ResponseReturnValue:
    return {
        "error": gettext("This trial was interrupted and has been replaced by another one.")
    }, 409


def _handle_participation_over(_error: current_trial.ParticipationOverError) -> ResponseReturnValue:
    _commit_and_close()  # keep the outcome that the request has just changed
    return {"error": gettext("You can’t give any more answers in this study.")}, 409


def _handle_invalid_answer(error: InvalidAnswerError) -> ResponseReturnValue:
    return {"error": str(error)}, 400


def _handle_first_page_pending(error: FirstPagePendingError) -> ResponseReturnValue:
    return {"error": f"answer the questions of {g.base}/{error} first"}, 409


def handle_validation_error(error: ValidationError) -> Response:
    """Return the first error of an invalid request. flask-openapi3 calls this."""
    first = error.errors(include_url=False, include_input=False)[0]
    location = ".".join(str(part) for part in first["loc"]) or "body"
    return make_response({"error": f"{location}: {first['msg']}"}, 400)
