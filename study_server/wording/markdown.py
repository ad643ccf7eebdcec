"""The Markdown of texts: CommonMark (https://spec.commonmark.org) without HTML and images."""

import re
from collections.abc import Iterator
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

TITLE = re.compile(r"\s*#[ \t]+(\S[^\n]*)\n?")
SAFE_LINK = re.compile(r"(https://|mailto:)", re.IGNORECASE)

RENDERER = MarkdownIt("commonmark", {"html": False})


class Finder(MarkdownIt):
    """Finds every link, where the renderer writes out what it does not like as text."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - its name there
        return True


FINDER = Finder("commonmark", {"html": False})


@lru_cache(maxsize=256)  # every consent page wants the same few
def render(text: str) -> Markup:
    """Text that `find_faults` had nothing against."""
    return Markup(RENDERER.render(text))  # with html off it escapes every tag


def read_title(text: str) -> tuple[str, str]:
    """(title, the rest) of a text that begins with `# title`; raises ValueError on another."""
    found = TITLE.match(text)
    if found is None:
        raise ValueError("no title")
    return found[1].strip(), text[found.end() :]


def find_faults(text: str, titled: bool = False) -> Iterator[tuple[int, str]]:
    """(line, what and what to do) of what participants must not meet.

    titled: whether its first heading may be the page's.
    """
    line, titles = 1, 0
    for token in _walk(FINDER.parse(text)):
        line = token.map[0] + 1 if token.map else line
        if token.type == "heading_open" and token.tag == "h1":
            titles += 1
            if titles > titled:
                yield line, "a page has one title, and this is not it; begin headings with ##"
        if token.type == "image":
            yield line, "an image, which participants would not see; take it out"
        if token.type == "link_open" and not SAFE_LINK.match(str(token.attrs["href"])):
            yield line, f"a link to {token.attrs['href']}; only https:// and mailto: are followed"


def _walk(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _walk(token.children or [])
