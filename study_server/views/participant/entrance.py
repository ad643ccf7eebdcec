"""The pages before a participant exists: the open studies, a study's consent page, the consent.

Visitors are identified by the link of a platform or an invitation, otherwise by a cookie
(study_server/views/participant/visitors.py). Once the first trial has started, a platform's link
leads back only in the same browser (study_server/participants/return_visits.py). A cookie
identifies a browser, which several people may use: the plain link asks whether it is the same
person.
"""

from urllib.parse import urlencode

from flask import Blueprint, abort, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from limits import parse
from sqlalchemy import update

from study_server.errors import StudyError
from study_server.languages import N_, language_name
from study_server.object_storage.mirror import has_stimuli_here
from study_server.participants import admission, enrollment, identities, return_visits
from study_server.participants.outcomes import has_lapsed_participants
from study_server.protocol.model import parse_stored_protocol
from study_server.recruitment import arrival as recruitment
from study_server.recruitment.arrival import Arrival, IncompleteLinkError
from study_server.storage.models import Participant, Study
from study_server.studies import lookup
from study_server.views.language import choose_language, gettext, set_language
from study_server.views.participant.refusals import (
    render_earlier_visit,
    render_message,
    render_refusal,
    render_started_elsewhere,
    url_in_language,
)
from study_server.views.participant.visitors import (
    become_someone_else,
    count_once,
    is_known_by_cookie,
    is_shared_browser,
    read_arrival,
)
from study_server.views.people import find_person
from study_server.vocabulary import Mode, RecruitmentSource, StudyState
from study_server.web.limits import (
    TooManyUnansweredError,
    count_enrollment,
    limit_attempts,
    require_room,
)
from study_server.wording.stored import RenderedWording, render_wording

pages = Blueprint("entrance", __name__)
TURN_AWAY_LIMIT = parse("60 per minute")  # per IP address, which a school class may share
MIN_PAIR_WIDTH_PX = 560  # two images of 256 px and the gap between them (static/player/player.css)

CROWDED = N_(
    "Many people on your network have just started this study. Please wait a few minutes, then "
    "try again."
)
ADMISSION_ERRORS = (
    admission.StudyNotOpenError,
    admission.NotInvitedError,
    enrollment.StudyFullError,
    admission.TookPartBeforeError,
    enrollment.WithdrawnError,
    enrollment.NoStimuliError,
)


@pages.get("/")
def index() -> ResponseReturnValue:
    """List the studies that are open to everyone."""
    listed = [
        study
        for study in lookup.list_studies(g.db, StudyState.OPEN)
        if parse_stored_protocol(study.protocol).entry == "open"
    ]
    return render_template(
        "participant/entrance/index.html",
        studies=[(study.slug, _find_wording(study)) for study in listed],
    )


@pages.get("/s/<slug>")
def entry(slug: str) -> ResponseReturnValue:
    """Show the consent page, or redirect a known participant to the study."""
    study, arrival = _find_study(slug), read_arrival(slug)
    _require_stimuli_here(study)
    wording = _choose_wording(study)
    existing = _find_participant(study, arrival)
    if is_known_by_cookie(arrival) and (existing or _has_withdrawn(study, arrival)):
        return render_earlier_visit(wording, slug, existing)
    if existing is not None and return_visits.may_return(g.db, existing, arrival.return_proof):
        return redirect(_player_url(existing, arrival))
    if existing is not None and return_visits.has_begun(g.db, existing):
        return render_started_elsewhere(wording)
    try:
        if existing is None:
            _require_entry(study, arrival)
    except ADMISSION_ERRORS as refusal:
        return render_refusal(study, wording, refusal)
    protocol = parse_stored_protocol(study.protocol)
    completion = recruitment.completion_before_consent(g.db, study, arrival)
    return render_template(
        "participant/entrance/consent.html",
        wording=wording,
        protocol=protocol,
        action=url_in_language("entrance.entry", slug, wording.language),
        turn_away_action=url_in_language("entrance.turn_away", slug, wording.language),
        has_exit=completion.code is not None,
        min_width=0 if protocol.is_single else MIN_PAIR_WIDTH_PX,
        needs_cookie=not arrival.is_invited and arrival.source is not RecruitmentSource.MTURK,
        languages=[
            (language, language_name(language), url_in_language("entrance.entry", slug, language))
            for language in protocol.languages
        ],
        is_mturk_preview=arrival.external_id is None,
    )


@pages.post("/s/<slug>")
def consent(slug: str) -> ResponseReturnValue:
    """Enroll a person who agrees to take part."""
    study, arrival = _find_study(slug), read_arrival(slug)
    _require_stimuli_here(study)
    wording = _choose_wording(study)
    if arrival.source is RecruitmentSource.LINK and not arrival.is_invited:
        current_app.extensions["csrf"].protect()  # only the cookie identifies this person
    if arrival.external_id is None:
        abort(400)
    if request.form.get("consent") != "yes":
        reason = gettext(
            "We need your consent. If you agree to take part, go back and check the box."
        )
        return render_message(wording, reason, 400)
    existing = _find_participant(study, arrival)
    if existing and is_known_by_cookie(arrival) and return_visits.has_begun(g.db, existing):
        return render_earlier_visit(wording, slug, existing)  # the form is older than that visit
    is_new = arrival.mode is Mode.LIVE and existing is None
    try:
        if is_new:
            require_room(g.db)
        participant = admission.admit_participant(
            g.db, study, arrival.external_id, arrival.mode, arrival.source, wording.language,
            arrival.is_invited, arrival.return_proof,
            find_person(study, arrival.source, arrival.lasting_id),
            is_shared_browser(slug, arrival), request.args,
        )  # fmt: skip
    except return_visits.StartedElsewhereError:
        return render_started_elsewhere(wording)
    except ADMISSION_ERRORS as refusal:
        return render_refusal(study, wording, refusal)
    except TooManyUnansweredError:
        return render_message(wording, gettext(CROWDED), 429)
    g.db.commit()
    if is_new:
        count_enrollment(participant)
    return redirect(_player_url(participant, arrival), 303)


