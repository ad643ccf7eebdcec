"""Identify visitors before consent by their link, or else by this browser's cookie.

What the cookie holds belongs to one server, whose secret is part of its name, and to one study. It
cannot tell people at the same browser apart; the plain link therefore asks.
"""

import secrets
from dataclasses import replace

from flask import abort, current_app, g, request
from flask import session as cookie

from study_server.recruitment import arrival as recruitment
from study_server.recruitment.arrival import Arrival, InvalidInvitationError
from study_server.vocabulary import Mode, RecruitmentSource


def read_arrival(slug: str) -> Arrival:
    """Identify the person by the address, or else by this browser's cookie."""
    try:
        arrival = recruitment.parse_arrival(current_app.config["SECRET_KEY"], slug, request.args)
    except InvalidInvitationError:
        abort(404)
    if arrival is None:
        return Arrival(Mode.LIVE, RecruitmentSource.LINK, _person_id(slug))
    if arrival.source is RecruitmentSource.MTURK:
        g.framed_by = recruitment.MTURK_FRAME_ORIGINS
    if arrival.source in (RecruitmentSource.PROLIFIC, RecruitmentSource.SONA):
        return replace(arrival, return_proof=_browser_id())
    return arrival


def _person_id(slug: str) -> str:
    """Return the random id of the person who takes part in this study by the plain link."""
    return _read_or_create_id(_person_key(slug))


def _browser_id() -> str:
    """Return the random id of this browser, in which people of platforms may return."""
    return _read_or_create_id("browser")


def _read_or_create_id(key: str) -> str:
    """Return the random id under this key of the cookie, and set the cookie if there is none."""
    if key not in cookie:
        cookie[key] = secrets.token_urlsafe(16)
        cookie.permanent = True
    return str(cookie[key])


def _person_key(slug: str) -> str:
    return f"person:{slug}"


def _shared_key(slug: str) -> str:
    return f"shared:{slug}"


def is_shared_browser(slug: str, arrival: Arrival) -> bool:
    """Return whether someone else took part by the plain link in this browser before."""
    return is_known_by_cookie(arrival) and _shared_key(slug) in cookie


def is_known_by_cookie(arrival: Arrival) -> bool:
    """Return whether nothing but the browser's cookie tells who this visitor is."""
    return arrival.source is RecruitmentSource.LINK and not arrival.is_invited


def become_someone_else(slug: str) -> None:
    """Forget who took part by the plain link in this browser, for the next person at it."""
    cookie[_person_key(slug)] = secrets.token_urlsafe(16)
    cookie[_shared_key(slug)] = True


def count_once(slug: str) -> bool:
    """Note in the cookie that this browser is unsuitable; return whether that was not known."""
    key = f"unsuitable:{slug}"
    is_first = key not in cookie
    cookie[key] = True
    return is_first
