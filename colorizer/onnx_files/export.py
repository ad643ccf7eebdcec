"""Export a colorizer to an ONNX file, which runs without PyTorch and this project."""

import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from colorizer.errors import ColorizerError
from colorizer.files import atomic_write
from colorizer.networks.models import Colorizer
from colorizer.onnx_files.graphs import LightnessToAb, PixelsToPixels
from colorizer.stimuli.decoding import Decoding

OPSET = 18
MIN_SIDE_PX, MAX_SIDE_PX, MAX_BATCH = 32, 4096, 1024
# The example has two images of different sides: a side or batch of 1 would become a constant.
EXAMPLE_SIDES = (64, 96)
MIN_HALVED_VALUES = 1024  # smaller tensors stay in float32; they hardly change the size
PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def require_onnx() -> None:
    """Raise ColorizerError if the packages of the extra `onnx` are missing."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise ColorizerError(
            f"ONNX files need {', '.join(missing)}; install hue-and-eye[colorizer,onnx]"
        )


def export_lightness_to_ab(
    path: Path, network: Colorizer, decoding: Decoding, notes: Mapping[str, str], *, half: bool
) -> None:
    """Write a graph from `lightness` (N, 1, H, W) in [0, 100] to `ab` (N, 2, H, W).

    notes: metadata. half: store the weights in float16, which halves the file.
    """
    example = torch.rand(2, 1, *EXAMPLE_SIDES) * 100
    program = _export(LightnessToAb(network, decoding), example, 2, ("lightness", "ab"))
    _save(path, program, {**notes, "input": "L", "output": "ab"}, half)


def export_pixels_to_pixels(
    path: Path, network: Colorizer, decoding: Decoding, notes: Mapping[str, str], *, half: bool
) -> None:
    """Write a graph from sRGB to sRGB, both uint8 (N, H, W, 3); notes, half: as above."""
    example = torch.randint(0, 256, (2, *EXAMPLE_SIDES, 3), dtype=torch.uint8)
    program = _export(PixelsToPixels(network, decoding), example, 1, ("pixels", "colorized"))
    _save(path, program, {**notes, "input": "rgb", "output": "rgb"}, half)


def _export(
    graph: nn.Module, example: torch.Tensor, height_axis: int, names: tuple[str, str]
) -> Any:
    """Trace a graph whose batch, height and width are free."""
    require_onnx()
    dimensions = {
        0: torch.export.Dim("batch", min=1, max=MAX_BATCH),
        height_axis: torch.export.Dim("height", min=MIN_SIDE_PX, max=MAX_SIDE_PX),
        height_axis + 1: torch.export.Dim("width", min=MIN_SIDE_PX, max=MAX_SIDE_PX),
    }
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's exporter warns about PyTorch's own classes
        return torch.onnx.export(
            graph.eval(),
            (example,),
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=(dimensions,),
            input_names=names[:1],
            output_names=names[1:],
            external_data=False,
            verbose=False,
        )


def _save(path: Path, program: Any, notes: Mapping[str, str], half: bool) -> None:
    import onnx  # an optional dependency

    model = program.model_proto
    if half:
        _halve_weights(model.graph)
    onnx.helper.set_model_props(model, dict(notes))
    with atomic_write(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def _halve_weights(graph: Any) -> None:
    """Store large float32 weights as float16, each followed by a cast back to float32."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < MIN_HALVED_VALUES:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype("float16"), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
