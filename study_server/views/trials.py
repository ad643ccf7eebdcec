"""A participant's own address: the player, the next trials, their images, the answers, the end."""

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
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from study_server import participation, withdrawal
from study_server.database import scrub
from study_server.models import Participant, Stimulus, Trial
from study_server.player_words import WORDS
from study_server.protocol import Protocol
from study_server.views.speech import gettext, speak
from study_server.wording.stored import Spoken, speak_wording
from study_server.words import Choice, Flag, Kind, Outcome, Place, Side

pages = Blueprint("trials", __name__, url_prefix="/p/<token>")

Milliseconds = Annotated[float, Field(ge=0, le=86_400_000, allow_inf_nan=False)]
Frames = Annotated[int, Field(ge=0, le=100_000_000)]
Ignored = Annotated[int, Field(ge=0, le=1_000_000)]
ShortText = Annotated[str, Field(max_length=64)]
MAX_COMMENT = 10_000  # characters


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ResponseBody(Body):
    """The answer to a trial, as `participation.Answer` describes it."""

    id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    answer: Choice
    rt_ms: Annotated[int, Field(ge=0, le=86_400_000)]
    first_ms: Milliseconds
    second_ms: Milliseconds | None = None
    first_frames: Frames | None = None
    second_frames: Frames | None = None
    early: Ignored = 0
    held: Ignored = 0
    flags: Annotated[list[Flag], Field(max_length=8)] = []


class IncidentBody(Body):
    """An image that cannot be shown. status: of the reply; none where what came is no image."""

    place: Place
    status: Annotated[int, Field(ge=100, le=599)] | None = None


class EnvironmentBody(Body):
    """The screen, as the browser describes it."""

    language: ShortText
    refresh_hz: Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]
    device_pixel_ratio: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
    viewport: ShortText
    color_gamut: ShortText
    dynamic_range: ShortText = ""
    inverted_colors: bool
    forced_colors: bool


