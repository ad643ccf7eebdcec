"""From logits at stride 4 to ab at 256 x 256: decode, then upsample, or the other way round.

The other way is that of code which upsamples the 313 channels to the photograph's size first.
"""

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.stopwatch import interleaved_medians_ms
from colorizer.bins import bin_centers
from colorizer.models import RebalancedHead, upsample_ab

SIZE, STRIDE, TEMPERATURE, BAR = 256, 4, 0.38, 40


def decode_first(head: RebalancedHead, logits: Tensor) -> Tensor:
    return upsample_ab(head.decode(logits, TEMPERATURE), SIZE, SIZE)


def upsample_first(head: RebalancedHead, logits: Tensor) -> Tensor:
    full = functional.interpolate(logits, scale_factor=STRIDE, mode="bilinear", align_corners=False)
    return head.decode(full, TEMPERATURE)


@torch.inference_mode()
def main() -> None:
    torch.set_num_threads(1)
    bins = bin_centers()
    head = RebalancedHead(1, bins, torch.full((len(bins),), 1 / len(bins)))
    shape = (1, len(bins), SIZE // STRIDE, SIZE // STRIDE)
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    from_network = logits.contiguous(memory_format=torch.channels_last)
    medians = interleaved_medians_ms(
        {
            "decode first": lambda: decode_first(head, from_network),
            "upsample first": lambda: upsample_first(head, logits),
            "the same, channels last": lambda: upsample_first(head, from_network),
        },
        rounds=15,
    )
    ours = medians["decode first"]
    print(f"\none photograph of {SIZE} x {SIZE}, T = {TEMPERATURE}, one thread\n")
    for name, median in medians.items():
        bar = f" (bar {BAR} x)" * (name == "upsample first")
        print(f"{name:<24}{median:8.2f} ms{median / ours:8.1f} x{bar}")


if __name__ == "__main__":
    main()
