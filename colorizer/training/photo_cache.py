"""A cache of decoded photographs: one memory-mapped uint8 array, and functions that crop it."""

import hashlib
import json
import socket
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from colorizer.color.spaces import from_bytes, rgb_to_lab, rgb_to_lightness
from colorizer.errors import ColorizerError, UnreadablePhotographError
from colorizer.files import atomic_write
from colorizer.networks.models import OUTPUT_STRIDE
from colorizer.object_storage import StoredFile
from colorizer.photos.reading import Source, map_ahead, try_read_square
from colorizer.photos.shards import read_shards
from colorizer.splits.split_file import Photograph
from colorizer.training import distributed


class PhotoCache(NamedTuple):
    """The central squares of photographs.

    images: uint8 (n, size, size, 3), on the GPU if it fits, else a memory-mapped file.
    readable_rows: the rows of `images` whose photograph could be read. refused: file -> reason.
    """

    images: Tensor
    readable_rows: NDArray[np.int64]
    refused: dict[str, str]


def cached_side(crop: int) -> int:
    """Return the side of the squares from which crops are cut.

    It is 256 px for crops of 176 px, as in the release of Zhang et al.
    """
    return round(crop * 256 / 176)


def build_photo_cache(
    path: Path,
    photographs: Sequence[Photograph],
    size: int,
    min_side: int = 0,
    shards: Sequence[StoredFile] = (),
) -> Generator[None, None, None]:
    """Decode photographs into `path` (.npy) unless the file is current; yield after each one.

    Photographs with a side of fewer than min_side pixels are refused: enlarged, they are blurred.
    shards: read the photographs from these instead of from their files. Raises ColorizerError if a
    shard cannot be read or a photograph is in none.
    """
    fingerprint = _fingerprint(photographs, f"{size} {min_side}", shards)
    metadata_path, refused = path.with_suffix(".json"), {}
    if path.exists() and metadata_path.exists() and _read_metadata(metadata_path)[0] == fingerprint:
        return
    metadata_path.unlink(missing_ok=True)  # mark the old array as invalid
    with atomic_write(path) as temporary:
        shape = (len(photographs), size, size, 3)
        pixels = open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
        sources = _read_sources(photographs, shards, path.parent)
        squares = map_ahead(lambda item: try_read_square(item[1], size, min_side), sources)
        for (index, _), square in squares:
            if isinstance(square, UnreadablePhotographError):
                refused[index] = str(square)
            else:
                pixels[index] = square
            yield
        pixels.flush()
    with atomic_write(metadata_path) as temporary:
        temporary.write_text(json.dumps({"fingerprint": fingerprint, "refused": refused}))


def _read_sources(
    photographs: Sequence[Photograph], shards: Sequence[StoredFile], scratch: Path
) -> Iterator[tuple[int, Source]]:
    """Yield the row and the file, or its bytes, of each photograph."""
    if not shards:
        yield from enumerate(photograph.path for photograph in photographs)
        return
    rows = {photograph.file: row for row, photograph in enumerate(photographs)}
    for file, content in read_shards(shards, rows.keys(), scratch):
        yield rows[file], content


def open_photo_cache(
    path: Path, photographs: Sequence[Photograph], device: torch.device
) -> PhotoCache:
    """Open the cache that `build_photo_cache` wrote.

    Raises ColorizerError if none of the photographs could be read.
    """
    _, reasons = _read_metadata(path.with_suffix(".json"))
    readable = np.array([i for i in range(len(photographs)) if i not in reasons], dtype=np.int64)
    if not len(readable):
        raise ColorizerError(f"no photograph can be used; {len(photographs)} refused: {reasons[0]}")
    refused = {photographs[i].file: reason for i, reason in reasons.items()}
    return PhotoCache(
        _move_to_gpu_if_it_fits(np.load(path, mmap_mode="c"), device), readable, refused
    )


