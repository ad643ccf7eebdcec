"""Traces in stimuli: can a program tell fakes from photographs without understanding them?

Each statistic is computed for both images of a pair. Printed is the share of pairs in which it is
larger in the fake: .50 means that it reveals nothing. `luma` statistics use L alone and should be
within .50 ± .08; so should the grid of 8-px JPEG blocks. The classifier sees all luma statistics of
pairs of other photographs and then guesses; it should be right in at most 60%. `chroma` statistics
tell fakes apart, because the models predict smoother colors than photographs have.

Run `python -m benchmarks.stimulus_traces MANIFEST` on the output of `colorizer batch`.
"""

import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from colorizer.color.spaces import from_bytes, rgb_to_lab

Plane = NDArray[np.float64]  # (H, W), one channel of Lab
Statistic = Callable[[Plane], float]
REAL = "real"  # the method of photographs in a manifest


def high_frequency_energy(plane: Plane) -> float:
    """Return the mean square of the Laplacian, in which requantization leaves noise."""
    center = plane[1:-1, 1:-1]
    around = plane[:-2, 1:-1] + plane[2:, 1:-1] + plane[1:-1, :-2] + plane[1:-1, 2:]
    return float(np.mean((4 * center - around) ** 2))


def flat_share(plane: Plane) -> float:
    """Return the share of pixels that are almost equal to the next one."""
    return float(np.mean(np.abs(np.diff(plane, axis=1)) < 0.05))


def mean_step(plane: Plane) -> float:
    """Return the mean difference between neighboring pixels."""
    return float(np.mean(np.abs(np.diff(plane, axis=1))))


def grid_energy(plane: Plane, period: int) -> float:
    """Return the largest mean step on a column grid of this period, relative to the mean step."""
    steps = np.abs(np.diff(plane, n=2, axis=1)).mean(axis=0)
    return max(float(steps[phase::period].mean()) for phase in range(period)) / float(steps.mean())


def jpeg_grid(plane: Plane) -> float:
    """Return the energy on the grid of JPEG blocks, which have 8 px."""
    return grid_energy(plane, 8)


def kinks(plane: Plane) -> float:
    """Return the energy at every fourth pixel, where predicted colors were enlarged."""
    return grid_energy(plane, 4)


def rounding_residual(plane: Plane) -> float:
    """Return the mean distance of L from the L of the nearest gray byte."""
    grays = torch.arange(256).to(torch.uint8)[None, :, None, None].expand(1, 256, 1, 3)
    levels = rgb_to_lab(from_bytes(grays))[0, 0, :, 0].double().numpy()
    place = np.searchsorted(levels, plane).clip(1, 255)
    return float(np.minimum(levels[place] - plane, plane - levels[place - 1]).clip(0).mean())


LUMA_STATISTICS: dict[str, Statistic] = {
    "high-frequency energy": high_frequency_energy,
    "flat share": flat_share,
    "mean step": mean_step,
    "rounding residual": rounding_residual,
    "JPEG grid": jpeg_grid,
}
CHROMA_STATISTICS: dict[str, Statistic] = {
    "high-frequency energy": high_frequency_energy,
    "JPEG grid": jpeg_grid,
    "kinks": kinks,
}


def to_planes(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Convert an image (H, W, 3) to its planes L, a and b, (3, H, W)."""
    lab = rgb_to_lab(from_bytes(torch.from_numpy(np.array(pixels))[None]).double())
    planes: NDArray[np.float64] = lab[0].numpy()
    return planes


def measure_luma(planes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the luma statistics of an image, in the order of LUMA_STATISTICS."""
    return np.array([statistic(planes[0]) for statistic in LUMA_STATISTICS.values()])


def measure_chroma(planes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the means over a and b of the chroma statistics of an image."""
    return np.array(
        [
            (statistic(planes[1]) + statistic(planes[2])) / 2
            for statistic in CHROMA_STATISTICS.values()
        ]
    )


def share_larger(real: NDArray[np.float64], fake: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of pairs (N, F) in which each statistic is larger in the fake; ties half."""
    share: NDArray[np.float64] = ((fake > real) + (fake == real) / 2).mean(axis=0)
    return share


def classify_pairs(
    real: NDArray[np.float64], fake: NDArray[np.float64], groups: Sequence[str]
) -> float:
    """Return the share of pairs (N, F) in which a classifier recognizes the fake.

    It is a logistic regression on the difference of the statistics' logarithms, trained on the
    pairs of all other groups: squares of one photograph resemble each other.
    """
    difference = np.log(fake + 1e-9) - np.log(real + 1e-9)
    difference = difference / difference.std(axis=0).clip(1e-9)
    held_out = np.array(groups)
    scores = [
        float(difference[i] @ _fit(difference[held_out != group]))
        for i, group in enumerate(held_out)
    ]
    return float(np.mean([(score > 0) + (score == 0) / 2 for score in scores]))


def _fit(difference: NDArray[np.float64], ridge: float = 1.0) -> NDArray[np.float64]:
    """Fit a logistic regression without intercept to pairs whose fake comes first."""
    weights = np.zeros(difference.shape[1])
    for _ in range(20):  # Newton's method
        p = 1 / (1 + np.exp(-difference @ weights))
        gradient = difference.T @ (1 - p) - ridge * weights
        hessian = (difference * (p * (1 - p))[:, None]).T @ difference
        weights += np.linalg.solve(hessian + ridge * np.eye(len(weights)), gradient)
    return weights


def read_files(manifest: Path) -> Mapping[str, Mapping[str, Path]]:
    """Return the files of a manifest, by method and image."""
    files: dict[str, dict[str, Path]] = {}
    with manifest.open(newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            files.setdefault(row["method"], {})[row["image"]] = manifest.parent / row["file"]
    return files


def main(manifest: Path) -> None:
    """Print the traces of every method of a manifest."""
    files = read_files(manifest)
    images = sorted(set.intersection(*(set(of_method) for of_method in files.values())))
    if REAL not in files or len(files) < 2 or not images:
        sys.exit(f"{manifest}: no image has both a photograph ({REAL}) and a fake of every method")
    measured = {method: _measure_files([files[method][i] for i in images]) for method in files}
    print(f"{len(images)} pairs per method; share of pairs in which the fake has more")
    names = [f"luma {n}" for n in LUMA_STATISTICS] + [f"chroma {n}" for n in CHROMA_STATISTICS]
    print(f"{'':32}" + "".join(f"{method:>14}" for method in files if method != REAL))
    rows = {
        method: share_larger(measured[REAL], values)
        for method, values in measured.items()
        if method != REAL
    }
    for index, name in enumerate(names):
        print(f"{name:32}" + "".join(f"{share[index]:14.2f}" for share in rows.values()))
    luma = slice(0, len(LUMA_STATISTICS))
    right = [
        classify_pairs(measured[REAL][:, luma], values[:, luma], images)
        for method, values in measured.items()
        if method != REAL
    ]
    print(f"{'luma classifier is right':32}" + "".join(f"{share:14.2f}" for share in right))


def _measure_files(paths: Sequence[Path]) -> NDArray[np.float64]:
    rows = []
    for path in paths:
        planes = to_planes(np.asarray(Image.open(path)))
        rows.append(np.concatenate([measure_luma(planes), measure_chroma(planes)]))
    return np.array(rows)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_file():
        sys.exit("usage: python -m benchmarks.stimulus_traces MANIFEST (from `colorizer batch`)")
    main(Path(sys.argv[1]))
