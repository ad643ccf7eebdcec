"""The list of participants: search, filters, order and pages."""

from dataclasses import replace
from datetime import timedelta

import pytest

from study_server.monitoring.participant_list import (
    PEOPLE_PER_PAGE,
    SORT_KEYS,
    ListFilter,
    find_page,
    read_filter,
    reverse_sort,
)
from study_server.vocabulary import Outcome, RecruitmentSource
from tests.study_server.studies.test_exclusion_counts import GOOD

CROWD = [
    replace(GOOD, public_id="pa1", started_at=GOOD.started_at - timedelta(hours=1)),
    replace(GOOD, public_id="pa2", outcome=Outcome.ABANDONED, reasons=("incomplete",)),
    replace(GOOD, public_id="pb1", source=RecruitmentSource.SONA, touch_answers=1),
    replace(GOOD, public_id="pb2", language="de", disturbed_trials=3, has_webdriver=True),
    replace(GOOD, public_id="pb3", answered_trials=0, incident_count=2),
]


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({}, ["pa2", "pb1", "pb2", "pb3", "pa1"]),
        ({"search": " PB ", "sort": "participant"}, ["pb1", "pb2", "pb3"]),
        ({"outcome": "abandoned"}, ["pa2"]),
        ({"source": "sona"}, ["pb1"]),
        ({"device": "touch screen"}, ["pb1"]),
        ({"language": "de"}, ["pb2"]),
        ({"flag": "incomplete"}, ["pa2"]),
        ({"flag": "any_rule"}, ["pa2"]),
        ({"flag": "disturbed"}, ["pb2"]),
        ({"flag": "automated"}, ["pb2"]),
        ({"flag": "failed_images"}, ["pb3"]),
        ({"flag": "none", "sort": "participant"}, ["pa1", "pb1"]),
        ({"flag": "nonsense", "sort": "nonsense", "page": "nonsense"}, None),
        ({"language": "fr"}, []),
    ],
)
def test_the_list_shows_who_matches(parameters: dict[str, str], names: list[str] | None) -> None:
    page = find_page(CROWD, read_filter(parameters))
    everyone = [person.public_id for person in find_page(CROWD, ListFilter()).people]
    assert [person.public_id for person in page.people] == (everyone if names is None else names)
    assert page.levels["language"] == ["de", "en"]


@pytest.mark.parametrize("key", SORT_KEYS)
def test_every_column_sorts_both_ways(key: str) -> None:
    ascending = find_page(CROWD, ListFilter(sort=key)).people
    descending = find_page(CROWD, ListFilter(sort=f"-{key}")).people
    values = [SORT_KEYS[key](person) for person in ascending]
    assert values == sorted(values)
    assert [SORT_KEYS[key](person) for person in descending] == values[::-1]


def test_a_second_click_on_a_column_reverses_it() -> None:
    assert reverse_sort("-started", "trials") == "trials"
    assert reverse_sort("trials", "trials") == "-trials"
    assert reverse_sort("-trials", "trials") == "trials"


@pytest.mark.parametrize(("page", "shown"), [(1, 100), (2, 100), (3, 1), (99, 1), (0, 100)])
def test_pages_stay_within_the_list(page: int, shown: int) -> None:
    crowd = [replace(GOOD, public_id=f"p{n}") for n in range(2 * PEOPLE_PER_PAGE + 1)]
    listed = find_page(crowd, read_filter({"page": str(page)}))
    assert (len(listed.people), listed.total, listed.pages) == (shown, 201, 3)
