"""Write tiny TIFF and PNG files of every layout; `make_image_grid.py` and the tests share them.

The files hold one picture of 9 x 7 pixels, which has no symmetry. Nothing here is of the project.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

WIDTH, HEIGHT = 9, 7
ROWS_PER_STRIP = 3
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, CIELAB = 0, 1, 2, 3, 5, 6, 8
COLORS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3, CIELAB: 3}
NAMES = {
    WHITE_IS_ZERO: "white_is_zero",
    BLACK_IS_ZERO: "black_is_zero",
    RGB: "rgb",
    PALETTE: "palette",
    CMYK: "cmyk",
    YCBCR: "ycbcr",
    CIELAB: "cielab",
}
DEPTHS = {
    WHITE_IS_ZERO: (1, 2, 4, 8, 12, 16, 32),
    BLACK_IS_ZERO: (1, 2, 4, 8, 12, 16, 32),
    RGB: (2, 4, 8, 12, 16, 32),
    PALETTE: (1, 2, 4, 8, 16),
    CMYK: (8, 16),
    CIELAB: (8, 16),
}
COMPRESSIONS = {"none": 1, "lzw": 5, "deflate": 8, "packbits": 32773}
ALPHAS = {"opaque": -1, "unspecified": 0, "associated": 1, "unassociated": 2}
# Rows X, Y, Z of the primaries under D50, from the published profiles of Display P3
P3 = ((0.51512, 0.29198, 0.15710), (0.24120, 0.69225, 0.06657), (-0.00105, 0.04189, 0.78407))

Samples = NDArray[Any]  # (H, W, channels), uint64
Tags = dict[int, tuple[str, Sequence[int]]]  # tag -> type and values


@dataclass(frozen=True)
class TiffCell:
    """The layout of a TIFF file. `is_lossy` files are written by Pillow."""

    photometric: int
    bits: int
    alpha: str = "opaque"
    profile: str = "none"  # none, gray or p3
    compression: str = "none"
    planar: int = 1
    orientation: int = 1
    order: str = "<"
    strips: int = 1

    @property
    def picture(self) -> str:
        """The name of the picture that the file shows when it is turned back."""
        lossy = "-jpeg" if self.compression == "jpeg" else ""
        return f"{NAMES[self.photometric]}-{self.bits}-{self.alpha}-{self.profile}{lossy}"


@dataclass(frozen=True)
class PngCell:
    """The layout of a PNG file. colors: the name of an entry of PNG_COLORS."""

    color_type: int
    bits: int
    transparent: bool = False  # whether the file has a tRNS chunk
    colors: str = "none"
    interlaced: bool = False

    @property
    def picture(self) -> str:
        """The name of the picture that the file shows."""
        kind = f"{self.color_type}-{self.bits}{'-trns' if self.transparent else ''}"
        return f"png-{kind}-{self.colors}"


def iterate_tiff_cells() -> Iterator[TiffCell]:
    """Yield the layouts of all TIFF files; byte order and number of strips alternate."""
    for number, cell in enumerate(_tiff_product()):
        yield replace(cell, order="<>"[number % 2], strips=(1, 3)[number // 2 % 2])


def _tiff_product() -> Iterator[TiffCell]:
    for photometric, depths in DEPTHS.items():
        planars = (1, 2) if COLORS[photometric] > 1 else (1,)
        profile = "p3" if photometric in (RGB, PALETTE) else "gray"
        profiles = ("none", profile) if photometric not in (CMYK, CIELAB) else ("none",)
        for bits, alpha, used_profile, compression, planar, orientation in product(
            depths, ALPHAS, profiles, COMPRESSIONS, planars, range(1, 9)
        ):
            if (bits < 8 or photometric in (PALETTE, CIELAB)) and alpha != "opaque":
                continue
            if (alpha, used_profile) != ("opaque", "none") and orientation not in (1, 6):
                continue
            yield TiffCell(photometric, bits, alpha, used_profile, compression, planar, orientation)
    for photometric, orientation in product((BLACK_IS_ZERO, YCBCR), range(1, 9)):
        yield TiffCell(photometric, 8, compression="jpeg", orientation=orientation)
    for compression, orientation in product(("group3", "group4"), range(1, 9)):
        yield TiffCell(BLACK_IS_ZERO, 1, compression=compression, orientation=orientation)


def iterate_png_cells() -> Iterator[PngCell]:
    """Yield the layouts of all PNG files."""
    depths = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    for color_type, bits_list in depths.items():
        for bits, transparent, colors, interlaced in product(
            bits_list, (False, True), PNG_COLORS, (False, True)
        ):
            if transparent and color_type in (4, 6):
                continue
            if colors in ("iccp_gray", "iccp_p3") and (colors == "iccp_gray") != (
                color_type in (0, 4)
            ):
                continue
            yield PngCell(color_type, bits, transparent, colors, interlaced)


def picture() -> NDArray[Any]:
    """Return the picture (H, W, 3), values in [0, 1]."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    channels = [
        0.15 + 0.8 * x / (WIDTH - 1),
        0.1 + 0.8 * y / (HEIGHT - 1),
        0.5 + 0.35 * np.sin(1.3 * x + 0.7 * y),
    ]
    return np.stack(channels, axis=-1)


