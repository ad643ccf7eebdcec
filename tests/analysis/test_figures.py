"""The figure of rates: what is drawn, and how it stands in a page."""

from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.figures import draw_rates, embed, save

PUBLISHED = {"label": "Zhang 2016, full", "rate": 0.323, "se": 0.022}
METHODS: dict[str, Any] = {
    "mcl": {
        "rate": 0.312,
        "ci95": (0.262, 0.366),
        "vs_published": [PUBLISHED, {"label": "Michigan 2020, MCL", "rate": 0.301, "se": None}],
    }
}


def bars(figure: Figure) -> list[tuple[float, float]]:
    """The ends of every bar, dots left out."""
    lines = [np.asarray(line.get_xdata()) for line in figure.axes[0].get_lines()[1:]]
    return [(x[0], x[1]) for x in lines if len(x) == 2]


def test_bars_are_the_interval_and_the_published_standard_error_only_where_given() -> None:
    ours, theirs = bars(draw_rates(METHODS))
    assert ours == (0.262, 0.366)
    assert theirs == pytest.approx((0.323 - 1.96 * 0.022, 0.323 + 1.96 * 0.022), abs=1e-5)


def test_nothing_to_draw_still_gives_a_figure() -> None:
    assert bars(draw_rates({})) == []


def test_an_embedded_figure_has_the_pages_colors_and_says_what_it_shows() -> None:
    drawing = embed(save(draw_rates(METHODS), "svg"), "Rates & more", "MCL: 31.2 %")
    tree = ElementTree.fromstring(drawing)
    assert [child.text for child in tree[:2]] == ["Rates & more", "MCL: 31.2 %"]
    assert tree.get("role") == "img"
    assert "var(--accent)" in drawing
    assert "#" not in drawing.replace("url(#", "").replace('href="#', "")


def test_a_long_name_keeps_clear_of_the_bars() -> None:
    drawing = save(draw_rates({"a-model-of-a-very-long-name": METHODS["mcl"]}), "svg").decode()
    assert "a-model-of-a-ver…" in drawing
