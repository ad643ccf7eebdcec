"""Import torchvision even if its compiled extension does not match the installed torch.

With a CPU build of torch and the default build of torchvision, `import torchvision` fails because
of an operator that no classification network uses (pytorch/vision#8985).
"""

import importlib
from functools import cache
from typing import Any

import torch

# A reference keeps the declared operators alive.
_operator_libraries: list[torch.library.Library] = []


@cache
def import_torchvision() -> Any:
    """Import torchvision on first use, because the import takes longer than that of torch."""
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
