"""Run any ONNX colorizer as a method: from L or gray RGB to ab or RGB.

Channels, layout and data type are read from the file. Floats are L in [0, 100], RGB in [0, 1] and
ab in Lab units; uint8 is RGB in levels.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from colorizer.color.spaces import gray_rgb, rgb_to_lab
from colorizer.errors import ColorizerError
from colorizer.onnx_files.export import require_onnx

EXPECTED = (
    "expected one image input with 1 (L) or 3 (RGB) channels and one output with 2 (ab) or 3 (RGB) "
    "channels, as float or, for RGB, uint8"
)
DTYPES: dict[str, np.dtype[Any]] = {
    "tensor(uint8)": np.dtype("uint8"),
    "tensor(float)": np.dtype("float32"),
}
CHANNELS = {"L": 1, "rgb": 3, "ab": 2}


class ImagePort(NamedTuple):
    """An input or output of a graph.

    kind: a key of CHANNELS. channel_axis: 1 or 3. size: height and width, None where they are free.
    """

    name: str
    kind: str
    channel_axis: int
    dtype: np.dtype[Any]
    size: tuple[int | None, int | None]


class ForeignColorizer:
    """An ONNX file that predicts colors; it never sees those of the photograph."""

    def __init__(self, path: Path) -> None:
        """Load a file; raises ColorizerError if it is not an ONNX colorizer."""
        self.path = path
        self.session = _open_session(path)
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        declared = self.session.get_modelmeta().custom_metadata_map
        if (len(inputs), len(outputs)) != (1, 1):
            raise ColorizerError(
                f"{path}: {EXPECTED}; found {len(inputs)} inputs and {len(outputs)} outputs"
            )
        self.input = _read_port(path, inputs[0], ("L", "rgb"), declared.get("input"))
        self.output = _read_port(path, outputs[0], ("ab", "rgb"), declared.get("output"))

    def predict_ab(self, lightness: Tensor) -> Tensor:
        """Predict ab (N, 2, H, W) from L (N, 1, H, W) in [0, 100].

        Raises ColorizerError if the graph fails, or if its output has another shape.
        """
        height, width = lightness.shape[-2:]
        own_height, own_width = self.input.size
        small = _resize(lightness.cpu(), own_height or height, own_width or width)
        # One image at a time: many graphs accept only that.
        ab = torch.cat([self._predict_one(one[None]) for one in small])
        return _resize(ab, height, width).to(lightness.device)

    def _predict_one(self, lightness: Tensor) -> Tensor:
        image = lightness if self.input.kind == "L" else gray_rgb(lightness)
        try:
            (result,) = self.session.run(None, {self.input.name: _to_array(image, self.input)})
        except Exception as error:  # onnxruntime raises exceptions of any kind
            detail = " ".join(str(error).split())[:200]
            raise ColorizerError(f"{self.path}: the graph failed: {detail}") from error
        colors = _from_array(result, self.output)
        if colors.shape[:2] != (1, CHANNELS[self.output.kind]) or not colors.isfinite().all():
            raise ColorizerError(f"{self.path}: {EXPECTED}; its output has shape {result.shape}")
        return colors if self.output.kind == "ab" else rgb_to_lab(colors)[:, 1:]


def _open_session(path: Path) -> Any:
    require_onnx()
    import onnxruntime  # an optional dependency

    if not path.is_file():
        raise ColorizerError(f"{path}: no such file; use an ONNX file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # photographs are rendered in parallel
    options.log_severity_level = 3  # errors only
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises exceptions of any kind
        detail = " ".join(str(error).split())[:200]
        raise ColorizerError(f"{path}: not an ONNX model ({detail}); use another file") from error


def _read_port(path: Path, port: Any, kinds: Sequence[str], declared: str | None) -> ImagePort:
    """Read what an input or output holds, from its number of channels or from its metadata."""
    shape, dtype = list(port.shape), DTYPES.get(port.type)
    for kind in kinds:
        for axis in (1, 3):
            if dtype is not None and _fits(shape, axis, dtype, kind, declared):
                rows, columns = (x if isinstance(x, int) else None for x in _sides(shape, axis))
                return ImagePort(port.name, kind, axis, dtype, (rows, columns))
    raise ColorizerError(f"{path}: {EXPECTED}; found {port.name} {port.type} {shape}")


def _fits(
    shape: Sequence[Any], axis: int, dtype: np.dtype[Any], kind: str, declared: str | None
) -> bool:
    """Return whether a shape can hold images of a kind, with the channels on an axis."""
    if len(shape) != 4 or (dtype == np.uint8 and kind != "rgb"):
        return False
    if isinstance(shape[axis], int):
        return bool(shape[axis] == CHANNELS[kind]) and declared in (None, kind)
    return declared == kind and axis == 1


def _sides(shape: Sequence[Any], axis: int) -> Sequence[Any]:
    return shape[2:] if axis == 1 else shape[1:3]


def _to_array(image: Tensor, port: ImagePort) -> NDArray[Any]:
    """Convert L in [0, 100] or RGB in [0, 1], (1, C, H, W), to the layout and type of a port."""
    array = image if port.channel_axis == 1 else image.movedim(1, -1)
    if port.dtype == np.uint8:
        array = (array * 255).round().clamp(0, 255)
    return np.ascontiguousarray(array.numpy().astype(port.dtype))


def _from_array(array: NDArray[Any], port: ImagePort) -> Tensor:
    """Convert the array of a port to ab or to RGB in [0, 1], (1, C, H, W)."""
    image = torch.from_numpy(array.astype(np.float32))
    image = image if port.channel_axis == 1 else image.movedim(-1, 1)
    if port.kind == "ab":
        return image
    return image / 255 if port.dtype == np.uint8 else image.clamp(0, 1)


def _resize(image: Tensor, height: int, width: int) -> Tensor:
    if image.shape[-2:] == (height, width):
        return image
    return functional.interpolate(image, (height, width), mode="bilinear", antialias=True)
