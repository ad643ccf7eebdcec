"""What a participant's browser asks for: pages, the next trials, images; and what it sends."""

import secrets
from typing import Annotated, Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    g,
    redirect,
    render_template,
    request,
    url_for,
)
from flask import session as cookie
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from study_server import participation, studies
from study_server.errors import StudyError
from study_server.invitations import read_invitation
from study_server.models import Participant, Study, Trial
from study_server.protocol import Protocol, stored_protocol
from study_server.words import Flag, Kind, Mode, Side, Source, State

pages = Blueprint("participant", __name__)
trials = Blueprint("trials", __name__, url_prefix="/p/<token>")

Milliseconds = Annotated[float, Field(ge=0, le=86_400_000, allow_inf_nan=False)]
ShortText = Annotated[str, Field(max_length=64)]


MAX_COMMENT = 10_000  # characters


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ResponseBody(Body):
    """The answer to a trial; times in ms."""

    answer: Side
    rt_ms: Annotated[int, Field(ge=0, le=86_400_000)]
    first_ms: Milliseconds
    second_ms: Milliseconds
    flags: Annotated[list[Flag], Field(max_length=8)] = []


class EnvironmentBody(Body):
    """The screen, as the browser describes it."""

    language: ShortText
    refresh_hz: Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]
    device_pixel_ratio: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
    viewport: ShortText
    color_gamut: ShortText
    inverted_colors: bool
    forced_colors: bool


@pages.get("/")
def index() -> ResponseReturnValue:
    return render_template("participant/index.html", studies=studies.all_studies(g.db, State.OPEN))


@pages.get("/s/<slug>")
def entry(slug: str) -> ResponseReturnValue:
    study = _study(slug)
    mode, person = _who(slug)
    known = participation.find_person(g.db, study, person, Source.LINK)
    if known is not None:
        return redirect(url_for("trials.player", token=known.token))
    if mode is Mode.LIVE and study.state is not State.OPEN:
        return _turned_away(study)
    protocol = stored_protocol(study.protocol)
    return render_template(
        "participant/consent.html",
        study=study,
        protocol=protocol,
        minutes=protocol.minutes,
        action=request.full_path.rstrip("?"),
    )


@pages.post("/s/<slug>")
def consent(slug: str) -> ResponseReturnValue:
    study = _study(slug)
    mode, person = _who(slug)
    if request.form.get("consent") != "yes":
        reason = "Taking part needs your consent. Go back and tick the box if you agree."
        return render_template("participant/message.html", title=study.title, message=reason), 400
    known = participation.find_person(g.db, study, person, Source.LINK)
    if known is None and mode is Mode.LIVE and study.state is not State.OPEN:
        return _turned_away(study)
    participant = participation.enroll(g.db, study, person, mode, Source.LINK)
    g.db.commit()
    return redirect(url_for("trials.player", token=participant.token), 303)


def _study(slug: str) -> Study:
    try:
        return studies.find(g.db, slug)
    except StudyError:
        abort(404)


def _who(slug: str) -> tuple[Mode, str]:
    """The mode and the person: of an invitation, else live and this browser's cookie."""
    token = request.args.get("invitation")
    if token is not None:
        invited = read_invitation(current_app.config["SECRET_KEY"], slug, token)
        return invited if invited is not None else abort(404)
    if "person" not in cookie:
        cookie["person"] = secrets.token_urlsafe(16)
        cookie.permanent = True
    return Mode.LIVE, cookie["person"]


def _turned_away(study: Study) -> ResponseReturnValue:
    reason = {
        State.DRAFT: "It has not begun yet.",
        State.PAUSED: "It is paused. Come back a little later.",
        State.CLOSED: "It is over. Thank you for coming.",
    }[study.state]
    return render_template("participant/message.html", title=study.title, message=reason), 403


