"""What participants are asked before the first trial, and the plates that they read."""

from enum import StrEnum
from typing import TypeVar

from flask import Blueprint, Response, abort, g, redirect, render_template, request
from flask.typing import ResponseReturnValue

from study_server import eligibility
from study_server.participation import protocol_of
from study_server.pictures import encode
from study_server.views.trials import (
    address,
    find_participant,
    load_participant,
    spoken,
)
from study_server.words import ColorVision, NightLight

pages = Blueprint("eligibility", __name__, url_prefix="/p/<token>/eligibility")
pages.url_value_preprocessor(find_participant)
pages.before_request(load_participant)

Word = TypeVar("Word", bound=StrEnum)


@pages.get("")
def questions() -> ResponseReturnValue:
    if not eligibility.is_pending(g.db, g.participant):
        return redirect(address("trials.player"))
    return _ask()


def _ask(incomplete: bool = False) -> ResponseReturnValue:
    page = render_template(
        "participant/screening.html",
        wording=spoken(),
        protocol=protocol_of(g.participant),
        base=f"/p/{g.token}",
        action=address("eligibility.answer"),
        withdraw_url=address("trials.ask_to_withdraw"),
        given=request.form,
        incomplete=incomplete,
    )
    return page, 400 if incomplete else 200


@pages.post("")
def answer() -> ResponseReturnValue:
    plates = range(protocol_of(g.participant).plates)
    declared = eligibility.Declared(
        _read(ColorVision, "color_vision"),
        _read(NightLight, "night_light"),
        [request.form.get(f"plate-{number}", "") for number in plates],
    )
    try:
        eligibility.screen(g.db, g.participant, declared)
    except eligibility.Incomplete:
        return _ask(incomplete=True)
    g.db.commit()
    return redirect(address("trials.player"), 303)


def _read(vocabulary: type[Word], name: str) -> Word | None:
    given = request.form.get(name)
    return vocabulary(given) if given in [word.value for word in vocabulary] else None


@pages.get("/plates/<int:number>")
def plate(number: int) -> ResponseReturnValue:
    """Dead once the questions are answered."""
    if not eligibility.is_pending(g.db, g.participant):
        abort(410)
    try:
        picture = eligibility.plate_picture(g.participant, number)
    except IndexError:
        abort(404)
    headers = {"Cache-Control": "private, no-store"}
    return Response(encode(picture), mimetype="image/png", headers=headers)
