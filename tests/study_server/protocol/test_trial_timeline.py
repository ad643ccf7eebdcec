"""Tests of the drawing of a trial."""

import pytest

from study_server.protocol.presets import PRESETS
from study_server.protocol.study_toml import create_protocol
from study_server.protocol.trial_timeline import Box, draw_timeline


def is_inside(inner: Box, outer: Box) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_every_image_of_a_preset_is_inside_its_frame(preset: str) -> None:
    protocol = create_protocol("mine", preset)
    timeline = draw_timeline(protocol)
    page = Box(0, 0, timeline.width, timeline.height)
    for frame in timeline.frames:
        assert is_inside(frame.outline, page)
        boxes = [*frame.images, *([frame.reference] if frame.reference else [])]
        assert all(is_inside(box, frame.outline) for box in boxes)
    assert sum(len(frame.images) for frame in timeline.frames) == protocol.candidate_count
    assert any(frame.reference for frame in timeline.frames) is bool(protocol.reference)


def test_the_phases_of_a_trial_are_in_order_with_their_durations() -> None:
    timeline = draw_timeline(create_protocol("mine", "hype_time"))
    assert timeline.description == (
        "A trial: blank, 500 ms; one image, from 500 ms; masks, 4 x 30 ms; answer."
    )
