"""Adapt an edited text to another protocol, whose default text differs from the earlier one."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple


class AdaptedText(NamedTuple):
    """A text after the changes of its default.

    missed: changes of the default that were not made, because the lines had been edited.
    """

    text: str
    missed: list[str]


def adapt_text(edited: str, old_default: str, new_default: str) -> AdaptedText:
    """Make in an edited text the changes that lead from one default text to another.

    A changed line of the default is changed in the edited text only where it was left as it was.
    """
    if edited == old_default:
        return AdaptedText(new_default, [])
    old, new, lines = (text.split("\n") for text in (old_default, new_default, edited))
    places = _find_places(old, lines)
    missed = []
    changes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for kind, i, j, k, m in reversed(changes):  # from the end, so that places stay valid
        if kind == "equal":
            continue
        span = _find_span(places, i, j, len(lines))
        if span is None:
            missed.append(_describe_change(old[i:j], new[k:m]))
        else:
            lines[span[0] : span[1]] = new[k:m]
    return AdaptedText("\n".join(lines), missed[::-1])


def _find_places(old: Sequence[str], edited: Sequence[str]) -> dict[int, int]:
    """Return the line in the edited text of each line of the default that was left as it was."""
    blocks = SequenceMatcher(None, old, edited, autojunk=False).get_matching_blocks()
    return {a + offset: b + offset for a, b, size in blocks for offset in range(size)}


def _find_span(places: dict[int, int], i: int, j: int, count: int) -> tuple[int, int] | None:
    """Return where the default's lines i to j are in the edited text; None if they were edited."""
    if i == j:  # an insertion, after the line before or else before the line after
        if i == 0 or (i not in places and i - 1 not in places):
            return (places[i], places[i]) if i in places else None
        place = places[i - 1] + 1 if i - 1 in places else places[i]
        return (place, place)
    found = [places.get(line) for line in range(i, j)]
    first = found[0]
    if first is None or found != list(range(first, first + (j - i))):
        return None
    return (first, min(first + (j - i), count))


def _describe_change(old: Sequence[str], new: Sequence[str]) -> str:
    """Describe a change of the default for the person who has edited the text."""
    gone, added = (" ".join(line for line in lines if line.strip()) for lines in (old, new))
    if not added:
        return f"the default no longer says “{gone}”"
    return f"the default now says “{added}”" + (f" instead of “{gone}”" if gone else "")


def list_line_changes(default: str, text: str) -> list[tuple[str, str]]:
    """Return the lines in which a text differs from its default: "+" or "-", and the line."""
    old, new = default.split("\n"), text.split("\n")
    changes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    lines = [
        (sign, line)
        for kind, i, j, k, m in changes
        if kind != "equal"
        for sign, part in (("-", old[i:j]), ("+", new[k:m]))
        for line in part
    ]
    return [(sign, line) for sign, line in lines if line.strip()]
