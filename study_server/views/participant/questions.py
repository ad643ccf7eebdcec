"""The pages with a study's own questions, before the first trial and after the last."""

from collections.abc import Mapping

from babel.numbers import parse_decimal
from flask import Blueprint, abort, g, redirect, render_template, request
from flask.typing import ResponseReturnValue

from study_server.participants.participation import protocol_of
from study_server.protocol.questions import Question
from study_server.questionnaire import submission
from study_server.questionnaire.answers import MAX_TEXT_ANSWER, GivenAnswer, InvalidAnswersError
from study_server.views.participant.pages import (
    load_participant,
    participant_url,
    participant_wording,
    read_token,
)
from study_server.vocabulary import QuestionPage, QuestionType

pages = Blueprint("questions", __name__, url_prefix="/p/<token>/questions/<page>")
pages.url_value_preprocessor(read_token)
pages.before_request(load_participant)

DECLINED = "declined"  # the value of the option "Prefer not to say"


@pages.get("")
def show_page(page: str) -> ResponseReturnValue:
    """Show the questions of a page, or redirect a participant for whom it is not the next one."""
    if submission.find_pending_page(g.db, g.participant) is not _find_page(page):
        return redirect(participant_url("trials.player"))
    return _render_page(_find_page(page), {})


@pages.post("")
def store_page(page: str) -> ResponseReturnValue:
    """Store the answers, or show the questions again if one of them cannot be stored."""
    questions = protocol_of(g.participant).questions_on(_find_page(page))
    given = {question.name: _read_answer(question) for question in questions}
    try:
        submission.store_page(g.db, g.participant, _find_page(page), given)
    except InvalidAnswersError as error:
        return _render_page(_find_page(page), error.problems), 400
    except submission.PageNotDueError:
        pass  # the study goes on where the participant is
    g.db.commit()
    return redirect(participant_url("trials.player"), 303)


def _find_page(page: str) -> QuestionPage:
    return QuestionPage(page) if page in list(QuestionPage) else abort(404)


def _read_answer(question: Question) -> GivenAnswer:
    """Return an answer of the form; a text that is not what the question asks for stays a text."""
    written = request.form.get(f"answer-{question.name}", "").strip()
    if request.form.get(f"{DECLINED}-{question.name}") or (
        written == DECLINED and question.kind is QuestionType.CHOICE
    ):
        return None
    if question.kind is QuestionType.CHOICE and written.isdecimal():
        return int(written[:9])
    if question.kind is QuestionType.NUMBER and written:
        return _parse_number(written)
    return written


def _parse_number(written: str) -> float | str:
    """Return the number that a text means in the participant's language, or else the text."""
    try:
        return float(parse_decimal(written, locale=g.participant.language, strict=True))
    except (ValueError, ArithmeticError):  # no number, or one that decimal cannot hold
        return written


def _render_page(page: QuestionPage, problems: Mapping[str, str]) -> str:
    protocol = protocol_of(g.participant)
    return render_template(
        "participant/questions.html",
        wording=participant_wording(),
        page=page,
        questions=protocol.questions_on(page),
        fallback=protocol.languages[0],
        action=participant_url("questions.store_page", page=page),
        withdraw_url=participant_url("trials.show_withdrawal"),
        form=request.form,
        problems=problems,
        declined=DECLINED,
        max_length=MAX_TEXT_ANSWER,
    )
