from importlib import import_module
from pathlib import Path

import pytest
import torch
from skimage import data
from torch.nn import functional

from colorizer.errors import ColorizerError
from colorizer.networks.classifier import (
    MODEL_PACKAGES,
    PACKAGE,
    Classifier,
    load_classifiers,
    log_probabilities,
    read_labels,
)
from tests.colorizer.conftest import CPU

CATS, ESPRESSO = {281, 282, 285}, {967}  # tabby, tiger cat, Egyptian cat


@pytest.fixture(scope="module")
def classifiers() -> list[Classifier]:
    return load_classifiers(CPU)


def test_packaged_photographs_are_recognized(classifiers: list[Classifier]) -> None:
    for photograph, classes in ((data.chelsea(), CATS), (data.coffee(), ESPRESSO)):
        rgb = torch.from_numpy(photograph).movedim(-1, 0)[None] / 255
        for classifier in classifiers:
            found = log_probabilities(classifier, rgb)
            assert int(found.argmax()) in classes
            assert float(found.exp().sum()) == pytest.approx(1, abs=1e-4)


@pytest.mark.slow(0.4)
@torch.inference_mode()
def test_probabilities_agree_with_the_package(
    classifiers: list[Classifier], capsys: pytest.CaptureFixture[str]
) -> None:
    levels = torch.from_numpy(data.coffee()).movedim(-1, 0)[None].float()
    for classifier, (name, (package, file)) in zip(
        classifiers, MODEL_PACKAGES.items(), strict=True
    ):
        path = getattr(import_module(package), file).get_model_file_path()
        network = import_module(PACKAGE).EfficientNet.from_pretrained(name, weights_path=path)
        side = {"efficientnet-lite1": 240, "efficientnet-lite2": 260}[name]
        resized = functional.interpolate(levels, (side, side), mode="bicubic", antialias=True)
        expected = network.eval()((resized - 127) / 128).softmax(dim=1)
        found = log_probabilities(classifier, levels / 255).exp()
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)
    assert "Loaded" in capsys.readouterr().out  # by the package; load_classifiers prints nothing


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("image,class\na,1\n", "the columns must be image,label"),
        ("image,label\na,1\nb,cat\n", r"labels.csv:3: the label must be a class number, 0 to 999"),
        ("image,label\na,1000\n", r"labels.csv:2: the label must be a class number"),
    ],
)
def test_invalid_labels_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(ColorizerError, match=problem):
        read_labels(tmp_path / "labels.csv")
    with pytest.raises(ColorizerError, match="no such file"):
        read_labels(tmp_path / "other.csv")
