"""Where participants come in: the open studies, a study's consent page, the consent.

Who it is, a link of a platform or an invitation tells, else a cookie (recruitment/arrival.py).
"""

import secrets
from urllib.parse import urlencode

from flask import Blueprint, abort, current_app, g, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue

from study_server.errors import StudyError
from study_server.languages import name_language
from study_server.participants import enrollment
from study_server.protocol.model import stored_protocol
from study_server.recruitment import arrival as recruitment
from study_server.recruitment.arrival import Arrival, ForgedInvitation, UnfilledLink
from study_server.storage.models import Participant, Study
from study_server.studies import lookup
from study_server.views.speech import gettext, prefer, speak
from study_server.vocabulary import Mode, Source, State
from study_server.wording.stored import RenderedWording, render_wording

pages = Blueprint("entrance", __name__)

REFUSALS = (enrollment.NotOpen, enrollment.NotInvited, enrollment.StudyFull)


@pages.get("/")
def index() -> ResponseReturnValue:
    listed = [
        study
        for study in lookup.all_studies(g.db, State.OPEN)
        if stored_protocol(study.protocol).entry == "open"
    ]
    return render_template(
        "participant/index.html", studies=[(study.slug, _find_wording(study)) for study in listed]
    )


@pages.get("/s/<slug>")
def entry(slug: str) -> ResponseReturnValue:
    study, arrival = _study(slug), _arrival(slug)
    wording = _speak(study)
    known = _known(study, arrival)
    if known is not None:
        return redirect(_home(known, arrival))
    try:
        _require_entry(study, arrival)
    except REFUSALS as refusal:
        return _turn_away(study, wording, refusal)
    protocol = stored_protocol(study.protocol)
    return render_template(
        "participant/consent.html",
        wording=wording,
        protocol=protocol,
        action=_address(slug, wording.language),
        languages=[(of, name_language(of), _address(slug, of)) for of in protocol.languages],
        only_looking=arrival.person is None,
    )


@pages.post("/s/<slug>")
def consent(slug: str) -> ResponseReturnValue:
    study, arrival = _study(slug), _arrival(slug)
    wording = _speak(study)
    if arrival.source is Source.LINK and not arrival.invited:
        current_app.extensions["csrf"].protect()  # a cookie says who it is
    if arrival.person is None:
        abort(400)
    if request.form.get("consent") != "yes":
        reason = gettext("Taking part needs your consent. Go back and tick the box if you agree.")
        return _tell(wording, reason, 400)
    try:
        participant = enrollment.admit(
            g.db, study, arrival.person, arrival.mode, arrival.source, wording.language,
            arrival.invited,
        )  # fmt: skip
    except REFUSALS as refusal:
        return _turn_away(study, wording, refusal)
    g.db.commit()
    return redirect(_home(participant, arrival), 303)


def _known(study: Study, arrival: Arrival) -> Participant | None:
    """The participant that who comes here already is."""
    if arrival.person is None:
        return None
    return enrollment.find_person(g.db, study, arrival.person, arrival.source)


def _home(participant: Participant, arrival: Arrival) -> str:
    """A participant's own address, with what the platform must hear again at the end."""
    signed = recruitment.sign_back(current_app.config["SECRET_KEY"], participant, arrival.back)
    return url_for("trials.player", token=participant.token, back=signed)


def _require_entry(study: Study, arrival: Arrival) -> None:
    """Raises one of REFUSALS where nobody new is let in here."""
    if arrival.mode is Mode.LIVE:
        enrollment.require_entry(study, arrival.source, arrival.invited)
        if enrollment.is_full(g.db, study):
            raise enrollment.StudyFull


def _study(slug: str) -> Study:
    try:
        return lookup.find(g.db, slug)
    except StudyError:
        abort(404)


def _find_wording(study: Study) -> RenderedWording:
    """In the language of the address, else of the browser, where the study has that."""
    offered = stored_protocol(study.protocol).languages
    asked = request.args.get("lang")
    return render_wording(g.db, study, asked if asked in offered else prefer(offered))


def _speak(study: Study) -> RenderedWording:
    """Its wording; the page speaks the same language."""
    wording = _find_wording(study)
    speak(wording.language)
    return wording


def _address(slug: str, language: str) -> str:
    """This page in a language, with all else that its address says."""
    asked = request.args.to_dict() | {"lang": language}
    return f"{url_for('entrance.entry', slug=slug)}?{urlencode(asked)}"


def _arrival(slug: str) -> Arrival:
    """Who comes: by the address, else this browser's cookie."""
    try:
        arrival = recruitment.read_arrival(current_app.config["SECRET_KEY"], slug, request.args)
    except ForgedInvitation:
        abort(404)
    if arrival is None:
        if "person" not in cookie:
            cookie["person"] = secrets.token_urlsafe(16)
            cookie.permanent = True
        return Arrival(Mode.LIVE, Source.LINK, cookie["person"])
    if arrival.source is Source.MTURK:
        g.framed_by = recruitment.MTURK_FRAMES
    return arrival


@pages.errorhandler(UnfilledLink)
def _unfilled(_error: UnfilledLink) -> ResponseReturnValue:
    title = gettext("This link is not complete")
    message = gettext(
        "It does not say who you are. Go back to where you found it and open it there."
    )
    return render_template("participant/message.html", title=title, message=message), 400


def _turn_away(study: Study, wording: RenderedWording, refusal: Exception) -> ResponseReturnValue:
    states = {
        State.DRAFT: gettext("It has not begun yet."),
        State.PAUSED: gettext("It is paused. Come back a little later."),
        State.CLOSED: gettext("It is over. Thank you for coming."),
    }
    reasons = {
        enrollment.NotOpen: states.get(study.state, ""),
        enrollment.NotInvited: gettext(
            "It is by invitation. Please come by the link that you were given."
        ),
        enrollment.StudyFull: gettext("It has all the answers it needs. Thank you for coming."),
    }
    return _tell(wording, reasons[type(refusal)], 403)


def _tell(wording: RenderedWording, reason: str, status: int) -> ResponseReturnValue:
    page = render_template("participant/message.html", title=wording.title, message=reason)
    return page, status