@pages.url_value_preprocessor
def _find_participant(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    g.token = (values or {}).pop("token", "")


@pages.before_request
def _load_participant() -> None:
    writes = request.method == "POST"
    participant = participation.find_participant(g.db, g.token, lock=writes)
    g.participant = participant if participant is not None else abort(404)
    speak(g.participant.language)


def _wording() -> Spoken:
    return speak_wording(g.db, g.participant.study, g.participant.language)


@pages.get("")
def player() -> ResponseReturnValue:
    participant: Participant = g.participant
    base = url_for("trials.player", token=participant.token)
    if participant.outcome is Outcome.SCREENED_OUT:
        return render_template("participant/screened_out.html", wording=_wording(), base=base)
    if participant.finished_at is not None:
        return redirect(url_for("trials.debrief", token=participant.token), 303)
    if participant.outcome is Outcome.TIMED_OUT:
        return render_template("participant/late.html", wording=_wording(), base=base)
    return render_template(
        "participant/player.html",
        wording=_wording(),
        protocol=participation.protocol_of(participant),
        base=base,
        words={key: gettext(text) for key, text in WORDS.items()},
    )


@pages.post("/resume")
def resume() -> ResponseReturnValue:
    participation.resume(g.db, g.participant)
    g.db.commit()
    return _next_trials()


@pages.get("/trials")
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
    kind = Kind.TEST if trial.kind is Kind.VIGILANCE else trial.kind
    mine = url_for("trials.player", token=participant.token) + f"/trials/{trial.token}"
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


def _places(trial: Trial) -> list[str]:
    """In the order in which they are shown."""
    if trial.fake_side is None:
        return [Place.CENTER]
    return sorted(Side, key=lambda side: side != (trial.first_side or Side.LEFT))


@pages.get("/trials/<trial_token>/<any(left, right, center):place>")
def image(trial_token: str, place: str) -> ResponseReturnValue:
    """One image of one trial, dead once the trial is answered or voided.

    No validators, no ranges, no store: every header of a real image is that of a fake.
    """
    trial = participation.find_trial(g.db, g.participant, trial_token)
    if trial.voided or trial.response is not None:
        abort(410)
    if place not in _places(trial):
        abort(404)
    stimuli = current_app.extensions["settings"].stimuli
    content = (stimuli / _stimulus_at(trial, place).file).read_bytes()
    headers = {"Cache-Control": "private, no-store"}
    return Response(content, mimetype="image/png", headers=headers)


def _stimulus_at(trial: Trial, place: str) -> Stimulus:
    beside_the_fake = trial.fake_side is not None and trial.fake_side != place
    return trial.real if beside_the_fake and trial.real else trial.shown


@pages.post("/trials/<trial_token>/start")
def start(trial_token: str) -> ResponseReturnValue:
    participation.start_trial(g.db, g.participant, trial_token)
    g.db.commit()
    return "", 204


@pages.post("/trials/<trial_token>/incident")
def incident(trial_token: str) -> ResponseReturnValue:
    body = IncidentBody.model_validate(request.get_json())
    participation.report_incident(g.db, g.participant, trial_token, body.place, body.status)
    g.db.commit()
    return "", 204


@pages.post("/trials/<trial_token>/response")
def respond(trial_token: str) -> ResponseReturnValue:
    body = ResponseBody.model_validate(request.get_json())
    values = body.model_dump() | {"flags": frozenset(body.flags)}
    answer = participation.Answer(values.pop("answer"), **values)
    trial = participation.record_response(g.db, g.participant, trial_token, answer)
    feedback = participation.feedback(trial)
    answered, planned = participation.progress(g.db, g.participant)
    g.db.commit()
    return {"answered": answered, "planned": planned, "feedback": feedback}


@pages.errorhandler(participation.UnknownTrial)
def _unknown(_error: participation.UnknownTrial) -> ResponseReturnValue:
    return {"error": gettext("There is no such trial.")}, 404


@pages.errorhandler(participation.VoidedTrial)
def _voided(_error: participation.VoidedTrial) -> ResponseReturnValue:
    return {"error": gettext("This trial was interrupted; another has taken its place.")}, 409


@pages.errorhandler(participation.Over)
def _over(_error: participation.Over) -> ResponseReturnValue:
    g.db.commit()  # the outcome
    return {"error": gettext("The study is over for you.")}, 409


@pages.errorhandler(participation.UnfitAnswer)
def _unfit(error: participation.UnfitAnswer) -> ResponseReturnValue:
    return {"error": str(error)}, 400


@pages.post("/environment")
def environment() -> ResponseReturnValue:
    body = EnvironmentBody.model_validate(request.get_json())
    participation.describe_environment(g.db, g.participant, **body.model_dump())
    g.db.commit()
    return "", 204


@pages.get("/debrief")
def debrief() -> ResponseReturnValue:
    participant: Participant = g.participant
    code = participation.completion_code(participant)
    if code is None:
        return redirect(url_for("trials.player", token=participant.token), 303)
    correct, answered = participation.score(g.db, participant)
    return render_template(
        "participant/debrief.html",
        wording=_wording(),
        protocol=participation.protocol_of(participant),
        score={"correct": correct, "trials": answered},
        code=code,
        comment=participant.comment,
        withdraw_url=url_for("trials.ask_to_withdraw", token=participant.token),
        comment_url=url_for("trials.comment", token=participant.token),
        saved="saved" in request.args,
    )


@pages.post("/comment")
def comment() -> ResponseReturnValue:
    g.participant.comment = request.form.get("comment", "")[:MAX_COMMENT]
    g.db.commit()
    return redirect(url_for("trials.debrief", token=g.token, saved=1), 303)


@pages.get("/withdraw")
def ask_to_withdraw() -> ResponseReturnValue:
    """A page with a button, so that no link preview deletes anything."""
    participant: Participant = g.participant
    return render_template(
        "participant/withdraw.html",
        finished=participant.finished_at is not None,
        wording=_wording(),
        base=url_for("trials.player", token=participant.token),
    )


@pages.post("/withdraw")
def withdraw() -> ResponseReturnValue:
    wording = _wording()
    withdrawal.withdraw(g.db, g.participant)
    page = render_template("participant/withdrawn.html", wording=wording)
    g.db.close()  # its snapshot would keep the log from being emptied
    scrub(current_app.extensions["engine"])
    return page


@pages.errorhandler(ValidationError)
def _refuse(error: ValidationError) -> ResponseReturnValue:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "body"
    return {"error": f"{where}: {first['msg']}"}, 400
