"""Pages for visitors who cannot take part, or not here."""

from urllib.parse import urlencode

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from limits import parse

from study_server.participants import admission, enrollment
from study_server.participants.outcomes import UNFINISHED_OUTCOMES
from study_server.storage.models import Participant, Study
from study_server.views.language import gettext
from study_server.vocabulary import StudyState
from study_server.web.limits import limit_attempts
from study_server.wording.stored import RenderedWording

MISS_LIMIT = parse("10 per minute")  # per IP address


def url_in_language(endpoint: str, slug: str, language: str) -> str:
    """Return an address of this study in a language, with the parameters of this page."""
    query = request.args.to_dict() | {"lang": language}
    return f"{url_for(endpoint, slug=slug)}?{urlencode(query)}"


def render_refusal(
    study: Study, wording: RenderedWording, refusal: Exception
) -> ResponseReturnValue:
    """Say why the study does not admit this person."""
    states = {
        StudyState.DRAFT: gettext("This study isn’t open yet."),
        StudyState.PAUSED: gettext("This study is paused. Please come back later."),
        StudyState.CLOSED: gettext("This study is closed. Thank you for your interest."),
    }
    reasons = {
        admission.StudyNotOpenError: states.get(study.state, ""),
        admission.NotInvitedError: gettext(
            "This study is by invitation only. Please use the link you were sent."
        ),
        enrollment.StudyFullError: gettext(
            "This study is full at the moment. Thank you for your interest."
        ),
        admission.TookPartBeforeError: gettext(
            "This study is only for people who have not taken part in our earlier studies, so you "
            "can’t take part in it. Thank you for your interest."
        ),
        enrollment.WithdrawnError: gettext(
            "You have withdrawn from this study, and your data have been deleted. Nobody can take "
            "part twice, so you can’t start over. Thank you for your interest."
        ),
        enrollment.NoStimuliError: gettext("This study has no images yet."),
    }
    return render_message(wording, reasons[type(refusal)], 403)


def render_earlier_visit(
    wording: RenderedWording, slug: str, earlier: Participant | None
) -> ResponseReturnValue:
    """Ask whether this is the person who took part in this browser, or someone else.

    earlier: that participant; None if they have withdrawn.
    """
    is_over = earlier is None or earlier.outcome not in UNFINISHED_OUTCOMES
    return render_template(
        "participant/entrance/earlier_visit.html",
        wording=wording,
        has_withdrawn=earlier is None,
        is_over=is_over,
        player_url=url_for("trials.player", token=earlier.token) if earlier else None,
        action=url_in_language("entrance.begin_as_someone_else", slug, wording.language),
    )


def render_started_elsewhere(wording: RenderedWording) -> ResponseReturnValue:
    """Tell visitors whose browser is not the one in which the study was started how to continue.

    Only these visits are limited, because some of them come from people who guess IDs.
    """
    limit_attempts(MISS_LIMIT, "started elsewhere")
    return render_template("participant/entrance/started_elsewhere.html", wording=wording), 409


def render_message(wording: RenderedWording, message: str, status: int) -> ResponseReturnValue:
    """Show a message under the study's title."""
    page = render_template("participant/message.html", title=wording.title, message=message)
    return page, status
