"""Decoding logits at stride 4 to ab at 256 x 256, before or after upsampling.

Other implementations upsample the 313 channels to the photograph's size first. "same, our annealed
mean" does so with our own annealed mean, which isolates the effect of the order. "mcl-calm" decodes
first, too, with the steps of that method.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.stopwatch import measure_medians_ms
from colorizer.color.bins import annealed_mean, bin_centers
from colorizer.networks.calm_mean import calm_mean
from colorizer.networks.models import upsample_ab

SIZE, STRIDE, TEMPERATURE, MIN_SPEEDUP = 256, 4, 0.38, 40
PHOTOGRAPHS = 4  # in sequence as in a batch, because the first one has cold caches

Decoder = Callable[[Tensor, Tensor], Tensor]


def decode_first(logits: Tensor, bins: Tensor) -> Tensor:
    return upsample_ab(annealed_mean(logits, bins, TEMPERATURE), SIZE, SIZE)


def decode_calmly(logits: Tensor, bins: Tensor) -> Tensor:
    lightness = torch.linspace(0, 100, SIZE).expand(1, 1, SIZE, SIZE)
    ab = calm_mean(logits, lightness, bins, torch.linspace(0.1, 6, len(bins)), TEMPERATURE)
    return upsample_ab(ab, SIZE, SIZE)


def upsample_first(logits: Tensor, bins: Tensor) -> Tensor:
    shares = (enlarge(logits) / TEMPERATURE).softmax(dim=1)
    return torch.einsum("nqhw,qc->nchw", shares, bins)


def upsample_then_annealed_mean(logits: Tensor, bins: Tensor) -> Tensor:
    return annealed_mean(enlarge(logits), bins, TEMPERATURE)


def enlarge(logits: Tensor) -> Tensor:
    return functional.interpolate(logits, scale_factor=STRIDE, mode="bilinear", align_corners=False)


def repeat_for_photographs(way: Decoder, logits: Tensor, bins: Tensor) -> Callable[[], None]:
    def run() -> None:
        for _ in range(PHOTOGRAPHS):
            way(logits, bins)

    return run


@torch.inference_mode()
def main() -> None:
    torch.set_num_threads(1)
    bins = bin_centers()
    shape = (1, len(bins), SIZE // STRIDE, SIZE // STRIDE)
    planes = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    last = planes.contiguous(memory_format=torch.channels_last)  # like our networks' output
    medians = measure_medians_ms(
        {
            "decode first (ours)": repeat_for_photographs(decode_first, last, bins),
            "mcl-calm": repeat_for_photographs(decode_calmly, last, bins),
            "upsample first": repeat_for_photographs(upsample_first, planes, bins),
            "the same, channels last": repeat_for_photographs(upsample_first, last, bins),
            "same, our annealed mean": repeat_for_photographs(
                upsample_then_annealed_mean, last, bins
            ),
        },
        rounds=9,
    )
    ours = medians["decode first (ours)"]
    print(
        f"\n{PHOTOGRAPHS} photographs of {SIZE} x {SIZE}, T = {TEMPERATURE}, one thread; "
        "time per photograph\n"
    )
    for name, median in medians.items():
        bar = f" (target: {MIN_SPEEDUP} x)" * (name == "upsample first")
        print(f"{name:<24}{median / PHOTOGRAPHS:8.2f} ms{median / ours:8.1f} x{bar}")


if __name__ == "__main__":
    main()
