"""Tests of saving texts on the page, and of their previews."""

import pytest
from sqlalchemy import Engine

from study_server.drafts.draft import StaleDraftError, draft_version
from study_server.drafts.text_preview import preview_text
from study_server.drafts.wording_change import (
    WordingProblemsError,
    change_texts,
    list_open_places,
)
from study_server.storage.engine import write_transaction
from study_server.studies.lookup import find_study
from study_server.vocabulary import WordingPart
from study_server.wording.files import compose_wording
from study_server.wording.stored import load_wording, reword_study, store_wording
from tests.conftest import short_protocol
from tests.imported_studies import fill_in


def save(engine: Engine, **texts: str) -> list[WordingPart]:
    with write_transaction(engine) as db:
        study = find_study(db, "short")
        by_part = {WordingPart(part): text for part, text in texts.items()}
        return change_texts(db, study, "en", by_part, version=draft_version(study))


def test_texts_are_saved_as_a_file_would_be(draft_engine: Engine) -> None:
    saved = save(
        draft_engine,
        question="Which one?\r\n",
        debrief="<!-- a note -->\r\n?masks: Flashes\r\n?no-masks: Thanks, {minutes}",
    )
    assert saved == [WordingPart.QUESTION, WordingPart.DEBRIEF]
    with write_transaction(draft_engine) as db:
        study = find_study(db, "short")
        texts = load_wording(db, study)
        assert study.revision == 1
    assert texts["en", WordingPart.QUESTION] == "Which one?"
    assert texts["en", WordingPart.DEBRIEF] == "Thanks, {minutes}"


def test_every_problem_has_its_line_and_nothing_is_saved(draft_engine: Engine) -> None:
    with pytest.raises(WordingProblemsError) as refused:
        save(draft_engine, debrief="One\n\n{who}\n\n[x](javascript:1)", question="", consent="# T")
    problems = refused.value.problems
    assert [line for line, _ in problems[WordingPart.DEBRIEF]] == [3, 5]
    assert "unknown placeholder {who}" in problems[WordingPart.DEBRIEF][0].message
    assert problems[WordingPart.QUESTION][0].message.startswith("empty")
    assert WordingPart.CONSENT not in problems
    with write_transaction(draft_engine) as db:
        assert find_study(db, "short").revision == 0


def test_a_stale_text_is_refused(draft_engine: Engine) -> None:
    with write_transaction(draft_engine) as db:
        version = draft_version(find_study(db, "short"))
    save(draft_engine, question="Mine?")
    with write_transaction(draft_engine) as db:
        study = find_study(db, "short")
        with pytest.raises(StaleDraftError):
            change_texts(db, study, "en", {WordingPart.QUESTION: "Yours?"}, version=version)


def test_a_text_that_the_command_stored_is_a_change_too(draft_engine: Engine) -> None:
    with write_transaction(draft_engine) as db:
        study = find_study(db, "short")
        reword_study(db, short_protocol(), study, fill_in(compose_wording(short_protocol())))
        assert study.revision == 1


def test_places_to_fill_in_and_misfits_are_listed(draft_engine: Engine) -> None:
    with write_transaction(draft_engine) as db:
        study = find_study(db, "short")
        assert list_open_places(db, study) == []
        texts = dict(compose_wording(short_protocol()))
        texts["en", WordingPart.INSTRUCTIONS] = "Hello\n\n{time_limit}"
        store_wording(db, study, texts)
        db.flush()
        places = list_open_places(db, study)
    assert {place.part for place in places} == {
        WordingPart.CONSENT,
        WordingPart.INSTRUCTIONS,
        WordingPart.DEBRIEF,
    }
    (misfit,) = (place for place in places if place.part is WordingPart.INSTRUCTIONS)
    assert (misfit.line, misfit.message[:30]) == (3, "{time_limit} is not set in stu")


def test_a_preview_is_what_participants_see() -> None:
    protocol = short_protocol()
    preview = preview_text(
        "en", WordingPart.CONSENT, "# {title}\n\n**{minutes}** <b> [... who]", protocol
    )
    assert preview.title == protocol.title
    assert str(preview.body) == (
        "<p><strong>2 minutes</strong> &lt;b&gt; <mark>[... who]</mark></p>\n"
    )
    assert [line for line, _ in preview.unfilled] == [3]
    question = preview_text("en", WordingPart.QUESTION, "Is <i>it</i> {who}?", protocol)
    assert str(question.body) == "<p>Is &lt;i&gt;it&lt;/i&gt; {who}?</p>"
    assert "unknown placeholder {who}" in question.problems[0].message
    assert preview_text("en", WordingPart.CONSENT, "", protocol).problems