def opacity() -> NDArray[Any]:
    """Return the alpha (H, W) of files that have one: the corner is transparent."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    alpha: NDArray[Any] = np.clip(0.3 + 0.1 * x + 0.1 * y, 0, 1) * ((x > 1) | (y > 1))
    return alpha


def write_tiff(path: Path, cell: TiffCell) -> None:
    """Write the picture in a layout."""
    if cell.compression in ("jpeg", "group3", "group4"):
        _write_tiff_with_pillow(path, cell)
        return
    samples = tiff_samples(cell)
    channels = samples.shape[2]
    planes = [samples] if cell.planar == 1 else list(np.split(samples, channels, axis=2))
    rows_per_strip = HEIGHT if cell.strips == 1 else ROWS_PER_STRIP
    strips = [
        _compress_tiff(plane[top : top + rows_per_strip], cell)
        for plane in planes
        for top in range(0, HEIGHT, rows_per_strip)
    ]
    header = struct.pack(f"{cell.order}2sHI", b"II" if cell.order == "<" else b"MM", 42, 8)
    tags: Tags = {
        256: ("H", [WIDTH]),
        257: ("H", [HEIGHT]),
        258: ("H", [cell.bits] * channels),
        259: ("H", [COMPRESSIONS[cell.compression]]),
        262: ("H", [cell.photometric]),
        274: ("H", [cell.orientation]),
        277: ("H", [channels]),
        278: ("H", [rows_per_strip]),
        279: ("I", [len(strip) for strip in strips]),
        284: ("H", [cell.planar]),
    }
    if cell.alpha != "opaque":
        tags[338] = ("H", [ALPHAS[cell.alpha]])
    if cell.photometric == PALETTE:
        tags[320] = ("H", tiff_palette(cell.bits).T.ravel().tolist())
    if cell.profile != "none":
        tags[34675] = ("B", list(build_profile_named(cell.profile)))
    path.write_bytes(header + _tiff_directory(cell.order, tags, strips))


def tiff_samples(cell: TiffCell) -> Samples:
    """Return the samples of the picture in a layout."""
    rgb, alpha = picture(), opacity()[..., None]
    gray = rgb.mean(axis=2, keepdims=True)
    highest = 2**cell.bits - 1
    if cell.photometric == PALETTE:
        colors = min(2**cell.bits, 64)
        indices: Samples = (gray * (colors - 1)).round().astype(np.uint64)
        return indices
    if cell.photometric == CIELAB:
        return _lab_samples(rgb, cell.bits)
    channels = {
        WHITE_IS_ZERO: 1 - gray,
        BLACK_IS_ZERO: gray,
        RGB: rgb,
        CMYK: np.concatenate([0.8 - 0.8 * rgb, 0.2 * gray], axis=2),
    }[cell.photometric]
    if cell.alpha == "associated":
        channels = channels * alpha
    if cell.alpha != "opaque":
        channels = np.concatenate([channels, alpha], axis=2)
    samples: Samples = (channels * highest).round().astype(np.uint64)
    return samples


def _lab_samples(rgb: NDArray[np.float64], bits: int) -> Samples:
    lightness = rgb.mean(axis=2) * 0.9
    a, b = 60 * (rgb[..., 0] - 0.5), 60 * (0.5 - rgb[..., 2])
    scale = 2 ** (bits - 8)
    signed = [(value * scale).round().astype(np.int64) % 2**bits for value in (a, b)]
    return np.stack([(lightness * (2**bits - 1)).round().astype(np.int64), *signed], axis=2).astype(
        np.uint64
    )


def tiff_palette(bits: int) -> NDArray[np.uint16]:
    """Return the palette (2 ** bits, 3) with 16 bits per channel; color varies with the index."""
    colors = min(2**bits, 64)
    level = (np.arange(2**bits) % colors) / max(colors - 1, 1)
    table = np.stack([level, 1 - 0.8 * level, 0.5 + 0.5 * np.sin(4 * level)], axis=1)
    eight = (table * 255).round().astype(np.uint16)
    return eight * np.uint16(257)


def _compress_tiff(rows: Samples, cell: TiffCell) -> bytes:
    packed = [pack_row(row.ravel(), cell.bits, cell.order) for row in rows]
    if cell.compression == "packbits":
        return b"".join(map(_pack_literals, packed))
    data = b"".join(packed)
    if cell.compression == "lzw":
        return _lzw(data)
    return zlib.compress(data) if cell.compression == "deflate" else data


def pack_row(values: Samples, bits: int, order: str = ">") -> bytes:
    """Pack a row of samples; those of less than 8 bits, and of 12, begin at the highest bit."""
    if bits in (8, 16, 32):
        return values.astype(f"{order}u{bits // 8}").tobytes()
    shifts = np.arange(bits - 1, -1, -1, dtype=np.uint64)
    flat = (values[:, None] >> shifts) & np.uint64(1)
    return np.packbits(flat.astype(np.uint8).ravel()).tobytes()


def _pack_literals(row: bytes) -> bytes:
    runs = (row[at : at + 128] for at in range(0, len(row), 128))
    return b"".join(bytes([len(run) - 1]) + run for run in runs)


def _lzw(data: bytes) -> bytes:
    """Encode literals of 9 bits; the table is cleared before the codes would need 10."""
    codes = []
    for at in range(0, len(data), 200):
        codes += [256, *data[at : at + 200]]
    return pack_row(np.array([*codes, 257], np.uint64), 9)


def _tiff_directory(order: str, tags: Tags, strips: Sequence[bytes]) -> bytes:
    """Return everything after the header: directory, values of tags, strips."""
    tags = {**tags, 273: ("I", [0] * len(strips))}
    sizes = {"B": 1, "H": 2, "I": 4}
    at = 8 + 2 + 12 * len(tags) + 4  # behind the directory
    places = {}
    for tag in sorted(tags):
        kind, values = tags[tag]
        if sizes[kind] * len(values) > 4:
            places[tag], at = at, at + sizes[kind] * len(values) + at % 2
    offsets = []
    for strip in strips:
        offsets.append(at)
        at += len(strip) + len(strip) % 2
    tags[273] = ("I", offsets)
    entries, outside = b"", {}
    for tag in sorted(tags):
        kind, values = tags[tag]
        value = struct.pack(f"{order}{len(values)}{kind}", *values)
        code = {"B": 7, "H": 3, "I": 4}[kind]
        field = struct.pack(f"{order}I", places[tag]) if tag in places else value.ljust(4, b"\0")
        entries += struct.pack(f"{order}HHI", tag, code, len(values)) + field
        if tag in places:
            outside[places[tag] - 8] = value
    body = bytearray(at - 8)
    head = struct.pack(f"{order}H", len(tags)) + entries + bytes(4)
    body[: len(head)] = head
    for place, value in (
        outside | {o - 8: s for o, s in zip(offsets, strips, strict=True)}
    ).items():
        body[place : place + len(value)] = value
    return bytes(body)


def _write_tiff_with_pillow(path: Path, cell: TiffCell) -> None:
    eight = (picture() * 255).round().astype(np.uint8)
    image = Image.fromarray(eight)
    if cell.photometric == BLACK_IS_ZERO:
        image = Image.fromarray(eight.mean(axis=2).round().astype(np.uint8))
    if cell.bits == 1:
        image = image.convert("1", dither=Image.Dither.NONE)
    names = {"jpeg": "jpeg", "group3": "group3", "group4": "group4"}
    image.save(
        path,
        "TIFF",
        compression=names[cell.compression],
        tiffinfo={274: cell.orientation},
        **({"quality": 95} if cell.compression == "jpeg" else {}),
    )


def build_profile_named(name: str) -> bytes:
    """Return an ICC profile: gray with gamma 1.0 or 1.8, P3 with the curve of sRGB, or linear."""
    if name == "gray":
        return gray_profile(gamma=1.8)
    return build_profile(P3, gamma=None)


def build_profile(primaries: Sequence[Sequence[float]], gamma: float | None) -> bytes:
    """Build an ICC profile from sRGB's, with other primaries and optionally another gamma."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for letter, xyz in zip(b"rgb", np.transpose(primaries), strict=True):
        fixed = [round(value * 65536) for value in xyz]
        struct.pack_into(">3i", profile, tag_offset(profile, bytes([letter]) + b"XYZ") + 8, *fixed)
        if gamma is not None:
            curve = struct.pack(">4sIIH", b"curv", 0, 1, round(gamma * 256))
            at = tag_offset(profile, bytes([letter]) + b"TRC")
            profile[at : at + len(curve)] = curve
    return bytes(profile)


