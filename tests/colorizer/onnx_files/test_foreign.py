from pathlib import Path

import pytest
import torch

from colorizer.color.spaces import gray_rgb, lab_to_rgb, rgb_to_lab
from colorizer.errors import ColorizerError
from colorizer.onnx_files.foreign import ForeignColorizer
from tests.colorizer.onnx_models import Shape, write_convolution

LIGHTNESS = torch.linspace(20, 80, 40 * 36).reshape(1, 1, 40, 36)


def free(channels: int) -> Shape:
    return ["n", channels, "h", "w"]


def test_a_model_from_l_to_ab_is_run_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    write_convolution(path, free(1), free(2), [[0.1], [-0.2]], [1, 2])
    ab = ForeignColorizer(path).predict_ab(LIGHTNESS)
    expected = torch.cat([0.1 * LIGHTNESS + 1, 2 - 0.2 * LIGHTNESS], dim=1)
    torch.testing.assert_close(ab, expected)


def test_a_model_from_rgb_to_rgb_gets_the_gray_image_and_its_ab_are_used(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    write_convolution(path, free(3), free(3), torch.eye(3).tolist(), [0.1, 0, 0])  # redder
    ab = ForeignColorizer(path).predict_ab(LIGHTNESS)
    redder = gray_rgb(LIGHTNESS) + torch.tensor([0.1, 0, 0])[:, None, None]
    torch.testing.assert_close(ab, rgb_to_lab(redder)[:, 1:], atol=1e-3, rtol=1e-4)
    assert (lab_to_rgb(torch.cat([LIGHTNESS, ab], dim=1))[:, 0] > gray_rgb(LIGHTNESS)[:, 0]).all()


def test_a_model_of_a_fixed_size_gets_images_of_that_size(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    write_convolution(path, [1, 1, 16, 24], [1, 2, 16, 24], [[1], [0]], [0, 5])
    ab = ForeignColorizer(path).predict_ab(LIGHTNESS.expand(2, -1, -1, -1))
    assert ab.shape == (2, 2, 40, 36)
    assert (ab[:, :1] - LIGHTNESS).abs().mean() < 1
    torch.testing.assert_close(ab[:, 1], torch.full((2, 40, 36), 5.0))


def test_metadata_declares_channels_that_the_shape_leaves_free(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    shape = ["n", "c", "h", "w"]
    write_convolution(path, shape, shape, [[0], [0]], [3, 4], input="L", output="ab")
    ab = ForeignColorizer(path).predict_ab(LIGHTNESS)
    assert ab[0, :, 0, 0].tolist() == [3, 4]


@pytest.mark.parametrize(
    ("input_shape", "output_shape", "found"),
    [
        (["n", 4, "h", "w"], ["n", 2, "h", "w"], "found x tensor(float) ['n', 4, 'h', 'w']"),
        (["n", 1, "h", "w"], ["n", 1, "h", "w"], "found y tensor(float) ['n', 1, 'h', 'w']"),
        (["n", "c", "h", "w"], ["n", 2, "h", "w"], "found x tensor(float) ['n', 'c', 'h', 'w']"),
    ],
)
def test_other_inputs_and_outputs_are_refused_with_what_was_expected(
    input_shape: Shape, output_shape: Shape, found: str, tmp_path: Path
) -> None:
    path = tmp_path / "m.onnx"
    channels = [x if isinstance(x, int) else 1 for x in (output_shape[1], input_shape[1])]
    weight = torch.zeros(*channels).tolist()
    write_convolution(path, input_shape, output_shape, weight, [0] * channels[0])
    with pytest.raises(ColorizerError, match="1 \\(L\\) or 3 \\(RGB\\) channels") as error:
        ForeignColorizer(path)
    assert found in str(error.value)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    with pytest.raises(ColorizerError, match="no such file"):
        ForeignColorizer(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ColorizerError, match="not an ONNX model"):
        ForeignColorizer(path)


def test_colors_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    write_convolution(path, free(1), free(2), [[0], [0]], [float("nan"), 0])
    with pytest.raises(ColorizerError, match="expected one image input"):
        ForeignColorizer(path).predict_ab(LIGHTNESS)
