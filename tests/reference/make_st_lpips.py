"""Write ST-LPIPS values computed by its authors' package, st_lpips_expected.json.

The package imports IPython and torchsummary, which it does not use; empty modules stand in for
them. Run `python tests/reference/make_st_lpips.py` in an environment with stlpips-pytorch 0.0.2,
torch and torchvision.
"""

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

EXPECTED = Path(__file__).parent / "stats" / "st_lpips_expected.json"
SIDES = ((64, 64), (96, 80), (65, 71))


def make_pairs() -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Return pairs of images uint8 (H, W, 3): blocks of color, and the same with less color."""
    rng, pairs = np.random.default_rng(0), []
    for height, width in SIDES:
        blocks = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
        image = blocks.repeat(8, axis=0).repeat(8, axis=1)[:height, :width]
        duller = (image // 4 + 3 * (image.mean(axis=2, keepdims=True) / 4)).astype(np.uint8)
        pairs.append((image, duller))
    return pairs


def main() -> None:
    """Compute and write the values, one per pair."""
    import torch

    for name, member in (("IPython", "embed"), ("torchsummary", "summary")):
        sys.modules[name] = ModuleType(name)
        setattr(sys.modules[name], member, None)
    from stlpips_pytorch.stlpips import LPIPS

    metric = LPIPS(net="alex", variant="shift_tolerant", verbose=False)
    values = []
    for pair in make_pairs():
        first, second = (torch.tensor(x / 127.5 - 1).movedim(-1, 0)[None].float() for x in pair)
        with torch.inference_mode():
            values.append(float(metric(first, second)))
    EXPECTED.write_text(json.dumps({"alex": values}, indent=1) + "\n")


if __name__ == "__main__":
    main()
