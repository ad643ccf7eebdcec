"""The ticks of axes."""

from datetime import UTC, datetime, timedelta

import pytest

from study_server.monitoring.axes import MAX_TICKS, count_ticks, time_ticks

MOMENT = datetime(2026, 7, 3, 12, 34, tzinfo=UTC)


@pytest.mark.parametrize(
    ("top", "labels"),
    [
        (1.08, ["0", "1"]),
        (5, ["0", "1", "2", "3", "4", "5"]),
        (6, ["0", "2", "4", "6"]),
        (43, ["0", "10", "20", "30", "40"]),
        (10_800, ["0", "5,000", "10,000"]),
    ],
)
def test_people_are_counted_in_round_numbers(top: float, labels: list[str]) -> None:
    ticks = count_ticks(top)
    assert [tick.label for tick in ticks] == labels
    assert ticks[0].percent == 100
    assert all(0 <= tick.percent <= 100 for tick in ticks)


@pytest.mark.parametrize(
    ("span", "labels"),
    [
        (timedelta(minutes=1), ["12:34:00", "12:34:15", "12:34:30", "12:34:45", "12:35:00"]),
        (timedelta(hours=5), ["13:00", "14:00", "15:00", "16:00", "17:00"]),
        (timedelta(days=3), ["04 Jul", "05 Jul", "06 Jul"]),
        (timedelta(days=20), ["10 Jul", "17 Jul"]),
    ],
)
def test_moments_are_round_and_within_the_axis(span: timedelta, labels: list[str]) -> None:
    ticks = time_ticks(MOMENT, MOMENT + span)
    assert [tick.label for tick in ticks] == labels
    assert all(0 <= tick.percent <= 100 for tick in ticks)


def test_a_span_of_any_length_has_few_ticks() -> None:
    for minutes in range(1, 2_000_000, 9_973):
        assert len(time_ticks(MOMENT, MOMENT + timedelta(minutes=minutes))) <= MAX_TICKS + 1
