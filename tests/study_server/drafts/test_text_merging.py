"""Tests that an edited text follows the changes of its default."""

from study_server.drafts.text_merging import adapt_text, list_line_changes
from study_server.vocabulary import WordingPart
from study_server.wording.files import compose_wording
from tests.conftest import short_protocol

OLD = "one\n\ntwo\nthree\n\nfour"


def test_a_text_that_was_not_edited_becomes_the_new_default() -> None:
    assert adapt_text(OLD, OLD, "other").text == "other"


def test_lines_that_were_not_edited_follow_the_default() -> None:
    edited = OLD.replace("four", "mine")
    adapted = adapt_text(edited, OLD, "one\n\nTWO\nthree\nnew\n\nfour")
    assert adapted == ("one\n\nTWO\nthree\nnew\n\nmine", [])
    assert adapt_text(edited, OLD, "one\n\nthree\n\nfour").text == "one\n\nthree\n\nmine"
    assert adapt_text(edited, OLD, f"zero\n{OLD}").text == f"zero\n{edited}"


def test_a_change_of_an_edited_line_is_reported() -> None:
    edited = OLD.replace("two", "mine")
    adapted = adapt_text(edited, OLD, OLD.replace("two", "TWO"))
    assert adapted == (edited, ["the default now says “TWO” instead of “two”"])
    assert adapt_text(edited, OLD, "one\n\nthree\n\nfour").missed == [
        "the default no longer says “two”"
    ]


def test_a_consent_text_that_was_filled_in_mentions_new_masks() -> None:
    before, after = short_protocol(), short_protocol(masks=2, device="computer")
    place = ("en", WordingPart.CONSENT)
    old, new = compose_wording(before)[place], compose_wording(after)[place]
    filled = old.replace("[... for how long]", "ten years")
    adapted = adapt_text(filled, old, new)
    assert tuple(adapted) == (new.replace("[... for how long]", "ten years"), [])
    assert "Patterns of noise flash" in adapted.text


def test_the_changes_of_a_text_are_listed_by_line() -> None:
    assert list_line_changes(OLD, OLD.replace("two", "mine")) == [("-", "two"), ("+", "mine")]
    assert list_line_changes(OLD, OLD) == []
