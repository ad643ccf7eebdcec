"""The classification loss of 8 predictions of 64 x 64, forward and backward: sparse or dense.

"dense" is the usual implementation with a target of 313 numbers per pixel. "gather" is the sparse
formula differentiated by autograd. All three get the same soft encoding, which soft_encoding.py
measures.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.stopwatch import measure_medians_ms
from colorizer.color.bins import bin_centers, build_lookup_table, soft_encode
from colorizer.training.losses import sparse_cross_entropy

BATCH, SIZE, MIN_SPEEDUP = 8, 64, 3

Entropy = Callable[[Tensor, Tensor, Tensor], Tensor]


def dense_cross_entropy(logits: Tensor, nearest: Tensor, share: Tensor) -> Tensor:
    target = torch.zeros_like(logits).scatter(1, nearest, share)
    return functional.cross_entropy(logits, target, reduction="none")


def gathered_cross_entropy(logits: Tensor, nearest: Tensor, share: Tensor) -> Tensor:
    return logits.logsumexp(dim=1) - (share * logits.gather(1, nearest)).sum(dim=1)


LOSSES: dict[str, Entropy] = {
    "sparse (ours)": sparse_cross_entropy,
    "dense": dense_cross_entropy,
    "gather": gathered_cross_entropy,
}


def build_step(entropy: Entropy) -> Callable[[], None]:
    """Return a function that runs one forward and backward pass on random inputs."""
    generator = torch.Generator().manual_seed(0)
    pixels, bins = BATCH * SIZE * SIZE, bin_centers()
    logits = torch.randn(pixels, len(bins), generator=generator).requires_grad_()
    ab = (torch.randn(pixels, 2, generator=generator) * 25).clamp(-86, 94)
    nearest, share = soft_encode(ab, build_lookup_table(bins))
    weight = torch.rand(pixels, generator=generator)

    def step() -> None:
        torch.autograd.backward((weight * entropy(logits, nearest, share)).mean())
        logits.grad = None

    return step


def measure_peak_mib(step: Callable[[], None]) -> float:
    """Return by how many MiB a step raises the peak memory of this process (Linux only)."""
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak to the current memory
    before = _status_mib("VmRSS")
    step()
    return _status_mib("VmHWM") - before


def _status_mib(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def main() -> None:
    torch.set_num_threads(1)
    steps = {name: build_step(way) for name, way in LOSSES.items()}
    medians = measure_medians_ms(steps, rounds=25)
    logits_mib = BATCH * SIZE * SIZE * len(bin_centers()) * 4 / 2**20
    print(f"\nbatch {BATCH} of {SIZE} x {SIZE}, one thread; the logits take {logits_mib:.0f} MiB\n")
    for name, median in medians.items():
        ratio, bar = (
            median / medians["sparse (ours)"],
            f" (target: {MIN_SPEEDUP} x)" * (name == "dense"),
        )
        peak = measure_peak_mib(steps[name])
        print(f"{name:<16}{median:8.1f} ms{ratio:8.2f} x   peak +{peak:4.0f} MiB{bar}")


if __name__ == "__main__":
    main()