def tag_offset(profile: bytearray, tag: bytes) -> int:
    """Return the offset of a tag's data, from the profile's tag table."""
    (offset,) = struct.unpack_from(">I", profile, profile.index(tag) + 4)
    return int(offset)


def gray_profile(gamma: float) -> bytes:
    """Build a gray ICC profile with a gamma and the white point D50."""
    white = struct.pack(">4sI3i", b"XYZ ", 0, 63190, 65536, 54061)
    curve = struct.pack(">4sIIH2x", b"curv", 0, 1, round(gamma * 256))
    text = struct.pack(">4sI", b"desc", 0) + struct.pack(">I5s", 5, b"gray\0") + bytes(79)
    tags = {b"desc": text + bytes(-len(text) % 4), b"wtpt": white, b"kTRC": curve}
    at = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        table += struct.pack(">4sII", name, at + len(data), len(value))
        data += value
    header = bytearray(128)
    struct.pack_into(">I", header, 0, at + len(data))
    header[8:12] = b"\x02\x10\0\0"
    header[12:24] = b"mntrGRAYXYZ "
    header[36:40] = b"acsp"
    struct.pack_into(">3i", header, 68, 63190, 65536, 54061)
    return bytes(header) + table + data


def _gamma_chunk(value: int) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", value)


