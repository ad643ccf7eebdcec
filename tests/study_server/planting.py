"""Stimuli gone wrong: changes to what a manifest lists."""

import csv
import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def edit(manifest: Path, row: int, **changes: str) -> None:
    """Other values in one row."""
    rows = read_rows(manifest)
    rows[row].update(changes)
    with manifest.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def read_rows(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(newline="") as handle:
        return list(csv.DictReader(handle))


def find_row(manifest: Path, image: str, method: str) -> int:
    rows = read_rows(manifest)
    return next(i for i, r in enumerate(rows) if (r["image"], r["method"]) == (image, method))


def read_pixels(manifest: Path, image: str, method: str) -> NDArray[np.uint8]:
    file = read_rows(manifest)[find_row(manifest, image, method)]["file"]
    return np.array(Image.open(manifest.parent / file))


def plant(manifest: Path, image: str, method: str, pixels: NDArray[np.uint8]) -> None:
    """Other pixels for one stimulus, with a sha256 that is right."""
    row = find_row(manifest, image, method)
    file = manifest.parent / read_rows(manifest)[row]["file"]
    Image.fromarray(pixels).save(file)
    edit(manifest, row, sha256=hashlib.sha256(file.read_bytes()).hexdigest())
