import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from colorizer.cli import main
from colorizer.evaluation.perceptual import Judges, judge_methods, kl_divergence, load_judges
from tests.colorizer.conftest import CPU
from tests.colorizer.pictures import write_pictures

ESPRESSO = 967


@pytest.fixture(scope="module")
def judges() -> Judges:
    return load_judges(CPU, {"coffee": ESPRESSO})


@pytest.fixture(scope="module")
def images() -> dict[str, Tensor]:
    coffee = torch.tensor(data.coffee()[100:324, 200:424])[None]
    gray = coffee.float().mean(dim=3, keepdim=True).to(torch.uint8).expand_as(coffee)
    wrong = coffee[..., [2, 0, 1]]  # blue coffee
    return {"real": coffee, "gray": gray, "wrong": wrong}


@pytest.mark.slow(0.7)
def test_the_photograph_itself_scores_best(judges: Judges, images: dict[str, Tensor]) -> None:
    judged = judge_methods(images, list(images), judges, "coffee")
    real = {metric: score.value for metric, score in judged["real"].items()}
    assert real["st_lpips"] == 0
    assert real["kl"] == pytest.approx(0, abs=1e-5)
    assert real["same_class"] == real["top1"] == 1
    for method in ("gray", "wrong"):
        assert judged[method]["st_lpips"].value > 0.05
        assert judged[method]["kl"].value > 0.05
    assert all(score.weight == 1 for score in judged["gray"].values())


@pytest.mark.slow(0.6)
def test_without_a_label_accuracy_has_no_weight(judges: Judges, images: dict[str, Tensor]) -> None:
    assert judge_methods(images, ["gray"], judges, "tea")["gray"]["top1"] == (0, 0)
    nameless = judges._replace(labels={})
    assert list(judge_methods(images, ["gray"], nameless, "tea")["gray"]) == [
        "st_lpips",
        "kl",
        "same_class",
    ]


def test_the_divergence_is_that_of_the_colorization_from_the_photograph() -> None:
    p, q = (
        np.array([[0.7, 0.2, 0.1], [0.5, 0.5, 1e-9]]),
        np.array([[0.1, 0.1, 0.8], [0.4, 0.5, 0.1]]),
    )
    expected = [
        sum(a * math.log(a / b) for a, b in zip(x, y, strict=True))
        for x, y in zip(p, q, strict=True)
    ]
    log_p, log_q = (torch.from_numpy(np.log(x))[:, None] for x in (p, q))
    found = kl_divergence(log_p, torch.cat([log_p, log_q], dim=1))
    assert found.tolist() == pytest.approx([0, np.mean(expected)])


@pytest.mark.slow(3)
def test_evaluate_adds_perceptual_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "photos", 3)
    with Path("labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "label"), ("00", ESPRESSO), ("other", 1)])
    options = "evaluate --photos photos --methods gray,real --perceptual --size 64 --quiet"
    with pytest.raises(SystemExit) as exit_info:
        main([*options.split(), "--labels", "labels.csv", "--sample", "2", "--seed", "1"])
    assert exit_info.value.code == 0
    metrics = json.loads(Path("outputs/metrics/metrics.json").read_text())
    assert metrics["real"]["images"] == 2
    assert metrics["real"]["st_lpips"]["mean"] == 0 < metrics["gray"]["st_lpips"]["mean"]
    assert metrics["real"]["kl"]["mean"] < metrics["gray"]["kl"]["mean"]

    for extra, problem in (
        (["--labels", "labels.csv"], "--labels requires --perceptual"),
        (["--perceptual", "--labels", "none.csv"], "no label for any of the photographs"),
    ):
        Path("none.csv").write_text("image,label\nother,1\n")
        with pytest.raises(SystemExit) as exit_info:
            main(["evaluate", "--photos", "photos", "--methods", "gray", *extra])
        assert exit_info.value.code == 2
        assert problem in capsys.readouterr().err


def test_missing_packages_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "colorizer.evaluation.perceptual.find_spec", lambda name: None if "st" in name else name
    )
    write_pictures(tmp_path / "photos", 1)
    with pytest.raises(SystemExit) as exit_info:
        main(["evaluate", "--photos", "photos", "--methods", "gray", "--perceptual", "--quiet"])
    assert exit_info.value.code == 2
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .endswith("--perceptual needs stlpips_pytorch; run `pip install 'hue-and-eye[perceptual]'`")
    )
