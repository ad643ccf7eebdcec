"""The published rates: complete, and honest about what is known of them."""

import pytest

from analysis.inputs.published import _standard_error, read_published_rates


def test_the_source_reports_rates_stand_without_an_interval() -> None:
    found = {(one.rate, one.se) for one in read_published_rates() if "Michigan" in one.source}
    assert found == {(0.226, None), (0.301, None)}


def test_every_rate_is_a_proportion_of_known_standing() -> None:
    for one in read_published_rates():
        assert 0 < one.rate < 0.5
        assert one.se is None or 0 < one.se < 0.1
        assert one.read_from in {"original", "copy", "memory"}


def test_an_error_made_from_the_count_of_trials_is_twice_as_cautious_in_variance() -> None:
    """2 p (1 - p) / n, with p = 0.3 and n = 840: 0.0005."""
    assert _standard_error(None, 840, 0.3) == pytest.approx(0.0005**0.5)
    assert _standard_error(0.02, 840, 0.3) == 0.02
