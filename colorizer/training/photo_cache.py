"""Photographs decoded once: one memory-mapped uint8 array, and crops of it."""

import hashlib
import json
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from colorizer.color.spaces import from_bytes, rgb_to_lab, rgb_to_lightness
from colorizer.errors import ColorizerError
from colorizer.files import atomic_write
from colorizer.networks.models import OUTPUT_STRIDE
from colorizer.photos.reading import UnreadablePhotographError, read_squares
from colorizer.photos.splits import Photograph


class PhotoCache(NamedTuple):
    """The central squares of photographs; those that could not be read are left out."""

    images: Tensor  # uint8 (n, size, size, 3), on the device where it fits, else a mapped file
    readable_rows: NDArray[np.int64]  # rows of pixels that hold a photograph
    refused: dict[str, str]  # file -> reason


def cached_side(crop: int) -> int:
    """The square that crops are taken from: 256 px for 176, as in Zhang et al.'s release."""
    return round(crop * 256 / 176)


def build_photo_cache(
    path: Path, photographs: Sequence[Photograph], size: int
) -> Generator[None, None, None]:
    """Decode the photographs into `path` (.npy), a step a photograph, unless they are there."""
    fingerprint = _fingerprint(photographs, size)
    metadata_path, refused = path.with_suffix(".json"), {}
    if path.exists() and metadata_path.exists() and _read_metadata(metadata_path)[0] == fingerprint:
        return
    metadata_path.unlink(missing_ok=True)  # from here on the old array is no longer vouched for
    with atomic_write(path) as temporary:
        shape = (len(photographs), size, size, 3)
        pixels = open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
        squares = read_squares((photograph.path for photograph in photographs), size)
        for index, (_, square) in enumerate(squares):
            if isinstance(square, UnreadablePhotographError):
                refused[index] = str(square)
            else:
                pixels[index] = square
            yield
        pixels.flush()
    with atomic_write(metadata_path) as temporary:
        temporary.write_text(json.dumps({"fingerprint": fingerprint, "refused": refused}))


def open_photo_cache(
    path: Path, photographs: Sequence[Photograph], device: torch.device
) -> PhotoCache:
    """The array that `build_photo_cache` made.

    Raises ColorizerError where no photograph could be read.
    """
    _, reasons = _read_metadata(path.with_suffix(".json"))
    readable = np.array([i for i in range(len(photographs)) if i not in reasons], dtype=np.int64)
    if not len(readable):
        raise ColorizerError(f"none of {len(photographs)} photographs could be read: {reasons[0]}")
    refused = {photographs[i].file: reason for i, reason in reasons.items()}
    return PhotoCache(
        _move_to_gpu_if_it_fits(np.load(path, mmap_mode="c"), device), readable, refused
    )


def _move_to_gpu_if_it_fits(memory_map: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Copied to an accelerator that has room for it and as much again; else left in its file."""
    pixels = torch.from_numpy(memory_map)
    if device.type == "cuda" and 2 * memory_map.nbytes < torch.cuda.mem_get_info(device)[0]:
        return pixels.to(device)
    return pixels


def random_crops(
    cache: PhotoCache,
    rows: NDArray[np.int64],
    crop: int,
    rng: np.random.Generator,
    rows_to_cut: slice = slice(None),
    smallest_view: float | None = None,
) -> Tensor:
    """uint8 (N, crop, crop, 3), each from a random place and flipped at random

    rows_to_cut: of the rows, those to cut; all are drawn for, so that several processes draw alike.
    smallest_view: share of a side, in (0, 1]; from it to all is seen, resized. None: `crop` pixels.
    """
    size = cache.images.shape[1]
    view_sides = np.full(len(rows), crop)
    if smallest_view is not None:
        view_sides = np.rint(size * smallest_view ** rng.random(len(rows))).astype(int)
    corners = rng.integers(size - view_sides[:, None] + 1, size=(len(rows), 2))
    flips = rng.random(len(rows)) < 0.5
    crops = torch.stack(
        [
            _resize(cache.images[row, top : top + side, left : left + side], crop)
            for row, side, (top, left) in zip(
                rows[rows_to_cut].tolist(),
                view_sides[rows_to_cut].tolist(),
                corners[rows_to_cut].tolist(),
                strict=True,
            )
        ]
    )
    flipped = torch.from_numpy(flips[rows_to_cut]).to(crops.device)
    return torch.where(flipped[:, None, None, None], crops.flip(2), crops)


def _resize(view: Tensor, side: int) -> Tensor:
    """uint8 (h, w, 3) -> (side, side, 3)"""
    if len(view) == side:
        return view
    channels = view.permute(2, 0, 1)[None].float()
    resized = functional.interpolate(channels, (side, side), mode="bilinear", antialias=True)
    return resized[0].permute(1, 2, 0).round().to(torch.uint8)


def center_crops(squares: PhotoCache, rows: NDArray[np.int64], crop: int) -> Tensor:
    """uint8 (N, crop, crop, 3), the middle of each square"""
    edge = (squares.images.shape[1] - crop) // 2
    middles = squares.images[:, edge : edge + crop, edge : edge + crop]
    return middles[torch.from_numpy(rows).to(middles.device)]


def to_input_and_target(crops: Tensor) -> tuple[Tensor, Tensor]:
    """uint8 (N, H, W, 3) -> L (N, 1, H, W) and ab at stride 4 (N, 2, H / 4, W / 4)"""
    return rgb_to_lightness(from_bytes(crops)), to_targets(crops)


def to_targets(crops: Tensor) -> Tensor:
    """uint8 (N, H, W, 3) -> ab at stride 4 (N, 2, H / 4, W / 4)

    The top-left pixel of each cell, not an average (the released code).
    """
    return rgb_to_lab(from_bytes(crops[:, ::OUTPUT_STRIDE, ::OUTPUT_STRIDE]))[:, 1:]


def _fingerprint(photographs: Sequence[Photograph], size: int) -> str:
    digest = hashlib.sha256(str(size).encode())
    for photograph in photographs:
        path = photograph.path
        state = path.stat() if path.exists() else None
        mark = (state.st_size, state.st_mtime_ns) if state else None
        digest.update(f"{path}|{mark}\n".encode())
    return digest.hexdigest()


def _read_metadata(path: Path) -> tuple[str, dict[int, str]]:
    """The fingerprint of what an array was made from, and reasons by refused row."""
    notes = json.loads(path.read_text())
    return notes["fingerprint"], {int(row): reason for row, reason in notes["refused"].items()}
