"""The networks' forward pass, one thread, 256 px, batch 1: ours against Zhang et al.'s.

And what bf16 changes in the colors, of a trained model where there is one. Bars: 3 times as fast
in fp32, 6 times in bf16, a mean ab difference under 0.5.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.stopwatch import interleaved_medians_ms
from colorizer.bins import bin_centers
from colorizer.checkpoint import load_colorizer, newest_checkpoints
from colorizer.color import rgb_to_lightness
from colorizer.models import NETWORKS, Colorizer, build_colorizer
from colorizer.options import RUNS, SPLIT_FILE
from colorizer.photos import center_square, read_photograph
from colorizer.splits import members, read_split
from colorizer.zhang2016 import ZHANG2016

SIDE, ROUNDS, PHOTOGRAPHS = 256, 9, 16
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def predict(model: Colorizer, lightness: Tensor, precision: torch.dtype) -> Tensor:
    """L (N, 1, H, W) -> what the model says"""
    enabled = precision is torch.bfloat16
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=enabled):
        raw: Tensor = model(lightness)
    return raw


def measure_speed() -> None:
    lightness = torch.rand(1, 1, SIDE, SIDE) * 100
    work: dict[str, Callable[[], object]] = {}
    for name in NETWORKS:
        built = build_colorizer(name, "mcl", bin_centers()).eval()
        model = built.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stub
        for precision, dtype in PRECISIONS.items():
            work[f"{name} {precision}"] = lambda m=model, p=dtype: predict(m, lightness, p)  # type: ignore[misc]  # bound now
    medians_ms = interleaved_medians_ms(work, ROUNDS)
    peer_ms = medians_ms[f"{ZHANG2016} fp32"]
    print(f"{'':<18}{'ms':>8}   times as fast as {ZHANG2016} fp32")
    for name, taken_ms in medians_ms.items():
        print(f"{name:<18}{taken_ms:8.1f}{peer_ms / taken_ms:8.2f}")


def measure_difference() -> None:
    path = newest_checkpoints(RUNS).get("mcl")
    if path is None or not SPLIT_FILE.exists():
        print(f"bf16 against fp32: not measured, no mcl model in {RUNS} or no {SPLIT_FILE}")
        return
    model, differences = load_colorizer(path, torch.device("cpu")), []
    for photograph in members(read_split(SPLIT_FILE), "test")[:PHOTOGRAPHS]:
        square = torch.tensor(center_square(read_photograph(photograph.path), SIDE))
        lightness = rgb_to_lightness(square.movedim(-1, 0)[None].float() / 255)
        full, reduced = (
            model.decode(predict(model, lightness, precision)) for precision in PRECISIONS.values()
        )
        differences.append((full - reduced).norm(dim=1).mean().item())
    mean = sum(differences) / len(differences)
    print(f"mean ab difference of bf16 to fp32, {len(differences)} photographs: {mean:.3f}")


def main() -> None:
    torch.set_num_threads(1)
    measure_speed()
    measure_difference()


if __name__ == "__main__":
    main()
