import numpy as np
import pytest
import torch

from colorizer.color.spaces import from_bytes, lab_to_rgb, map_to_gamut, rgb_to_lab, to_bytes
from colorizer.networks.models import PyramidColorizer, upsample_ab
from colorizer.stimuli.decoding import DECODINGS
from colorizer.stimuli.full_size import (
    ConfiguredModel,
    colorize_image,
    predict_ab,
    to_grayscale,
    working_size,
)
from tests.colorizer.conftest import CPU
from tests.colorizer.pictures import draw
from tests.colorizer.stimuli.test_batch import untrained_network


@pytest.fixture(scope="module")
def model() -> ConfiguredModel:
    return ConfiguredModel(untrained_network("mcl"), DECODINGS["mcl"], CPU)


@pytest.mark.parametrize(
    ("photograph", "shown"),
    [
        ((256, 256), (256, 256)),
        ((3000, 4000), (256, 344)),
        ((100, 75), (344, 256)),
        ((2000, 20000), (104, 1024)),
        ((1, 1), (256, 256)),
        ((1, 20000), (32, 1024)),
        ((20000, 1), (1024, 32)),
    ],
)
def test_the_working_size_keeps_the_shape_of_the_photograph(
    photograph: tuple[int, int], shown: tuple[int, int]
) -> None:
    assert working_size(*photograph) == shown


@pytest.mark.slow(0.3)
@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (37, 53), (600, 700)])
def test_images_of_every_size_and_shape_keep_their_lightness(
    size: tuple[int, int], model: ConfiguredModel
) -> None:
    pixels = np.resize(draw(0, 64), (*size, 3))
    colored = colorize_image(pixels, model)
    assert colored.shape == pixels.shape
    assert colored.dtype == np.uint8
    before, after = (rgb_to_lab(from_bytes(torch.tensor(x)[None])) for x in (pixels, colored))
    assert (before[:, 0] - after[:, 0]).abs().max() < 1
    assert (before[:, 1:] - after[:, 1:]).abs().max() > 5


@pytest.mark.slow(0.4)
def test_a_square_of_256_px_is_colorized_as_by_batch(model: ConfiguredModel) -> None:
    pixels = draw(1, 256)
    lab = rgb_to_lab(from_bytes(torch.tensor(pixels)[None]))
    with torch.inference_mode():
        ab = upsample_ab(model.network.decode(model.network(lab[:, :1])), 256, 256)
        expected = to_bytes(lab_to_rgb(map_to_gamut(torch.cat([lab[:, :1], ab], dim=1))))[0]
    difference = colorize_image(pixels, model).astype(int) - expected.numpy()
    assert np.abs(difference).max() <= 1


@pytest.mark.slow(0.3)
def test_predicted_colors_depend_only_on_lightness(model: ConfiguredModel) -> None:
    pixels = draw(2)
    grayscale = to_grayscale(pixels)
    assert np.ptp(grayscale, axis=2).max() == 0
    difference = colorize_image(pixels, model) - colorize_image(grayscale, model).astype(int)
    assert np.abs(difference).mean() < 1


def test_an_enlarged_prediction_is_aligned_with_the_image() -> None:
    """The model predicts the column as a, at the working size."""

    class ColumnModel(PyramidColorizer):
        def __init__(self) -> None:
            torch.nn.Module.__init__(self)  # no backbone, decoder or head

        def forward(self, lightness: torch.Tensor) -> torch.Tensor:
            columns = torch.arange(0, lightness.shape[-1], 4, dtype=torch.float32)
            return columns.expand(1, 2, lightness.shape[-2] // 4, -1)

        def decode(self, raw: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
            return raw

    model = ConfiguredModel(ColumnModel(), DECODINGS["mcl"], CPU)
    ab = predict_ab(torch.zeros(1, 1, 512, 1024), model)[0, 0, 0]
    # pixel x of 1024 lies at (x + 0.5) / 2 - 0.5 of 512
    expected = (torch.arange(1024) + 0.5) / 2 - 0.5
    torch.testing.assert_close(ab[9:1000], expected[9:1000], atol=1e-3, rtol=0)


def decoded_with(
    model: ConfiguredModel, gain: float = 1.0, temperature: float = 1.0
) -> ConfiguredModel:
    decoding = model.decoding._replace(gain=gain, temperature=temperature)
    return model._replace(decoding=decoding)


@pytest.mark.slow(0.5)
def test_saturation_scales_the_colors_and_0_is_gray(model: ConfiguredModel) -> None:
    lightness = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0)) * 100
    plain = predict_ab(lightness, model)
    torch.testing.assert_close(predict_ab(lightness, decoded_with(model, gain=1.5)), 1.5 * plain)
    gray = colorize_image(draw(0), decoded_with(model, gain=0))
    assert np.ptp(gray, axis=2).max() <= 1


@pytest.mark.slow(0.3)
def test_a_lower_temperature_is_more_vivid(model: ConfiguredModel) -> None:
    lightness = torch.full((1, 1, 64, 64), 60.0)
    mean, vivid = (predict_ab(lightness, decoded_with(model, temperature=t)) for t in (1.0, 0.1))
    assert vivid.norm(dim=1).mean() > mean.norm(dim=1).mean() + 1