@trials.url_value_preprocessor
def _find_participant(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    g.token = (values or {}).pop("token", "")


@trials.before_request
def _load_participant() -> None:
    writes = request.method == "POST"
    participant = participation.find_participant(g.db, g.token, lock=writes)
    g.participant = participant if participant is not None else abort(404)


@trials.get("")
def player() -> ResponseReturnValue:
    participant: Participant = g.participant
    if participant.finished_at is not None:
        return redirect(url_for("trials.debrief", token=participant.token), 303)
    return render_template(
        "participant/player.html",
        study=participant.study,
        protocol=participation.protocol_of(participant),
        base=url_for("trials.player", token=participant.token),
    )


@trials.post("/resume")
def resume() -> ResponseReturnValue:
    participation.resume(g.db, g.participant)
    g.db.commit()
    return _next_trials()


@trials.get("/trials")
def next_trials() -> ResponseReturnValue:
    return _next_trials()


def _next_trials() -> ResponseReturnValue:
    participant: Participant = g.participant
    protocol = participation.protocol_of(participant)
    answered, planned = participation.progress(g.db, participant)
    upcoming = participation.upcoming(g.db, participant)
    described = [_describe(participant, trial, protocol) for trial in upcoming]
    return {"answered": answered, "planned": planned, "trials": described}


def _describe(participant: Participant, trial: Trial, protocol: Protocol) -> dict[str, object]:
    """What the browser may know before the answer: nothing that tells the fake from the real."""
    practice = trial.kind is Kind.PRACTICE
    mine = url_for("trials.player", token=participant.token) + f"/trials/{trial.token}"
    return {
        "token": trial.token,
        "kind": Kind.PRACTICE if practice else Kind.TEST,
        "number": trial.slot + 1 - (0 if practice else protocol.practice),
        "of": protocol.count(trial.kind),
        "left_url": f"{mine}/{Side.LEFT}",
        "right_url": f"{mine}/{Side.RIGHT}",
        "timing": {
            "blank_ms": protocol.blank_ms if trial.slot else protocol.first_blank_ms,
            "exposure_ms": trial.exposure_ms,
            "gap_ms": protocol.gap_ms,
            "after_ms": protocol.after_ms,
            "feedback_ms": protocol.feedback_ms if practice else None,
        },
    }


@trials.get("/trials/<trial_token>/<any(left, right):side>")
def image(trial_token: str, side: str) -> ResponseReturnValue:
    """One image of one trial, dead once the trial is answered or voided.

    No validators, no ranges, no store: every header of a real image is that of a fake.
    """
    trial = _trial(trial_token)
    if trial.voided or trial.response is not None:
        abort(410)
    stimulus = trial.fake if trial.fake_side == side else trial.real
    content = (current_app.extensions["settings"].stimuli / stimulus.file).read_bytes()
    headers = {"Cache-Control": "private, no-store"}
    return Response(content, mimetype="image/png", headers=headers)


def _trial(trial_token: str) -> Trial:
    try:
        return participation.find_trial(g.db, g.participant, trial_token)
    except participation.UnknownTrial:
        abort(404)


@trials.post("/trials/<trial_token>/start")
def start(trial_token: str) -> ResponseReturnValue:
    try:
        participation.start_trial(g.db, g.participant, trial_token)
    except participation.UnknownTrial:
        abort(404)
    except participation.VoidedTrial:
        return _voided()
    g.db.commit()
    return "", 204


@trials.post("/trials/<trial_token>/response")
def respond(trial_token: str) -> ResponseReturnValue:
    body = ResponseBody.model_validate(request.get_json())
    answer = participation.Answer(
        body.answer, body.rt_ms, body.first_ms, body.second_ms, frozenset(body.flags)
    )
    try:
        trial = participation.record_response(g.db, g.participant, trial_token, answer)
    except participation.UnknownTrial:
        abort(404)
    except participation.VoidedTrial:
        return _voided()
    feedback = participation.feedback(trial)
    answered, planned = participation.progress(g.db, g.participant)
    g.db.commit()
    return {"answered": answered, "planned": planned, "feedback": feedback}


def _voided() -> ResponseReturnValue:
    return {"error": "This pair was interrupted; another has taken its place."}, 409


@trials.post("/environment")
def environment() -> ResponseReturnValue:
    body = EnvironmentBody.model_validate(request.get_json())
    participation.describe_environment(g.db, g.participant, **body.model_dump())
    g.db.commit()
    return "", 204


@trials.get("/debrief")
def debrief() -> ResponseReturnValue:
    participant: Participant = g.participant
    code = participation.completion_code(participant)
    if code is None:
        return redirect(url_for("trials.player", token=participant.token), 303)
    correct, answered = participation.score(g.db, participant)
    return render_template(
        "participant/debrief.html",
        study=participant.study,
        score={"correct": correct, "trials": answered},
        code=code,
        comment=participant.comment,
        comment_url=url_for("trials.comment", token=participant.token),
        saved="saved" in request.args,
    )


@trials.post("/comment")
def comment() -> ResponseReturnValue:
    g.participant.comment = request.form.get("comment", "")[:MAX_COMMENT]
    g.db.commit()
    return redirect(url_for("trials.debrief", token=g.token, saved=1), 303)


@trials.errorhandler(ValidationError)
def _refuse(error: ValidationError) -> ResponseReturnValue:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "body"
    return {"error": f"{where}: {first['msg']}"}, 400
