"""Patterns such as `{image}_{method}.png`, which take fields from a text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from analysis.conversion.notes import ConversionError

PLACEHOLDER = re.compile(r"\{([a-z_0-9.]+)(?::([^{}]*))?\}")


@dataclass(frozen=True)
class Pattern:
    """A text with placeholders.

    `{image}` stands for any text without a slash, `{method:l2|mcl}` for one of two, and `*` for any
    text. A text has to fit in one way only: `a_b_c` does not fit `{image}_{method}`.
    """

    text: str

    @property
    def fields(self) -> list[str]:
        """Return the fields of the placeholders."""
        return [match[1] for match in PLACEHOLDER.finditer(self.text)]

    @property
    def literal_length(self) -> int:
        """Return the number of characters outside the placeholders."""
        return len(PLACEHOLDER.sub("", self.text))

    def match(self, text: str) -> Mapping[str, str] | None:
        """Return the fields of a text, or None if it does not fit.

        Raises ConversionError if it fits in several ways.
        """
        lazy, greedy = (pattern.fullmatch(text) for pattern in self._compiled)
        if lazy is None or greedy is None:
            return None
        if lazy.groups() != greedy.groups():
            raise ConversionError(
                f"{text!r} fits {self.text} in several ways; list the values of a field, as in "
                f"{{{self.fields[-1]}:NAME|OTHER}}"
            )
        return dict(zip(self.fields, lazy.groups(), strict=True))

    @cached_property
    def _compiled(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        """Expressions whose placeholders take as little text as possible, or as much."""
        return re.compile(self._translate("?"), re.S), re.compile(self._translate(""), re.S)

    def _translate(self, quantifier: str) -> str:
        parts, end = [], 0
        for placeholder in PLACEHOLDER.finditer(self.text):
            parts.append(_translate_literal(self.text[end : placeholder.start()], quantifier))
            any_text = f"[^/]+{quantifier}"
            parts.append(f"({_any_of(placeholder[2]) if placeholder[2] else any_text})")
            end = placeholder.end()
        return "".join([*parts, _translate_literal(self.text[end:], quantifier)])


def _translate_literal(text: str, quantifier: str) -> str:
    return f".*{quantifier}".join(map(re.escape, text.split("*")))


def _any_of(alternatives: str) -> str:
    return "|".join(map(re.escape, alternatives.split("|")))


def is_pattern(text: str) -> bool:
    """Return whether a text has a placeholder."""
    return PLACEHOLDER.search(text) is not None
