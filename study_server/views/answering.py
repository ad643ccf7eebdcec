"""The JSON of one participant: next trials, their images, the answers. Who it is, others find out.

The player has it under its own address, other front ends under /api with a token in a header.
"""

from typing import Any

from flask import Blueprint, Response, abort, current_app, g, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError
from sqlalchemy import Row

from study_server.api_models import (
    EnvironmentBody,
    IncidentBody,
    ResponseBody,
    Stored,
    Trials,
)
from study_server.participants import (
    current_image,
    current_trial,
    participation,
    replacement,
    responses,
    scoring,
)
from study_server.protocol.model import Protocol
from study_server.settings import Settings
from study_server.views.speech import gettext, set_language
from study_server.vocabulary import Kind, Place, Side

LEFT_FIRST, RIGHT_FIRST = (Place.LEFT, Place.RIGHT), (Place.RIGHT, Place.LEFT)
AT_EVERY_TRIAL = {
    f"{door}.{view}" for door in ("trials", "api") for view in ("image", "start", "respond")
}


def add_routes(pages: Blueprint) -> None:
    """For a blueprint that sets g.participant, their g.token, and g.base: how addresses begin.

    What comes at every trial has no g.participant: a query by the token finds out what it needs,
    and g.db is a Connection there, elsewhere a Session.
    """
    trial = "/trials/<trial_token>"
    pages.add_url_rule("/resume", view_func=resume, methods=["POST"])
    pages.add_url_rule("/trials", view_func=next_trials)
    pages.add_url_rule(f"{trial}/<any(left, right, center):place>", view_func=image)
    pages.add_url_rule(f"{trial}/start", view_func=start, methods=["POST"])
    pages.add_url_rule(f"{trial}/incident", view_func=incident, methods=["POST"])
    pages.add_url_rule(f"{trial}/response", view_func=respond, methods=["POST"])
    pages.add_url_rule("/environment", view_func=environment, methods=["POST"])
    pages.register_error_handler(current_trial.UnknownTrial, _unknown)
    pages.register_error_handler(current_trial.VoidedTrial, _voided)
    pages.register_error_handler(current_trial.Over, _over)
    pages.register_error_handler(current_trial.UnfitAnswer, _unfit)
    pages.register_error_handler(ValidationError, refuse)


def read_json() -> object:
    """What was sent; 400 where it is no JSON, or nested beyond all reason."""
    try:
        return request.get_json()
    except RecursionError:
        abort(400)


def resume() -> ResponseReturnValue:
    replacement.resume(g.db, g.participant)
    reply = next_trials()  # within the same transaction: another would wait for its turn
    g.db.commit()
    return reply


def next_trials() -> ResponseReturnValue:
    person = participation.person_of(g.participant)
    ahead = current_trial.look_ahead(g.db.connection(), person)
    return _send_json(Trials.model_validate(_tell(ahead, person.protocol)))


def _tell(ahead: current_trial.Ahead, protocol: Protocol) -> dict[str, object]:
    base = g.base
    trials = [_describe(trial, protocol, base) for trial in ahead.trials]
    return {"answered": ahead.answered, "planned": ahead.planned, "trials": trials}


def _send_json(model: BaseModel) -> Response:
    return Response(model.model_dump_json(), mimetype="application/json")


def _describe(trial: Row[Any], protocol: Protocol, base: str) -> dict[str, object]:
    """What the browser may know before the answer: nothing that tells the fake from the real."""
    kind = Kind.TEST if trial.kind is Kind.VIGILANCE else trial.kind
    mine = f"{base}/trials/{trial.token}"
    return {
        "token": trial.token,
        "kind": kind,
        "number": trial.slot + 1 - protocol.shown_before(kind),
        "of": protocol.shown(kind),
        "presentation": protocol.presentation,
        "images": [{"place": place, "url": f"{mine}/{place}"} for place in _places(trial)],
        "timing": {
            "blank_ms": protocol.blank_ms if trial.slot else protocol.first_blank_ms,
            "exposure_ms": trial.exposure_ms,
            "gap_ms": protocol.gap_ms,
            "masks": protocol.masks,
            "mask_ms": protocol.mask_ms,
            "after_ms": protocol.after_ms,
            "feedback_ms": protocol.feedback_ms if kind is Kind.PRACTICE else None,
        },
    }


