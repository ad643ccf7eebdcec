"""torchvision, importable also where its compiled part does not fit the installed torch.

A CPU build of torch beside torchvision's default build makes `import torchvision` fail on an
operator that no classification network uses (pytorch/vision#8985).
"""

import torch

try:
    import torchvision  # type: ignore[import-untyped]  # it ships no types
except RuntimeError as error:  # operator torchvision::nms does not exist
    if "torchvision::" not in str(error):
        raise
    # Kept in a variable: the declarations live as long as it does.
    _operators = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]  # torch.library has no types
    for name in ("nms", "qnms"):
        schema = f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        _operators.define(schema)  # type: ignore[no-untyped-call]  # likewise
    import torchvision

__all__ = ["torchvision"]
