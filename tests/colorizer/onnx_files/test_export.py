import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from colorizer.cli import main
from colorizer.color.prior import ColorPrior, rebalancing_weights
from colorizer.networks.checkpoint import find_shipped_checkpoint, load_colorizer, write_model
from colorizer.networks.models import upsample_ab
from colorizer.onnx_files.foreign import ForeignColorizer
from colorizer.stimuli.decoding import DECODINGS, decode_ab
from colorizer.stimuli.full_size import ConfiguredModel, colorize_image
from tests.colorizer.conftest import CPU
from tests.colorizer.pictures import draw
from tests.colorizer.stimuli.test_batch import untrained_network

pytestmark = pytest.mark.slow(40)

COLORIZE_WITHOUT_TORCH = """
import sys
import numpy, onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession("l2.onnx")
pixels = numpy.asarray(Image.open("gray.jpg").convert("RGB"))[None]
(colorized,) = session.run(None, {"pixels": pixels})
Image.fromarray(colorized[0]).save("colorized.png")
assert not {"torch", "colorizer"} & set(sys.modules)
"""


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    assert isinstance(exit_info.value.code, int)
    return exit_info.value.code


def test_a_process_without_torch_colorizes_a_jpeg_with_an_exported_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("export", "l2", "--pixels", "--half", "--json") == 0
    written = json.loads(capsys.readouterr().out)
    assert written["file"] == "l2.onnx"
    assert written["megabytes"] < 25
    Image.fromarray(draw(0, 256)).convert("L").save("gray.jpg")
    command = [sys.executable, "-c", COLORIZE_WITHOUT_TORCH]
    subprocess.run(command, check=True, env={"PATH": ""})
    shipped = find_shipped_checkpoint("l2")
    assert shipped is not None
    model = ConfiguredModel(load_colorizer(shipped, CPU), DECODINGS["l2"], CPU)
    expected = colorize_image(np.asarray(Image.open("gray.jpg").convert("RGB")), model)
    difference = np.abs(np.asarray(Image.open("colorized.png")).astype(int) - expected)
    assert difference.max() <= 2
    assert difference.mean() < 0.1


@pytest.mark.usefixtures("_little_networks")
def test_the_exported_ab_are_those_of_the_model_at_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    probability = torch.rand(313, generator=torch.Generator().manual_seed(0)).softmax(dim=0)
    prior = ColorPrior(probability, rebalancing_weights(probability), photograph_count=1)
    tensors = untrained_network("mcl").state_dict()
    header = {"objective": "mcl", "backbone": "resnet50v2", "card": "# Model card"}
    write_model(Path("m.safetensors"), tensors, prior, header)
    assert run("export", "m.safetensors", "--method", "mcl-calm", "--quiet") == 0
    network, session = (
        load_colorizer(Path("m.safetensors"), CPU),
        ForeignColorizer(Path("mcl-calm.onnx")),
    )
    for height, width in ((32, 32), (64, 96), (37, 130)):
        lightness = torch.rand(1, 1, height, width) * 100
        with torch.no_grad():
            small = decode_ab(network, network(lightness), lightness, DECODINGS["mcl-calm"])
        expected = upsample_ab(small, height, width)
        torch.testing.assert_close(session.predict_ab(lightness), expected, atol=1e-3, rtol=0)
    properties = onnxruntime.InferenceSession("mcl-calm.onnx").get_modelmeta().custom_metadata_map
    assert (properties["input"], properties["output"]) == ("L", "ab")
    assert properties["card"] == "# Model card"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.safetensors"], "no such model file"),
        (["l2", "--method", "mcl"], "this is a l2 model; --method mcl needs mcl"),
        (["l2", "--format", "tflite"], "'tflite' is not 'onnx'"),
    ],
)
def test_an_error_is_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("export", *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("colorizer: ")
    assert message in line
    assert not list(tmp_path.iterdir())