def leave_out_refused_elsewhere(cache: PhotoCache, photographs: Sequence[Photograph]) -> PhotoCache:
    """Leave out the photographs that any process refuses, so that all draw the same batches."""
    refusals = distributed.gather_objects((socket.gethostname(), cache.refused))
    reasons = {
        file: reason if all(file in refused for _, refused in refusals) else f"{reason} (on {host})"
        for host, refused in refusals
        for file, reason in refused.items()
    }
    rows = [row for row in cache.readable_rows.tolist() if photographs[row].file not in reasons]
    return cache._replace(readable_rows=np.array(rows, dtype=np.int64), refused=reasons)


def divide_cache(
    cache: PhotoCache, splits: Mapping[str, Sequence[Photograph]]
) -> dict[str, PhotoCache]:
    """Divide a cache of the splits' photographs, in their order; all parts share one array.

    Raises ColorizerError if no photograph of a split can be used.
    """
    parts, first = {}, 0
    for name, photographs in splits.items():
        rows = cache.readable_rows
        own = rows[(first <= rows) & (rows < first + len(photographs))]
        refused = {x.file: cache.refused[x.file] for x in photographs if x.file in cache.refused}
        if not len(own):
            raise ColorizerError(
                f"no photograph of the {name} split can be used; {len(refused)} refused: "
                f"{next(iter(refused.values()))}"
            )
        parts[name] = PhotoCache(cache.images, own, refused)
        first += len(photographs)
    return parts


def _move_to_gpu_if_it_fits(memory_map: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Copy the array to the GPU if at least twice its size is free; else leave it in its file."""
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
    """Cut a random crop of each row, flipped at random: uint8 (N, crop, crop, 3).

    rows_to_cut: the rows that are cut. Random numbers are drawn for all rows, so that all processes
    draw the same ones. smallest_view: smallest side of a view as a fraction of the square, in
    (0, 1]; views between this and the whole square are resized to `crop`. With None, views have
    `crop` pixels.
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
    """Resize a square view, uint8 (h, h, 3), to (side, side, 3)."""
    if len(view) == side:
        return view
    channels = view.permute(2, 0, 1)[None].float()
    resized = functional.interpolate(channels, (side, side), mode="bilinear", antialias=True)
    return resized[0].permute(1, 2, 0).round().to(torch.uint8)


def center_crops(cache: PhotoCache, rows: NDArray[np.int64], crop: int) -> Tensor:
    """Cut the middle of each square: uint8 (N, crop, crop, 3)."""
    edge = (cache.images.shape[1] - crop) // 2
    middles = cache.images[:, edge : edge + crop, edge : edge + crop]
    return middles[torch.from_numpy(rows).to(middles.device)]


def to_input_and_target(crops: Tensor) -> tuple[Tensor, Tensor]:
    """Convert crops (N, H, W, 3) to L (N, 1, H, W) and ab at stride 4 (N, 2, H / 4, W / 4)."""
    return rgb_to_lightness(from_bytes(crops)), to_targets(crops)


def to_targets(crops: Tensor) -> Tensor:
    """Convert crops, uint8 (N, H, W, 3), to ab at stride 4 (N, 2, H / 4, W / 4).

    Each value is the top-left pixel of its cell, not an average, as in the released code.
    """
    return rgb_to_lab(from_bytes(crops[:, ::OUTPUT_STRIDE, ::OUTPUT_STRIDE]))[:, 1:]


def _fingerprint(
    photographs: Sequence[Photograph], settings: str, shards: Sequence[StoredFile]
) -> str:
    digest = hashlib.sha256(settings.encode())
    if shards:
        files = [photograph.file for photograph in photographs]
        digest.update(json.dumps([files, shards]).encode())
        return digest.hexdigest()
    for photograph in photographs:
        path = photograph.path
        state = path.stat() if path.exists() else None
        size_and_time = (state.st_size, state.st_mtime_ns) if state else None
        digest.update(f"{path}|{size_and_time}\n".encode())
    return digest.hexdigest()


def _read_metadata(path: Path) -> tuple[str, dict[int, str]]:
    """Read the fingerprint of an array's sources, and the refused rows with their reasons."""
    metadata = json.loads(path.read_text())
    refused = {int(row): reason for row, reason in metadata["refused"].items()}
    return metadata["fingerprint"], refused
