"""Where participants come in: the open studies, a study's consent page, the consent."""

import secrets

from flask import Blueprint, abort, current_app, g, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue

from study_server import enrolment, studies
from study_server.errors import StudyError
from study_server.invitations import read_invitation
from study_server.languages import name_language
from study_server.models import Study
from study_server.protocol import stored_protocol
from study_server.views.speech import gettext, prefer, speak
from study_server.wording.stored import Spoken, speak_wording
from study_server.words import Mode, Source, State

pages = Blueprint("entrance", __name__)


@pages.get("/")
def index() -> ResponseReturnValue:
    listed = studies.all_studies(g.db, State.OPEN)
    return render_template(
        "participant/index.html", studies=[(study.slug, _find_wording(study)) for study in listed]
    )


@pages.get("/s/<slug>")
def entry(slug: str) -> ResponseReturnValue:
    study = _study(slug)
    wording = _speak(study)
    mode, person = _who(slug)
    known = enrolment.find_person(g.db, study, person, Source.LINK)
    if known is not None:
        return redirect(url_for("trials.player", token=known.token))
    if mode is Mode.LIVE and study.state is not State.OPEN:
        return _turned_away(study, wording)
    if mode is Mode.LIVE and enrolment.is_full(g.db, study):
        return _full(wording)
    protocol = stored_protocol(study.protocol)
    return render_template(
        "participant/consent.html",
        wording=wording,
        protocol=protocol,
        action=_address(slug, wording.language),
        languages=[(of, name_language(of), _address(slug, of)) for of in protocol.languages],
    )


@pages.post("/s/<slug>")
def consent(slug: str) -> ResponseReturnValue:
    study = _study(slug)
    wording = _speak(study)
    mode, person = _who(slug)
    if request.form.get("consent") != "yes":
        reason = gettext("Taking part needs your consent. Go back and tick the box if you agree.")
        return render_template("participant/message.html", title=wording.title, message=reason), 400
    try:
        participant = enrolment.admit(g.db, study, person, mode, Source.LINK, wording.language)
    except enrolment.NotOpen:
        return _turned_away(study, wording)
    except enrolment.StudyFull:
        return _full(wording)
    g.db.commit()
    return redirect(url_for("trials.player", token=participant.token), 303)


def _study(slug: str) -> Study:
    try:
        return studies.find(g.db, slug)
    except StudyError:
        abort(404)


def _find_wording(study: Study) -> Spoken:
    """In the language of the address, else of the browser, where the study has that."""
    offered = stored_protocol(study.protocol).languages
    asked = request.args.get("lang")
    return speak_wording(g.db, study, asked if asked in offered else prefer(offered))


def _speak(study: Study) -> Spoken:
    """Its wording; the page speaks the same language."""
    wording = _find_wording(study)
    speak(wording.language)
    return wording


def _address(slug: str, language: str) -> str:
    """This page in a language, with all else that its address says."""
    asked = request.args.to_dict() | {"lang": language}
    return url_for("entrance.entry", slug=slug, **asked)  # type: ignore[arg-type]


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


def _turned_away(study: Study, wording: Spoken) -> ResponseReturnValue:
    reason = {
        State.DRAFT: gettext("It has not begun yet."),
        State.PAUSED: gettext("It is paused. Come back a little later."),
        State.CLOSED: gettext("It is over. Thank you for coming."),
    }[study.state]
    return render_template("participant/message.html", title=wording.title, message=reason), 403


def _full(wording: Spoken) -> ResponseReturnValue:
    reason = gettext("It has all the answers it needs. Thank you for coming.")
    return render_template("participant/message.html", title=wording.title, message=reason), 403
