"""Placeholders in a study's texts, such as {shown}, and their values for a protocol."""

import re
from collections.abc import Mapping

from babel.lists import format_list

from study_server.languages import N_, format_minutes, format_seconds, load_catalog
from study_server.protocol.model import Protocol
from study_server.vocabulary import TrialKind

PLACEHOLDER_PATTERN = re.compile(r"\{([^{}\n]*)\}")

OTHER_STUDIES = N_("other studies on this server")
Placeholders = Mapping[str, str]


def placeholder_values(protocol: Protocol, language: str) -> Placeholders:
    """Return the text of every placeholder, with its noun or unit.

    The text is empty where the protocol has no such setting.
    """
    limit = protocol.time_limit_minutes
    return {
        "title": protocol.title,
        "qualification": _format_trial_count(protocol, protocol.qualification, language),
        "practice": _format_practice_count(protocol, protocol.practice, language),
        "shown": _format_trial_count(protocol, protocol.visible_trials(TrialKind.TEST), language),
        "candidates": str(protocol.candidate_count),
        "seconds": _format_duration(protocol, language),
        "minutes": format_minutes(protocol.estimated_minutes, language),
        "other_studies": load_catalog(language).gettext(OTHER_STUDIES) if protocol.linked else "",
        "link_parameters": format_list(protocol.link_parameters, locale=language),
        "time_limit": format_minutes(limit, language) if limit else "",
    }


def fill_placeholders(text: str, values: Placeholders) -> str:
    """Replace every {placeholder} by its value; raises KeyError on an unknown one."""
    return PLACEHOLDER_PATTERN.sub(lambda placeholder: values[placeholder[1]], text)


def _format_trial_count(protocol: Protocol, count: int, language: str) -> str:
    translations = load_catalog(language)
    pairs = translations.ngettext("{count} pair", "{count} pairs", count)
    images = translations.ngettext("{count} image", "{count} images", count)
    sets = translations.ngettext("{count} set of images", "{count} sets of images", count)
    return _format_or_empty(_choose_unit(protocol, images, pairs, sets), count)


def _format_practice_count(protocol: Protocol, count: int, language: str) -> str:
    translations = load_catalog(language)
    pairs = translations.ngettext("{count} practice pair", "{count} practice pairs", count)
    images = translations.ngettext("{count} practice image", "{count} practice images", count)
    sets = translations.ngettext(
        "{count} practice set of images", "{count} practice sets of images", count
    )
    return _format_or_empty(_choose_unit(protocol, images, pairs, sets), count)


def _choose_unit(protocol: Protocol, image: str, pair: str, image_set: str) -> str:
    return {1: image, 2: pair}.get(protocol.candidate_count, image_set)


def _format_or_empty(form: str, count: int) -> str:
    return form.format(count=count) if count else ""


def _format_duration(protocol: Protocol, language: str) -> str:
    """Return how long an image is shown; the exposures of a staircase are not known before."""
    if protocol.staircase:
        return load_catalog(language).gettext("a short time")
    return _format_exposures(protocol.exposures_ms, language)


def _format_exposures(exposures_ms: tuple[int | None, ...], language: str) -> str:
    """Return, for example, "0.5 seconds or 1 second"; empty if an image stays until the answer."""
    spans = [format_seconds(exposure / 1000, language) for exposure in exposures_ms if exposure]
    if len(spans) < len(exposures_ms):
        return ""
    return format_list(spans, "or", locale=language)
