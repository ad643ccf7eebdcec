"""Numbers with their nouns."""

import pytest

from study_server.counts import format_count


@pytest.mark.parametrize(
    ("count", "expected"), [(0, "0 answers"), (1, "1 answer"), (2000, "2,000 answers")]
)
def test_one_is_singular(count: int, expected: str) -> None:
    assert format_count(count, "answer", "answers") == expected
