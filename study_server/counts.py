"""Numbers with their nouns, and lists of words, for messages."""

from collections.abc import Sequence


def format_count(count: int, one: str, many: str) -> str:
    """Format a count with its noun: 1 answer, 2,000 answers."""
    return f"{count:,} {one if count == 1 else many}"


def join_words(words: Sequence[str], conjunction: str = "and") -> str:
    """Join words as a list in a sentence: "a, b and c"."""
    *first, last = words
    return f"{', '.join(first)} {conjunction} {last}" if first else last