@pages.post("/s/<slug>/someone-else")
def begin_as_someone_else(slug: str) -> ResponseReturnValue:
    """Forget who took part by the plain link in this browser, for the next person at it."""
    study, arrival = _find_study(slug), read_arrival(slug)
    if not is_known_by_cookie(arrival):
        abort(400)  # links of platforms and invitations name the person
    if _find_participant(study, arrival) is not None or _has_withdrawn(study, arrival):
        become_someone_else(slug)
    query = urlencode(request.args.to_dict())  # the language, and link parameters
    return redirect(f"{url_for('entrance.entry', slug=slug)}?{query}", 303)


@pages.post("/s/<slug>/unsuitable")
def turn_away(slug: str) -> ResponseReturnValue:
    """Count a browser on a device that does not suit the study; nothing else is stored.

    The consent page's script sends this before anyone has agreed to anything. The page that it
    returns is for people who give up: it has the platform's code for screened-out participants.
    """
    study, arrival = _find_study(slug), read_arrival(slug)
    limit_attempts(TURN_AWAY_LIMIT, "unsuitable")
    wording = _choose_wording(study)
    is_visitor = arrival.mode is Mode.LIVE and arrival.external_id is not None
    if is_visitor and _may_enter(study, arrival) and count_once(slug):
        g.db.execute(
            update(Study)
            .where(Study.id == study.id)
            .values(unsuitable_count=Study.unsuitable_count + 1)
        )
        g.db.commit()
    completion = recruitment.completion_before_consent(g.db, study, arrival)
    return render_template(
        "participant/entrance/unsuitable.html",
        wording=wording,
        completion=completion,
        source=arrival.source,
    )


def _may_enter(study: Study, arrival: Arrival) -> bool:
    """Return whether this visitor is new and could give consent on another device."""
    if _find_participant(study, arrival) is not None:
        return False
    try:
        _require_entry(study, arrival)
    except ADMISSION_ERRORS:
        return False
    return True


def _has_withdrawn(study: Study, arrival: Arrival) -> bool:
    return arrival.external_id is not None and identities.has_withdrawn(
        g.db, study, arrival.external_id, arrival.source
    )


def _find_participant(study: Study, arrival: Arrival) -> Participant | None:
    """Return the participant record of this visitor, or None for a new one."""
    if arrival.external_id is None:
        return None
    return identities.find_by_external_id(g.db, study, arrival.external_id, arrival.source)


def _player_url(participant: Participant, arrival: Arrival) -> str:
    """Return the participant's own address, with the parameters to return to the platform."""
    signed = recruitment.sign_return_parameters(
        current_app.config["SECRET_KEY"], participant, arrival.return_parameters
    )
    return url_for("trials.player", token=participant.token, back=signed)


def _require_entry(study: Study, arrival: Arrival) -> None:
    """Raise one of ADMISSION_ERRORS if this person cannot be admitted."""
    if arrival.mode is not Mode.LIVE and not study.has_stimuli:
        raise enrollment.NoStimuliError
    if arrival.mode is Mode.LIVE:
        admission.require_admission(study, arrival.source, arrival.is_invited)
        person = find_person(study, arrival.source, arrival.lasting_id)
        admission.require_first_participation(g.db, study, person)
        if _has_withdrawn(study, arrival):
            raise enrollment.WithdrawnError
        # enrollment frees the places of those who have left before it refuses anybody
        is_full = enrollment.is_study_full(g.db, study, arrival.source)
        if is_full and not has_lapsed_participants(g.db, study):
            raise enrollment.StudyFullError


def _find_study(slug: str) -> Study:
    try:
        return lookup.find_study(g.db, slug)
    except StudyError:
        abort(404)


def _require_stimuli_here(study: Study) -> None:
    """Answer 503 while the server still fetches the study's stimuli from the bucket."""
    settings = current_app.extensions["settings"]
    if settings.stimuli_url and not has_stimuli_here(g.db, study, settings.stimuli_folder):
        abort(503)


def _find_wording(study: Study) -> RenderedWording:
    """Return the texts in the language of the address, or else of the browser."""
    offered = parse_stored_protocol(study.protocol).languages
    requested_language = request.args.get("lang")
    language = requested_language if requested_language in offered else choose_language(offered)
    return render_wording(g.db, study, language)


def _choose_wording(study: Study) -> RenderedWording:
    """Return the study's texts, and set the page's language to theirs."""
    wording = _find_wording(study)
    set_language(wording.language)
    return wording


@pages.errorhandler(IncompleteLinkError)
def _handle_incomplete_link(_error: IncompleteLinkError) -> ResponseReturnValue:
    title = gettext("This link is incomplete")
    message = gettext(
        "Part of the link is missing. Please go back to the page where you found it and open it "
        "from there."
    )
    return render_template("participant/message.html", title=title, message=message), 400
