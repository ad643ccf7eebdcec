from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_server.publication.privacy import FIELDS, MIN_SHARED, coarsen_environments

SOME_VALUES: dict[str, list[str | None]] = {
    "source": ["link", "prolific"],
    "language": ["en-GB", "en-US", "de-DE", ""],
    "viewport": ["1280x720", "1366x650", "390x844", "odd", ""],
    "refresh_hz": ["59.9", "60.1", "144", None],
    "color_vision": ["normal", "deficient", "unknown"],
}
people = st.lists(
    st.fixed_dictionaries({field: st.sampled_from(v) for field, v in SOME_VALUES.items()}),
    max_size=40,
)


@pytest.mark.slow(0.3)
@given(people)
def test_nobody_stands_out_by_a_combination_of_fields(rows: list[dict[str, object]]) -> None:
    coarse, _ = coarsen_environments(rows)
    shared = Counter(tuple(row[field] for field in FIELDS) for row in coarse)
    nothing = ("",) * len(FIELDS)
    assert all(
        count >= MIN_SHARED for combination, count in shared.items() if combination != nothing
    )


def participant(**fields: str) -> dict[str, object]:
    return {"participant": "p1", "source": "link", "viewport": "1366x650", **fields}


def test_a_combination_that_enough_people_share_is_kept() -> None:
    coarse, notes = coarsen_environments([participant()] * MIN_SHARED)
    assert {row["viewport"] for row in coarse} == {"1366x650"}
    assert notes == []


def test_rounding_is_enough_where_it_makes_people_alike() -> None:
    rows = [participant(viewport=f"{1300 + n}x650") for n in range(MIN_SHARED)]
    coarse, notes = coarsen_environments(rows)
    assert {row["viewport"] for row in coarse} == {"1200x400"}
    assert notes == ["viewport: rounded down to 400 px for 5 of 5"]


def test_only_those_who_stand_out_are_coarsened() -> None:
    rows = [*([participant()] * MIN_SHARED), participant(source="mturk", language="is-IS")]
    coarse, _ = coarsen_environments(rows)
    assert [row["viewport"] for row in coarse] == ["1366x650"] * MIN_SHARED + [""]
    assert (coarse[-1]["source"], coarse[-1]["language"], coarse[-1]["participant"]) == (
        "",
        "",
        "p1",
    )
