import numpy as np
import pytest
from PIL import Image

from colorizer.figures.comparison_sheet import PANEL_GAP_PX, draw_comparison_sheet, make_panels
from colorizer.stimuli.decoding import DECODINGS
from colorizer.stimuli.full_size import ConfiguredModel
from tests.colorizer.conftest import CPU
from tests.colorizer.pictures import draw
from tests.colorizer.stimuli.test_batch import untrained_network


@pytest.fixture(scope="module")
def models() -> dict[str, ConfiguredModel]:
    return {
        name.upper(): ConfiguredModel(untrained_network(name), DECODINGS[name], CPU)
        for name in ("l2", "mcl")
    }


def test_a_row_has_the_columns_of_the_report(models: dict[str, ConfiguredModel]) -> None:
    photograph = Image.fromarray(draw(0, 96)[:64])
    panels = make_panels(photograph, models, max_side_px=48)
    assert list(panels) == ["BW", "L2", "MCL", "ORG"]
    assert {panel.shape for panel in panels.values()} == {(32, 48, 3)}
    assert photograph.size == (96, 64)


def test_a_gray_photograph_has_no_panel_of_the_original(models: dict[str, ConfiguredModel]) -> None:
    assert "ORG" not in make_panels(Image.new("RGB", (40, 30), "gray"), models, max_side_px=48)


def test_a_sheet_shows_every_panel_completely() -> None:
    color = {"BW": draw(0, 40), "L2": draw(1, 40), "MCL": draw(2, 40), "ORG": draw(3, 40)}
    gray = {"BW": draw(4, 30), "L2": draw(5, 30), "MCL": draw(6, 30)}
    sheet = np.asarray(draw_comparison_sheet([gray, color]))
    assert sheet.shape[1] == 4 * (40 + PANEL_GAP_PX) - PANEL_GAP_PX
    for column in range(4):
        left = column * (40 + PANEL_GAP_PX)
        assert np.array_equal(sheet[-40:, left : left + 40], list(color.values())[column])
    tops = sheet[-40 - PANEL_GAP_PX - 30 : -40 - PANEL_GAP_PX]
    for column, panel in enumerate(gray.values()):
        left = column * (40 + PANEL_GAP_PX) + 5
        assert np.array_equal(tops[:, left : left + 30], panel)
    assert (tops[:, 3 * (40 + PANEL_GAP_PX) :] == 255).all()
    assert (sheet[:20] < 128).any()  # the columns' names
