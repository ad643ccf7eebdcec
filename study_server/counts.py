"""Numbers with their nouns, for messages."""


def format_count(count: int, one: str, many: str) -> str:
    """Format a count with its noun: 1 answer, 2,000 answers."""
    return f"{count:,} {one if count == 1 else many}"
