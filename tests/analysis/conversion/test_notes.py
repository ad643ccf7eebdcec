"""Tests of the summary of a conversion."""

from analysis.conversion.notes import Notes, count_noun, list_some


def test_a_summary_has_sources_meanings_losses_and_cautions() -> None:
    notes = Notes(
        table=["own.csv: 3 rows"],
        sources={"answer": "column said", "rt": "column time"},
        understood={"rt": "in seconds", "task": "rating, quality", "converted": "2 trials"},
        cautions=["no photographs were shown"],
    )
    notes.dropped["without image"] += 1
    assert notes.format_summary() == [
        "own.csv: 3 rows",
        "task         rating, quality",
        "answer       column said",
        "rt           column time: in seconds",
        "converted    2 trials",
        "dropped      1 row without image",
        "note         no photographs were shown",
    ]


def test_lists_and_counts_are_readable() -> None:
    assert list_some(["a", "b"]) == "'a', 'b'"
    assert list_some(list("abcdefghi")) == "'a', 'b', 'c', 'd', 'e', 'f' and 3 more"
    assert (count_noun(1, "image"), count_noun(2000, "image")) == ("1 image", "2,000 images")
