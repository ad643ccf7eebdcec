"""The list of participants: searched, filtered, sorted, and divided into pages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from study_server.studies.exclusion_counts import REASON_TEXTS, ParticipantSummary

PEOPLE_PER_PAGE = 100
AUTOMATED, FAILED_IMAGES, DISTURBED, NO_FLAG = "automated", "failed_images", "disturbed", "none"
FLAG_TEXTS = {  # by the value of the filter `flag`
    NO_FLAG: "nothing",
    "any_rule": "any exclusion rule",
    **REASON_TEXTS,
    DISTURBED: "disturbed trials",
    FAILED_IMAGES: "images that failed to load",
    AUTOMATED: "signs of automation",
}
# The columns of the table that sort it, by name.
SORT_KEYS: Mapping[str, Callable[[ParticipantSummary], Any]] = {
    "participant": lambda person: person.public_id,
    "outcome": lambda person: person.outcome,
    "started": lambda person: person.started_at,
    "minutes": lambda person: person.duration.total_seconds() if person.duration else -1.0,
    "trials": lambda person: person.answered_trials,
    "checks": lambda person: person.attention_checks_correct,
    "disturbed": lambda person: person.disturbed_trials,
    "excluded": lambda person: (len(person.reasons), person.reasons),
    "source": lambda person: person.source,
    "device": lambda person: person.device,
    "language": lambda person: person.language,
}
DEFAULT_SORT = "-started"


@dataclass(frozen=True)
class ListFilter:
    """The settings of the list. Empty values do not restrict it.

    search: a part of the public ID. flag: an exclusion rule, or another key of FLAG_TEXTS. sort: a
    key of SORT_KEYS, with a minus sign for the reverse order. page: from 1.
    """

    search: str = ""
    outcome: str = ""
    source: str = ""
    device: str = ""
    language: str = ""
    flag: str = ""
    sort: str = DEFAULT_SORT
    page: int = 1


@dataclass(frozen=True)
class ListPage:
    """A page of the list. total: participants on all pages. levels: values of each filter."""

    people: Sequence[ParticipantSummary]
    total: int
    page: int
    pages: int
    levels: Mapping[str, Sequence[str]]


def read_filter(parameters: Mapping[str, str]) -> ListFilter:
    """Return the filter that the parameters of an address describe; unknown values are ignored."""
    values: dict[str, Any] = {
        field.name: parameters[field.name].strip()
        for field in fields(ListFilter)
        if field.name in parameters
    }
    page = values.get("page", "1")
    values["page"] = max(int(page), 1) if page.isascii() and page.isdigit() else 1
    if values.get("sort", DEFAULT_SORT).removeprefix("-") not in SORT_KEYS:
        values["sort"] = DEFAULT_SORT
    return ListFilter(**values)


def find_page(people: Sequence[ParticipantSummary], wanted: ListFilter) -> ListPage:
    """Return the page of the participants that the filter asks for."""
    matching = [person for person in people if _matches(person, wanted)]
    key = SORT_KEYS[wanted.sort.removeprefix("-")]
    matching.sort(key=key, reverse=wanted.sort.startswith("-"))
    pages = max(1, -(-len(matching) // PEOPLE_PER_PAGE))
    number = min(wanted.page, pages)
    first = (number - 1) * PEOPLE_PER_PAGE
    shown = matching[first : first + PEOPLE_PER_PAGE]
    return ListPage(shown, len(matching), number, pages, _find_levels(people))


def _find_levels(people: Sequence[ParticipantSummary]) -> dict[str, list[str]]:
    """Return the values of outcome, source, device and language that occur."""
    return {
        name: sorted({str(getattr(person, name)) for person in people} - {""})
        for name in ("outcome", "source", "device", "language")
    }


def _matches(person: ParticipantSummary, wanted: ListFilter) -> bool:
    return (
        wanted.search.lower() in person.public_id.lower()
        and wanted.outcome in ("", person.outcome)
        and wanted.source in ("", person.source)
        and wanted.device in ("", person.device)
        and wanted.language in ("", person.language)
        and (wanted.flag not in FLAG_TEXTS or wanted.flag in _flags_of(person))
    )


def _flags_of(person: ParticipantSummary) -> set[str]:
    """Return the values of the filter `flag` that find this participant."""
    signs = {
        "any_rule": bool(person.reasons),
        DISTURBED: person.disturbed_trials > 0,
        FAILED_IMAGES: person.incident_count > 0,
        AUTOMATED: person.is_automated,
    }
    flags = {*person.reasons, *(name for name, is_set in signs.items() if is_set)}
    return flags or {NO_FLAG}


def reverse_sort(current: str, column: str) -> str:
    """Return the order that a click on a column's heading asks for."""
    return f"-{column}" if current == column else column
