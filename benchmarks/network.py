"""The networks' forward pass (one thread, 256 px, batch 1), compared with Zhang et al.'s.

Our networks run as in the `colorizer` commands, with batch norms folded into the convolutions and
fused convolutions; Zhang et al.'s network runs as published. The last line is the mean difference
between the colors that our shipped model predicts in bf16 and in fp32. Targets: 3 times as fast in
fp32, 6 times in bf16, a mean ab difference under 0.5.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import convert_conv2d_weight_memory_format

from benchmarks.stopwatch import measure_medians_ms
from colorizer.color.bins import bin_centers
from colorizer.color.spaces import from_bytes, rgb_to_lightness
from colorizer.networks.checkpoint import PRETRAINED_FOLDER, load_colorizer
from colorizer.networks.cpu_inference import fuse_for_cpu
from colorizer.networks.models import ARCHITECTURES, Colorizer, build_colorizer
from colorizer.networks.zhang2016 import ZHANG2016
from demo.photographs import SQUARE_PX, crop_photographs, find_package_folders

ROUNDS = 9
MIN_SPEEDUPS = {"fp32": 3, "bf16": 6}
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def predict(model: Colorizer, lightness: Tensor, precision: torch.dtype) -> Tensor:
    """Return the model's raw output for L (N, 1, H, W)."""
    enabled = precision is torch.bfloat16
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=enabled):
        raw: Tensor = model(lightness)
    return raw


def measure_speed() -> None:
    lightness = torch.rand(1, 1, SQUARE_PX, SQUARE_PX) * 100
    work: dict[str, Callable[[], object]] = {}
    for name in ARCHITECTURES:
        built = build_colorizer(name, "mcl", bin_centers()).eval()
        convert_conv2d_weight_memory_format(built, torch.channels_last)
        model = fuse_for_cpu(built, torch.bfloat16)
        for precision, dtype in PRECISIONS.items():
            work[f"{name} {precision}"] = partial(predict, model, lightness, dtype)
    medians_ms = measure_medians_ms(work, ROUNDS)
    peer_ms = medians_ms[f"{ZHANG2016} fp32"]
    print(f"{'':<18}{'ms':>8}   times as fast as {ZHANG2016} fp32")
    for name, taken_ms in medians_ms.items():
        ours = not name.startswith(ZHANG2016)
        bar = f" (target: {MIN_SPEEDUPS[name.split()[-1]]} x)" if ours else ""
        print(f"{name:<18}{taken_ms:8.1f}{peer_ms / taken_ms:8.2f} x{bar}")


def measure_difference() -> None:
    """Print the color difference on photographs of installed packages, unseen in training."""
    path = PRETRAINED_FOLDER / "mcl.safetensors"
    plain, fused = (load_colorizer(path, torch.device("cpu")) for _ in range(2))
    fuse_for_cpu(fused, torch.bfloat16)
    differences = []
    for crop in crop_photographs(find_package_folders(None)):
        pixels = torch.from_numpy(np.array(crop.pixels))[None]
        lightness = rgb_to_lightness(from_bytes(pixels))
        full = plain.decode(predict(plain, lightness, torch.float32))
        reduced = fused.decode(predict(fused, lightness, torch.bfloat16))
        differences.append((full - reduced).norm(dim=1).mean().item())
    mean = sum(differences) / len(differences)
    print(
        f"mean ab difference, bf16 and fp32, {len(differences)} photographs: {mean:.3f} (limit 0.5)"
    )


def main() -> None:
    torch.set_num_threads(1)
    measure_speed()
    measure_difference()


if __name__ == "__main__":
    main()
