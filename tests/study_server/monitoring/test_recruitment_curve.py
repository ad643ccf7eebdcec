"""The recruitment curve."""

from datetime import UTC, datetime, timedelta

import pytest

from study_server.monitoring.recruitment_curve import HEIGHT, WIDTH, draw_recruitment_curve

MOMENT = datetime(2026, 7, 3, 12, tzinfo=UTC)


def test_the_curve_has_a_step_per_participant() -> None:
    begun = [MOMENT + timedelta(hours=hour) for hour in (2, 0, 4)]
    curve = draw_recruitment_curve(
        begun, begun[:1], planned=None, until=MOMENT + timedelta(hours=8)
    )
    assert curve is not None
    top = 1.08 * 3
    heights = [f"{HEIGHT * (1 - number / top):.1f}" for number in (1, 2, 3)]
    expected = [f"H{x}V{y}" for x, y in zip((0, WIDTH // 4, WIDTH // 2), heights, strict=True)]
    assert curve.started_path == f"M0 {HEIGHT}{''.join(expected)}H{WIDTH}"
    assert curve.complete_path == f"M0 {HEIGHT}H{WIDTH // 4}V{heights[0]}H{WIDTH}"
    assert (curve.started_count, curve.planned_height) == (3, None)


def test_the_planned_number_is_drawn_if_it_is_near() -> None:
    near = draw_recruitment_curve([MOMENT] * 5, [], planned=10, until=MOMENT)
    far = draw_recruitment_curve([MOMENT] * 5, [], planned=11, until=MOMENT)
    assert near is not None
    assert near.planned_height == pytest.approx(HEIGHT * (1 - 1 / 1.08), abs=0.1)
    assert far is not None
    assert far.planned_height is None
    assert draw_recruitment_curve([], [], 10, MOMENT) is None


def test_thousands_of_participants_make_a_short_path() -> None:
    begun = [MOMENT + timedelta(minutes=minute) for minute in range(10_000)]
    curve = draw_recruitment_curve(begun, [], None, begun[-1])
    assert curve is not None
    assert curve.started_path.count("V") <= WIDTH + 1
    assert curve.started_path.endswith(f"V{HEIGHT * (1 - 1 / 1.08):.1f}H{WIDTH}")
