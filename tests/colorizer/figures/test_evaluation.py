from pathlib import Path

import numpy as np
import pytest
from matplotlib.patches import StepPatch
from PIL import Image

from colorizer.cli import main
from colorizer.evaluation.scores import MetricValue
from colorizer.figures.evaluation import draw_colorfulness, draw_error_curves, rank_photographs
from tests.colorizer.pictures import write_pictures


def test_the_best_photographs_are_those_where_color_saves_most_error() -> None:
    def differences(gray: float, l2: float, mcl: float) -> dict[str, dict[str, MetricValue]]:
        values = {"gray": gray, "l2": l2, "mcl": mcl, "real": 0.0, "foil": 50.0}
        return {method: {"ciede2000": MetricValue(value)} for method, value in values.items()}

    scores = {
        "drab": differences(1, 2, 2),
        "worse": differences(10, 20, 12),
        "good": differences(20, 5, 9),
    }
    assert rank_photographs(scores) == ["good", "drab", "worse"]
    without_gray = {
        image: {method: values for method, values in each.items() if method != "gray"}
        for image, each in scores.items()
    }
    assert rank_photographs(without_gray) == ["drab", "good", "worse"]


def test_curves_are_drawn_for_every_method_but_the_photograph() -> None:
    rising = np.linspace(0, 1, 151)
    axes = draw_error_curves({"real": rising, "gray": rising**2, "l2": rising}).axes[0]
    assert [line.get_label() for line in axes.lines] == ["gray", "l2"]
    assert np.asarray(axes.lines[0].get_ydata())[60] == pytest.approx(0.16)


def test_the_histogram_counts_every_photograph() -> None:
    axes = draw_colorfulness({"gray": [0, 0], "l2": [12, 18, 25, 300]}).axes[0]
    (outline,) = axes.patches
    assert isinstance(outline, StepPatch)
    heights, *_ = outline.get_data()
    assert heights[1] == 0.5
    assert heights[2] == heights[-1] == 0.25
    assert heights.sum() == 1


@pytest.mark.slow(3)
def test_evaluate_draws_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "photos", 3)
    options = "--photos photos --methods gray,l2,real --size 64 --figures --quiet"
    with pytest.raises(SystemExit) as exit_info:
        main(["evaluate", *options.split()])
    assert exit_info.value.code == 0
    folder = Path("outputs/metrics")
    assert {file.name for file in folder.iterdir()} >= {"auc.svg", "colorfulness.png"}
    for name in ("best", "worst"):
        with Image.open(folder / f"{name}.png") as sheet:
            assert sheet.width == 3 * 64 + 2 * 6  # BW, L2 and ORG
