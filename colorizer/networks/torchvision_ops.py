"""torchvision, importable also where its compiled part does not fit the installed torch.

A CPU build of torch beside torchvision's default build makes `import torchvision` fail on an
operator that no classification network uses (pytorch/vision#8985).
"""

import importlib
from functools import cache
from typing import Any

import torch

_operator_libraries: list[torch.library.Library] = []  # the declarations live as long as it does


@cache
def import_torchvision() -> Any:
    """The package, when a network of it is wanted: the import takes longer than torch's own."""
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:  # operator torchvision::nms does not exist
        if "torchvision::" not in str(error):
            raise
    library = torch.library.Library("torchvision", "DEF")
    _operator_libraries.append(library)
    for name in ("nms", "qnms"):
        schema = f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        library.define(schema)
    return importlib.import_module("torchvision")
