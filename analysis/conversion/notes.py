"""The notes that a conversion takes for its summary, and the error that it raises."""

from collections import Counter
from dataclasses import dataclass, field


class ConversionError(Exception):
    """A table cannot be converted; the message says where, what, and what to do."""


@dataclass
class Notes:
    """The notes of a conversion, collected while it reads.

    table: the file in words. sources: by field, where its values come from. understood: by field
    or topic, what the values mean. dropped: numbers of rows by reason. cautions: what the reader of
    the report should know.
    """

    table: list[str] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    understood: dict[str, str] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    cautions: list[str] = field(default_factory=list)

    def format_summary(self) -> list[str]:
        """Return the lines of the summary."""
        fields = {
            name: ": ".join(filter(None, (source, self.understood.get(name))))
            for name, source in self.sources.items()
        }
        topics = {"task": self.understood["task"], **fields, **self.understood}
        lines = [f"{topic:<12} {fields.get(topic, text)}" for topic, text in topics.items()]
        return [
            *self.table,
            *lines,
            *(f"dropped      {count_noun(n, 'row')} {why}" for why, n in self.dropped.items()),
            *(f"note         {caution}" for caution in self.cautions),
        ]


MAX_LISTED = 6  # values in a message


def list_some(values: list[str]) -> str:
    """Return the first values, quoted, and how many more there are."""
    shown = ", ".join(repr(value[:40]) for value in values[:MAX_LISTED])
    more = len(values) - MAX_LISTED
    return f"{shown} and {more:,} more" if more > 0 else shown


def count_noun(count: int, noun: str) -> str:
    """Return a count with its noun: `1 image`, `2 images`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
