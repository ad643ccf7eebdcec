"""The pages of one participant: the player, the end of the study, the withdrawal."""

from functools import cache
from typing import Any

from flask import Blueprint, abort, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_openapi3 import APIBlueprint

from study_server.participants import participation, scoring, withdrawal
from study_server.participants.outcomes import UNFINISHED_OUTCOMES
from study_server.protocol.model import task_of
from study_server.questionnaire import screening, submission
from study_server.recruitment import arrival
from study_server.settings import find_resource_folder
from study_server.storage.models import Participant
from study_server.views.api import trial_routes
from study_server.views.api.request_models import MAX_COMMENT
from study_server.views.language import gettext, set_language
from study_server.vocabulary import Mode, Outcome, QuestionPage, RecruitmentSource
from study_server.wording.player_texts import PLAYER_TEXTS
from study_server.wording.stored import RenderedWording, render_wording

pages = Blueprint("trials", __name__, url_prefix="/p/<token>")
player_routes = APIBlueprint("player", __name__, url_prefix="/p/<token>", doc_ui=False)


@pages.url_value_preprocessor
@player_routes.url_value_preprocessor
def read_token(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Store the token of the address in g.token."""
    g.token = (values or {}).pop("token", "")


@pages.before_request
@player_routes.before_request
def load_participant() -> None:
    """Store the participant in g.participant, except for requests made on every trial."""
    g.base = f"{request.script_root}/p/{g.token}"  # url_for would be slower, for every image
    if request.endpoint in trial_routes.TRIAL_ENDPOINTS:
        return
    writes = request.method == "POST"
    participant = participation.find_participant(g.db, g.token, for_update=writes)
    g.participant = participant if participant is not None else abort(404)
    set_language(g.participant.language)
    if g.participant.source is RecruitmentSource.MTURK:
        g.framed_by = arrival.MTURK_FRAME_ORIGINS


trial_routes.add_trial_routes(player_routes)  # after load_participant, which must run first


def participant_url(endpoint: str, **values: Any) -> str:
    """Return the address of a participant page, with the parameters to return to the platform."""
    return url_for(endpoint, token=g.token, back=request.args.get("back"), **values)


def participant_wording() -> RenderedWording:
    """Return the study's texts in the participant's language."""
    return render_wording(g.db, g.participant.study, g.participant.language)


TEMPLATE_BY_OUTCOME = {
    Outcome.SCREENED_OUT: "screened_out",
    Outcome.TIMED_OUT: "timed_out",
    Outcome.RETURNED: "returned",
}


@pages.get("")
def player() -> ResponseReturnValue:
    """Show the player, or redirect to the questions before it or to the end."""
    participant: Participant = g.participant
    if participant.outcome is Outcome.COMPLETE:
        return redirect(participant_url("trials.debrief"), 303)
    if participant.outcome in TEMPLATE_BY_OUTCOME:
        return _render_end()
    if screening.is_screening_pending(g.db, participant):
        return redirect(participant_url("screening.show_questions"))
    if submission.find_pending_page(g.db, participant) is QuestionPage.BEFORE:
        return redirect(participant_url("questions.show_page", page=QuestionPage.BEFORE))
    protocol = participation.protocol_of(participant)
    return render_template(
        "participant/player.html",
        wording=participant_wording(),
        protocol=protocol,
        task=task_of(protocol),
        base_url=g.base,
        end_url=participant_url("trials.debrief"),
        withdraw_url=participant_url("trials.show_withdrawal"),
        texts={key: gettext(text) for key, text in PLAYER_TEXTS.items()},
        modules=list_player_modules(),
        is_preview=participant.mode is Mode.PREVIEW,
    )


@cache
def list_player_modules() -> tuple[str, ...]:
    """Return the modules of the player that its page loads ahead, below static/player."""
    folder = find_resource_folder("static") / "player"
    modules = (file.relative_to(folder).as_posix() for file in folder.rglob("*.js"))
    return tuple(sorted(module for module in modules if module != "main.js"))


def _render_end() -> ResponseReturnValue:
    """Render the page for a participant who ended before the last trial."""
    participant: Participant = g.participant
    return render_template(
        f"participant/{TEMPLATE_BY_OUTCOME[participant.outcome]}.html",
        wording=participant_wording(),
        withdraw_url=participant_url("trials.show_withdrawal"),
        by_screening=screening.was_screened_out_here(g.db, participant),
        completion=_completion(),
        source=participant.source,
    )


def _completion() -> arrival.Completion:
    """Return the completion code and link, and allow the page's form to post to the platform."""
    secret_key, signed = current_app.config["SECRET_KEY"], request.args.get("back")
    back = arrival.read_return_parameters(secret_key, g.participant, signed)
    completion = arrival.completion_for(g.db, g.participant, back)
    if completion.form_fields and completion.url:
        g.forms_to = (completion.url,)
    return completion


@pages.get("/debrief")
def debrief() -> ResponseReturnValue:
    """Show the score, the completion code and the debriefing."""
    participant: Participant = g.participant
    if participant.outcome is not Outcome.COMPLETE:
        return redirect(participant_url("trials.player"), 303)
    if submission.find_pending_page(g.db, participant) is QuestionPage.AFTER:
        return redirect(participant_url("questions.show_page", page=QuestionPage.AFTER), 303)
    return render_template(
        "participant/debrief.html",
        wording=participant_wording(),
        protocol=participation.protocol_of(participant),
        score=scoring.final_score(g.db, participant),
        completion=_completion(),
        source=participant.source,
        comment=participant.comment,
        withdraw_url=participant_url("trials.show_withdrawal"),
        comment_url=participant_url("trials.comment"),
        saved="saved" in request.args,
    )


@pages.post("/comment")
def comment() -> ResponseReturnValue:
    """Store the participant's comment."""
    participation.store_comment(g.participant, request.form.get("comment", "")[:MAX_COMMENT])
    g.db.commit()
    return redirect(participant_url("trials.debrief", saved=1), 303)


@pages.get("/withdraw")
def show_withdrawal() -> ResponseReturnValue:
    """Show a button, so that no link preview deletes anything."""
    participant: Participant = g.participant
    return render_template(
        "participant/withdraw.html",
        is_over=participant.outcome not in UNFINISHED_OUTCOMES,
        gets_code=arrival.gets_code(participant),
        wording=participant_wording(),
        base_url=g.base,
        study_url=participant_url("trials.player"),
    )


@pages.post("/withdraw")
def withdraw_participant() -> ResponseReturnValue:
    """Delete all data of the participant."""
    wording = participant_wording()
    withdrawal.delete_participant(g.db, g.participant)
    return render_template("participant/withdrawn.html", wording=wording, base_url=g.base)
