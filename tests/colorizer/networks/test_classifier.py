import csv
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from colorizer.cli import main
from colorizer.errors import ColorizerError
from colorizer.networks.classifier import classify_images, load_classifier, read_labels
from colorizer.networks.torchvision_ops import import_torchvision
from colorizer.photos.selection import collect_photographs
from colorizer.stimuli.methods import MethodInput, read_method_inputs, render_methods
from tests.colorizer.conftest import CPU
from tests.colorizer.pictures import draw, write_pictures


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the weights of an untrained network, whose predictions are as definite as any."""
    path = tmp_path_factory.mktemp("weights") / "resnet50.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_file(import_torchvision().models.resnet50().state_dict(), path)
    return path


def test_predictions_agree_with_torchvision(weights: Path) -> None:
    network = load_classifier(weights, CPU)
    pixels = torch.from_numpy(draw(0, side=256))[None]
    published = import_torchvision().models.ResNet50_Weights.IMAGENET1K_V1.transforms()
    with torch.inference_mode():
        expected = int(network(published(pixels.movedim(-1, 1))).argmax())
    assert classify_images(network, {"real": pixels}) == {"real": expected}


def test_small_images_are_enlarged_to_the_evaluation_size(weights: Path) -> None:
    network = load_classifier(weights, CPU)
    small = torch.from_numpy(draw(1, side=64))[None]
    large = functional.interpolate(
        small.movedim(-1, 1).float(), size=256, mode="bilinear", antialias=True
    )
    same = large.round().to(torch.uint8).movedim(1, -1)
    assert classify_images(network, {"a": small}) == classify_images(network, {"a": same})


@pytest.mark.slow(3)
def test_class_accuracy_is_the_share_of_correct_classes(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "photos", 3)
    network, classes = load_classifier(weights, CPU), {}
    photographs, _ = collect_photographs("test", Path("photos"))
    for photograph, method_input in zip(
        photographs, read_method_inputs(photographs, 256, 0, False), strict=True
    ):
        assert isinstance(method_input, MethodInput)
        images = render_methods(method_input, ["real"], {})
        classes[photograph.image] = classify_images(network, images)["real"]
    wrong = {**classes, "02": classes["02"] + 1}
    for labels, right in ((classes, 3), (wrong, 2)):
        with Path("labels.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("image", "label"), *labels.items()])
        options = f"--photos photos --methods gray,real --classifier {weights} --labels labels.csv"
        with pytest.raises(SystemExit) as exit_info:
            main(["evaluate", *options.split(), "--quiet"])
        assert exit_info.value.code == 0
        metrics = json.loads(Path("outputs/metrics/metrics.json").read_text())
        assert metrics["real"]["class_accuracy"]["mean"] == pytest.approx(right / 3)
        assert "class_accuracy" in metrics["gray"]


def test_the_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ColorizerError, match=r"--classifier .*other.*: weights do not fit"):
        load_classifier(tmp_path / "other.safetensors", CPU)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "the columns must be image,label"),
        ("image,label\nx,cat\n", ":2: the label must be"),
    ],
)
def test_invalid_labels_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(ColorizerError, match=message):
        read_labels(tmp_path / "labels.csv")