def _places(trial: Row[Any]) -> tuple[Place, ...]:
    """In the order in which they are shown."""
    if trial.fake_side is None:
        return (Place.CENTER,)
    return RIGHT_FIRST if trial.first_side is Side.RIGHT else LEFT_FIRST


def image(trial_token: str, place: str) -> ResponseReturnValue:
    """One image of one trial, dead once the trial is answered or voided.

    No validators, no ranges, no store: every header of a real image is that of a fake.
    """
    try:
        file = current_image.find_image(g.db, g.token, trial_token, Place(place))
    except current_image.ImageGone:
        abort(410)
    return _send_file(file)


def _send_file(file: str) -> Response:
    """By nginx where it has the stimuli: docs/deploy.md has the headers that it must not add."""
    settings: Settings = current_app.extensions["settings"]
    headers = {"Cache-Control": "private, no-store"}
    if settings.x_accel_prefix:
        headers["X-Accel-Redirect"] = f"{settings.x_accel_prefix}/{file}"
        return Response(mimetype="image/png", headers=headers)
    return Response(
        (settings.stimuli_folder / file).read_bytes(), mimetype="image/png", headers=headers
    )


def _find(trial_token: str) -> current_trial.Showing:
    try:
        showing = current_trial.find_showing(g.db, g.token, trial_token)
    except current_trial.UnknownTrial:
        set_language(current_trial.language_of(g.db, g.token) or abort(404))
        raise
    set_language(showing.person.language)
    return showing


def _commit() -> None:
    """Before the reply is made, with nothing of the database held: others wait for it."""
    g.db.commit()
    g.db.close()


def start(trial_token: str) -> ResponseReturnValue:
    current_trial.begin(g.db, _find(trial_token))
    _commit()
    return "", 204


def incident(trial_token: str) -> ResponseReturnValue:
    body = IncidentBody.model_validate(read_json())
    replacement.report_incident(g.db, g.participant, trial_token, body.place, body.status)
    g.db.commit()
    return "", 204


def respond(trial_token: str) -> ResponseReturnValue:
    body = ResponseBody.model_validate(read_json())
    values = body.model_dump() | {"flags": frozenset(body.flags)}
    answer = responses.Answer(values.pop("answer"), **values)
    showing = _find(trial_token)
    recorded = responses.record_response(g.db, showing, answer)
    _commit()
    told = scoring.feedback(showing, recorded.choice)
    ahead = _tell(recorded.ahead, showing.person.protocol)
    return _send_json(Stored.model_validate({"feedback": told, **ahead}))


def environment() -> ResponseReturnValue:
    body = EnvironmentBody.model_validate(read_json())
    participation.describe_environment(g.db, g.participant, **body.model_dump())
    g.db.commit()
    return "", 204


def _unknown(_error: current_trial.UnknownTrial) -> ResponseReturnValue:
    return {"error": gettext("This trial doesn’t exist.")}, 404


def _voided(_error: current_trial.VoidedTrial) -> ResponseReturnValue:
    return {
        "error": gettext("This trial was interrupted and has been replaced by another one.")
    }, 409


def _over(_error: current_trial.Over) -> ResponseReturnValue:
    _commit()  # the outcome
    return {"error": gettext("You can’t give any more answers in this study.")}, 409


def _unfit(error: current_trial.UnfitAnswer) -> ResponseReturnValue:
    return {"error": str(error)}, 400


def refuse(error: ValidationError) -> ResponseReturnValue:
    """The first thing that is wrong with what was sent."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "body"
    return {"error": f"{where}: {first['msg']}"}, 400
