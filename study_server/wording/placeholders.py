"""The {blanks} that a study's texts may have, filled in from its protocol."""

import re
from collections.abc import Mapping

from babel.lists import format_list

from study_server.languages import catalogue, minutes, seconds
from study_server.protocol import Protocol
from study_server.words import Kind

BLANK = re.compile(r"\{([^{}\n]*)\}")

Blanks = Mapping[str, str]


def find_blanks(protocol: Protocol, language: str) -> Blanks:
    """What each stands for, with its noun or unit; empty where the protocol has no such thing."""
    limit = protocol.time_limit_minutes
    return {
        "title": protocol.title,
        "qualification": _trials(protocol, protocol.qualification, language),
        "practice": _practice_trials(protocol, protocol.practice, language),
        "shown": _trials(protocol, protocol.shown(Kind.TEST), language),
        "seconds": _exposures(protocol.exposures_ms, language),
        "minutes": minutes(protocol.minutes, language),
        "time_limit": minutes(limit, language) if limit else "",
    }


def fill(text: str, blanks: Blanks) -> str:
    return BLANK.sub(lambda blank: blanks[blank[1]], text)


def _trials(protocol: Protocol, count: int, language: str) -> str:
    words = catalogue(language)
    pairs = words.ngettext("{count} pair", "{count} pairs", count)
    images = words.ngettext("{count} image", "{count} images", count)
    return _counted(images if protocol.single else pairs, count)


def _practice_trials(protocol: Protocol, count: int, language: str) -> str:
    words = catalogue(language)
    pairs = words.ngettext("{count} practice pair", "{count} practice pairs", count)
    images = words.ngettext("{count} practice image", "{count} practice images", count)
    return _counted(images if protocol.single else pairs, count)


def _counted(form: str, count: int) -> str:
    return form.format(count=count) if count else ""


def _exposures(exposures_ms: tuple[int | None, ...], language: str) -> str:
    """0.5 seconds or 1 second; empty where an image stays until the answer."""
    spans = [seconds(exposure / 1000, language) for exposure in exposures_ms if exposure]
    if len(spans) < len(exposures_ms):
        return ""
    return format_list(spans, "or", locale=language)
