"""The figures draw the report's numbers, and fit into a page."""

import io
import re
from itertools import combinations, pairwise
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from analysis.checks.funnel import Funnel
from analysis.exclusions.people import STEP_LABELS
from analysis.figures.canvas import FIGURE_WIDTH, inline_svg, render_figure
from analysis.figures.figures import (
    draw_differences,
    draw_flow,
    draw_funnel,
    draw_image_rates,
    draw_rates,
)
from analysis.findings.report_data import MethodFunnel

PUBLISHED = {"label": "Zhang 2016, full", "rate": 0.323, "se": 0.022}
METHODS: dict[str, Any] = {
    "mcl": {
        "rate": 0.312,
        "ci95": (0.262, 0.366),
        "vs_published": [PUBLISHED, {"label": "Michigan 2020, MCL", "rate": 0.301, "se": None}],
    }
}


def bars(figure: Figure) -> list[tuple[float, float]]:
    """Return the ends of every bar, without the dots."""
    lines = [np.asarray(line.get_xdata()) for line in figure.axes[0].get_lines()[1:]]
    return [(x[0], x[1]) for x in lines if len(x) == 2]


def test_bars_are_the_interval_and_the_published_standard_error_only_where_given() -> None:
    ours, theirs = bars(draw_rates(METHODS))
    assert ours == (0.262, 0.366)
    assert theirs == pytest.approx((0.323 - 1.96 * 0.022, 0.323 + 1.96 * 0.022), abs=1e-5)


def test_a_report_without_rates_still_has_a_figure() -> None:
    assert bars(draw_rates({})) == []


def test_a_figure_has_300_pixels_per_inch() -> None:
    drawn = Image.open(io.BytesIO(render_figure(draw_rates(METHODS), "png")))
    assert drawn.width == 300 * FIGURE_WIDTH
    assert drawn.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_an_embedded_figure_has_the_pages_colors_and_a_description() -> None:
    drawing = inline_svg(
        render_figure(draw_rates(METHODS), "svg"), "rates", "Rates & more", "MCL: 31.2%"
    )
    tree = ElementTree.fromstring(drawing)
    assert [child.text for child in tree[:2]] == ["Rates & more", "MCL: 31.2%"]
    assert tree.get("role") == "img"
    assert "var(--accent)" in drawing
    assert "#" not in drawing.replace("url(#", "").replace('href="#', "")


def test_a_long_name_keeps_clear_of_the_bars() -> None:
    drawing = render_figure(
        draw_rates({"a-model-of-a-very-long-name": METHODS["mcl"]}), "svg"
    ).decode()
    assert "a-model-of-a-ver…" in drawing


def test_no_two_ids_of_two_figures_are_the_same() -> None:
    svg = render_figure(draw_rates(METHODS), "svg")
    one, other = (set(re.findall(r' id="([^"]+)"', inline_svg(svg, key, "", ""))) for key in "ab")
    assert one
    assert other
    assert not one & other


def test_a_difference_is_drawn_as_a_minus_b() -> None:
    pair = {"a": "l2", "b": "mcl", "difference": -0.08, "ci95": (-0.14, -0.02)}
    (bar,) = bars(draw_differences([{**pair, "equivalence": {"margin": 0.05}}]))
    assert bar == (-0.14, -0.02)


def test_an_interval_wider_than_rates_can_differ_is_cut_at_the_edge() -> None:
    wide = {"a": "l2", "b": "mcl", "difference": -0.15, "se": 0.15, "ci95": (-2.06, 1.76)}
    (bar,) = bars(draw_differences([{**wide, "equivalence": None}]))
    assert bar == pytest.approx((-1.1, 1.1))


def test_pairs_are_drawn_in_order_of_their_shrunken_rate() -> None:
    images = [
        {"image": name, "method": "mcl", "shrunk_rate": rate, "ci95": (rate - 0.1, rate + 0.1)}
        for name, rate in (("b", 0.5), ("a", 0.2), ("c", 0.4))
    ]
    lines = draw_image_rates(images, METHODS).axes[0].get_lines()
    assert list(np.asarray(lines[1].get_ydata())) == [0.2, 0.4, 0.5]


def test_participants_at_one_place_share_a_dot_and_excluded_ones_a_cross() -> None:
    trials, rate = np.array([14, 14, 14, 13]), np.array([0.5, 0.5, 0.0, 1.0])
    limits = [np.full(4, value) for value in (0.1, 0.7, 0.0, 0.9)]
    funnel = Funnel(np.arange(4), trials, rate, *limits)
    figure = draw_funnel({"mcl": MethodFunnel(funnel, np.array([False, False, False, True]))})
    included, excluded = figure.axes[0].collections
    assert np.asarray(included.get_offsets()).tolist() == [[14, 0], [14, 0.5]]
    assert np.asarray(excluded.get_offsets()).tolist() == [[13, 1]]


def test_the_flow_shows_remaining_and_excluded_counts() -> None:
    steps = [("recorded", 12, 500), ("test trials", 12, 480), ("included", 11, 440)]
    flow = [{"step": step, "participants": p, "trials": t} for step, p, t in steps]
    texts = [text.get_text() for text in draw_flow(flow).axes[0].texts]
    assert "12 participants, 480 trials" in texts
    assert "excluded: 1 participant, 40 trials" in texts


def test_no_step_of_a_large_study_runs_into_its_counts() -> None:
    flow = [
        {"step": step, "participants": 25_000, "trials": 1_000_000 - place}
        for place, step in enumerate(STEP_LABELS.values())
    ]
    figure = draw_flow(flow)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)


def test_titles_of_panels_keep_clear_of_the_ticks_above() -> None:
    trials = np.array([13, 14])
    funnel = Funnel(np.arange(2), trials, np.array([0.2, 0.4]), *[np.array([0.1, 0.2])] * 4)
    people = MethodFunnel(funnel, np.array([False, False]))
    figure = draw_funnel({"l2": people, "mcl": people, "new": people})
    figure.draw_without_rendering()
    for above, below in pairwise(figure.axes):
        title = below.title.get_window_extent()
        ticks = [*above.get_yticklabels(), *above.get_xticklabels()]
        drawn = [tick.get_window_extent() for tick in ticks if tick.get_visible()]
        assert min(box.y0 for box in drawn) > title.y1
