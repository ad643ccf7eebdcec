"""The screening pages: the questions before the first trial, and the images of the color plates."""

from enum import StrEnum
from typing import TypeVar

from flask import Blueprint, g, redirect, render_template, request
from flask.typing import ResponseReturnValue

from study_server.participants.participation import protocol_of
from study_server.questionnaire import screening
from study_server.views.api.trial_routes import plate_image
from study_server.views.participant.pages import (
    load_participant,
    participant_url,
    participant_wording,
    read_token,
)
from study_server.vocabulary import ColorVision, NightLight

pages = Blueprint("screening", __name__, url_prefix="/p/<token>/screening")
pages.url_value_preprocessor(read_token)
pages.before_request(load_participant)

Vocabulary = TypeVar("Vocabulary", bound=StrEnum)


@pages.get("")
def show_questions() -> ResponseReturnValue:
    """Show the questions, or redirect a participant who has answered them."""
    if not screening.is_screening_pending(g.db, g.participant):
        return redirect(participant_url("trials.player"))
    return _render_questions()


def _render_questions() -> str:
    protocol = protocol_of(g.participant)
    return render_template(
        "participant/screening.html",
        wording=participant_wording(),
        protocol=protocol,
        base_url=g.base,
        action=participant_url("screening.store_answers"),
        withdraw_url=participant_url("trials.show_withdrawal"),
        form=request.form,
        is_incomplete=request.method == "POST",
    )


@pages.post("")
def store_answers() -> ResponseReturnValue:
    """Store the answers, or show the questions again if one was left out."""
    plates = range(protocol_of(g.participant).plates)
    answers = screening.ScreeningAnswers(
        _read_choice(ColorVision, "color_vision"),
        _read_choice(NightLight, "night_light"),
        [request.form.get(f"plate-{number}", "") for number in plates],
    )
    try:
        screening.store_screening(g.db, g.participant, answers)
    except screening.IncompleteScreeningError:
        return _render_questions(), 400
    g.db.commit()
    return redirect(participant_url("trials.player"), 303)


def _read_choice(vocabulary: type[Vocabulary], name: str) -> Vocabulary | None:
    value = request.form.get(name)
    return vocabulary(value) if value in [word.value for word in vocabulary] else None


@pages.get("/plates/<int:number>")
def send_plate(number: int) -> ResponseReturnValue:
    """Send the image of one plate; 410 once the questions are answered."""
    return plate_image(number)
