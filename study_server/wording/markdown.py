"""Markdown for study texts: CommonMark (https://spec.commonmark.org) without HTML and images."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

TITLE_PATTERN = re.compile(r"\s*#[ \t]+(\S[^\n]*)\n?")
SAFE_LINK_PATTERN = re.compile(r"(https://|mailto:)", re.IGNORECASE)

RENDERER = MarkdownIt("commonmark", {"html": False})


class TextProblem(NamedTuple):
    """A problem in a text: its line, from 1, and a message with the remedy."""

    line: int
    message: str


class LinkFinder(MarkdownIt):
    """A parser that keeps every link; the renderer writes links that it rejects as plain text."""

    def validateLink(self, url: str) -> bool:
        """Accept every link."""
        return True


LINK_FINDER = LinkFinder("commonmark", {"html": False})


@lru_cache(maxsize=256)  # every consent page renders the same few texts
def render_markdown(text: str) -> Markup:
    """Render a text in which `find_problems` found nothing."""
    return Markup(RENDERER.render(text))  # safe: with html off, the renderer escapes every tag


def read_title(text: str) -> tuple[str, str]:
    """Split a text that begins with `# title` into the title and the rest.

    Raises ValueError if it begins differently.
    """
    match = TITLE_PATTERN.match(text)
    if match is None:
        raise ValueError("no title")
    return match[1].strip(), text[match.end() :]


def find_problems(text: str, *, allow_title: bool = False) -> Iterator[TextProblem]:
    """Yield headings, images and links that participants must not see.

    allow_title: whether the text may have one first-level heading, the title of the page.
    """
    line, titles = 1, 0
    for token in _walk(LINK_FINDER.parse(text)):
        line = token.map[0] + 1 if token.map else line
        if token.type == "heading_open" and token.tag == "h1":
            titles += 1
            if titles > allow_title:
                yield TextProblem(line, "a page can have only one title; start headings with ##")
        if token.type == "image":
            yield TextProblem(line, "images are not allowed; remove this one")
        if token.type == "link_open" and not SAFE_LINK_PATTERN.match(str(token.attrs["href"])):
            link = f"link to {token.attrs['href']}"
            yield TextProblem(line, f"{link}; only https:// and mailto: links are allowed")


def _walk(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _walk(token.children or [])
