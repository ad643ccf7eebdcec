"""Tests of patterns that take fields from a text."""

import pytest

from analysis.conversion.notes import ConversionError
from analysis.conversion.patterns import Pattern, is_pattern


@pytest.mark.parametrize(
    ("pattern", "text", "fields"),
    [
        ("{image}_{method}", "oak_mcl", {"image": "oak", "method": "mcl"}),
        ("{image}_{method:l2|mcl}", "old_oak_mcl", {"image": "old_oak", "method": "mcl"}),
        ("*/{method}/{image}.png", "a/b/mcl/oak.png", {"method": "mcl", "image": "oak"}),
        ("{image}_{method:l2|mcl}", "oak_gan", None),
        ("img/{image}.png", "img/a/oak.png", None),
        ("a.c{image}", "abcd", None),
        ("score.{scale}", "score.sharp", {"scale": "sharp"}),
    ],
)
def test_a_pattern_takes_fields_from_texts_that_fit(
    pattern: str, text: str, fields: dict[str, str] | None
) -> None:
    assert Pattern(pattern).match(text) == fields


def test_a_text_that_fits_in_several_ways_is_refused() -> None:
    with pytest.raises(ConversionError, match=r"'a_b_c' fits \{image\}_\{method\} in several"):
        Pattern("{image}_{method}").match("a_b_c")


def test_a_pattern_is_a_text_with_a_placeholder() -> None:
    assert is_pattern("Q{item}")
    assert not is_pattern("Q1")
    assert Pattern("{image}_{method:a|b}_rt").fields == ["image", "method"]
    assert Pattern("{image}_{method:a|b}_rt").literal_length == 4
