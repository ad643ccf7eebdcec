"""Small ONNX models for tests, as other people might write them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

Shape = Sequence[int | str]


def write_convolution(
    path: Path,
    input_shape: Shape,
    output_shape: Shape,
    weight: Sequence[Sequence[float]],
    bias: Sequence[float],
    **metadata: str,
) -> None:
    """Write a 1 x 1 convolution with weight (outputs, inputs), from `x` to `y` (NCHW, float32)."""
    kernel = np.array(weight, dtype=np.float32)[..., None, None]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w", "b"], ["y"])],
        "convolution",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, input_shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, output_shape)],
        [
            numpy_helper.from_array(kernel, "w"),
            numpy_helper.from_array(np.array(bias, dtype=np.float32), "b"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, metadata)
    save(model, path)