def _profile_chunk(name: str) -> tuple[bytes, bytes]:
    return b"iCCP", b"x\0\0" + zlib.compress(build_profile_named(name))


SRGB_CHUNK = (b"sRGB", b"\0")
P3_CHUNK = (
    b"cHRM",
    struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000),
)
# The color chunks of a file, by name; in the files they stand in this order.
PNG_COLORS: dict[str, list[tuple[bytes, bytes]]] = {
    "none": [],
    "srgb": [SRGB_CHUNK],
    "gama_srgb": [_gamma_chunk(45455)],
    "gama_linear": [_gamma_chunk(100_000)],
    "gama_18": [_gamma_chunk(55_556)],
    "chrm_p3": [_gamma_chunk(45455), P3_CHUNK],
    "cicp_p3": [(b"cICP", bytes((12, 13, 0, 1)))],
    "cicp_srgb_gama_linear": [(b"cICP", bytes((1, 13, 0, 1))), _gamma_chunk(100_000)],
    "srgb_gama_linear": [SRGB_CHUNK, _gamma_chunk(100_000)],
    "iccp_gray": [_profile_chunk("gray"), _gamma_chunk(100_000)],
    "iccp_p3": [_profile_chunk("p3"), _gamma_chunk(100_000)],
}


def write_png(path: Path, cell: PngCell) -> None:
    """Write the picture in a layout."""
    path.write_bytes(png_bytes(cell))


def png_bytes(cell: PngCell) -> bytes:
    """Return a file that shows the picture in a layout."""
    samples = png_samples(cell)
    header = struct.pack(
        ">IIBBBBB", WIDTH, HEIGHT, cell.bits, cell.color_type, 0, 0, int(cell.interlaced)
    )
    chunks = [(b"IHDR", header), *PNG_COLORS[cell.colors]]
    if cell.color_type == 3:
        palette = (tiff_palette(cell.bits) >> 8).astype(np.uint8)
        chunks.append((b"PLTE", palette.tobytes()))
    if cell.transparent:
        chunks.append((b"tRNS", _transparency(cell, samples)))
    passes = ADAM7 if cell.interlaced else [(0, 0, 1, 1)]
    lines = b"".join(
        b"\0" + pack_row(row.ravel(), cell.bits)
        for left, top, dx, dy in passes
        for row in samples[top::dy, left::dx]
        if row.size
    )
    chunks += [(b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, data) for name, data in chunks)


ADAM7 = [
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
]


def png_samples(cell: PngCell) -> Samples:
    """Return the samples of the picture in a layout."""
    photometric = {0: BLACK_IS_ZERO, 2: RGB, 3: PALETTE, 4: BLACK_IS_ZERO, 6: RGB}[cell.color_type]
    alpha = "unassociated" if cell.color_type in (4, 6) else "opaque"
    return tiff_samples(TiffCell(photometric, cell.bits, alpha))


def png_chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _transparency(cell: PngCell, samples: Samples) -> bytes:
    """Return a tRNS chunk that makes the pixel in the middle, and those like it, transparent."""
    value = samples[HEIGHT // 2, WIDTH // 2]
    if cell.color_type == 3:
        opacities = np.full(2**cell.bits, 255, np.uint8)
        opacities[int(value[0])] = 0
        return opacities.tobytes()
    return struct.pack(f">{len(value)}H", *value.tolist())
