"""A participant's own address: the player, and below it its JSON; the end, the way out."""

from typing import Any

from flask import Blueprint, abort, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from study_server import participation, withdrawal
from study_server.api_models import MAX_COMMENT
from study_server.database import scrub
from study_server.models import Participant
from study_server.player_words import WORDS
from study_server.views import answering
from study_server.views.speech import gettext, speak
from study_server.wording.stored import Spoken, speak_wording
from study_server.words import Outcome

pages = Blueprint("trials", __name__, url_prefix="/p/<token>")
answering.add_routes(pages)


@pages.url_value_preprocessor
def _find_participant(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    g.token = (values or {}).pop("token", "")


@pages.before_request
def _load_participant() -> None:
    writes = request.method == "POST"
    participant = participation.find_participant(g.db, g.token, lock=writes)
    g.participant = participant if participant is not None else abort(404)
    g.base = url_for("trials.player", token=g.token)
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
