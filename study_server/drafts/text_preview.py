"""A text as participants will see it, with its problems and the places left to fill in."""

import re
from dataclasses import dataclass

from markupsafe import Markup

from study_server.drafts.wording_change import find_text_problems, list_unfilled, normalize_text
from study_server.protocol.model import Protocol
from study_server.vocabulary import WordingPart
from study_server.wording.files import resolve_text
from study_server.wording.markdown import RENDERER, TextProblem, read_title
from study_server.wording.placeholders import PLACEHOLDER_PATTERN, placeholder_values

UNFILLED_HTML = re.compile(r"\[\.\.\.[^\]<]*\]")


@dataclass(frozen=True)
class TextPreview:
    """A rendered text. title: of the consent text; empty for the other texts."""

    title: str
    body: Markup
    problems: list[TextProblem]
    unfilled: list[TextProblem]


def preview_text(language: str, part: WordingPart, text: str, protocol: Protocol) -> TextPreview:
    """Render a text that may have problems; unknown placeholders stay as they are."""
    values = placeholder_values(protocol, language)
    content = PLACEHOLDER_PATTERN.sub(
        lambda match: values.get(match[1], match[0]), resolve_text(normalize_text(text), protocol)
    )
    title, body = _split_title(content) if part is WordingPart.CONSENT else ("", content)
    return TextPreview(
        title,
        _render(body, part),
        find_text_problems(language, part, text, protocol),
        list_unfilled(text, protocol),
    )


def _split_title(content: str) -> tuple[str, str]:
    try:
        return read_title(content)
    except ValueError:
        return "", content


def _render(content: str, part: WordingPart) -> Markup:
    """Render Markdown, or the plain text of a question; places left to fill in are marked."""
    html = Markup(RENDERER.render(content))  # safe: with html off, the renderer escapes every tag
    if part is WordingPart.QUESTION:
        html = Markup("<p>{}</p>").format(content)
    return Markup(UNFILLED_HTML.sub(lambda place: f"<mark>{place[0]}</mark>", html))
