"""Store the pictures that ImageMagick and tifffile show for the files of image_files.py.

Run `python -m tests.reference.make_image_grid`; see README.md. It needs ImageMagick's `convert`,
tifffile and imagecodecs, and nothing of this project.
"""

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import ImageCms

from tests.reference.image_files import (
    BLACK_IS_ZERO,
    CMYK,
    P3,
    PALETTE,
    PNG_COLORS,
    RGB,
    WHITE_IS_ZERO,
    PngCell,
    TiffCell,
    build_profile,
    build_profile_named,
    gray_profile,
    iterate_png_cells,
    iterate_tiff_cells,
    write_png,
    write_tiff,
)

OUT = Path(__file__).parent / "images" / "image_grid.npz"
MAX_DIFFERENCE = 2  # of 255, the mean over the picture
Picture = NDArray[np.uint8]  # (H, W, 3)
# Rows X, Y, Z of the primaries under D50, for files that state only a gamma
SRGB = ((0.43607, 0.38515, 0.14307), (0.22249, 0.71687, 0.06061), (0.01392, 0.09708, 0.71410))


def main() -> None:
    pictures: dict[str, Picture] = {}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        (work / "srgb.icc").write_bytes(profile)
        for tiff_cell in {cell.picture: cell for cell in plain_tiff_cells()}.values():
            pictures[tiff_cell.picture] = choose(tiff_cell, work)
        for png_cell in {cell.picture: cell for cell in iterate_png_cells()}.values():
            pictures[png_cell.picture] = convert_png(png_cell, work)
    OUT.parent.mkdir(exist_ok=True)
    np.savez_compressed(OUT, **pictures)  # type: ignore[arg-type]
    print(f"{OUT}: {len(pictures)} pictures")


def plain_tiff_cells() -> list[TiffCell]:
    """Return the upright files; the first of each picture has the simplest layout."""
    upright = [cell for cell in iterate_tiff_cells() if cell.orientation == 1]
    return list(reversed(upright))


def choose(cell: TiffCell, work: Path) -> Picture:
    """Return ImageMagick's picture, or tifffile's where ImageMagick reads the layout wrong."""
    path = work / "cell.tif"
    if cell.photometric == WHITE_IS_ZERO and cell.profile != "none":
        # ImageMagick reads some of these as negatives, so it only converts from the profile.
        plain = work / "plain.pgm"
        write_pgm(plain, choose(replace(cell, profile="none"), work)[..., 0])
        return convert_with_imagemagick(plain, work, build_profile_named(cell.profile))
    write_tiff(path, cell)
    first = convert_with_imagemagick(path, work)
    second = interpret_with_tifffile(path, cell)
    if second is None:
        return first
    difference = np.abs(first.astype(int) - second).mean()
    if difference >= MAX_DIFFERENCE:
        print(
            f"{cell.picture}: ImageMagick and tifffile differ by {difference:.1f}", file=sys.stderr
        )
        return second
    return first


def convert_with_imagemagick(path: Path, work: Path, profile: bytes | None = None) -> Picture:
    """Blend with white, convert to sRGB and reduce to 8 bits; profile: of a file without one."""
    options = ["-background", "white", "-alpha", "remove", "-alpha", "off"]
    if profile is not None:
        (work / "source.icc").write_bytes(profile)
        options += ["-profile", str(work / "source.icc")]
    elif has_profile(path):
        pass
    else:
        options += ["-colorspace", "sRGB"]
    if profile is not None or has_profile(path):
        options += ["-profile", str(work / "srgb.icc")]
    out = work / "out.ppm"
    subprocess.run(
        ["convert", f"{path}[0]", *options, "-type", "TrueColor", "-depth", "8", str(out)],
        check=True,
    )
    return read_ppm(out)


def has_profile(path: Path) -> bool:
    """Return whether a file holds an ICC profile, whose signature stands in it uncompressed."""
    content = path.read_bytes()
    return b"acsp" in content or b"iCCP" in content


def read_ppm(path: Path) -> Picture:
    header, size, highest, pixels = path.read_bytes().split(b"\n", 3)
    assert header == b"P6"
    assert highest == b"255"
    width, height = map(int, size.split())
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)


def write_pgm(path: Path, gray: NDArray[np.uint8]) -> None:
    path.write_bytes(b"P5\n%d %d\n255\n" % gray.shape[::-1] + gray.tobytes())


def interpret_with_tifffile(path: Path, cell: TiffCell) -> Picture | None:
    """Return the picture by the definition of the TIFF standard, or None if it needs a profile."""
    if cell.profile != "none" or cell.photometric not in (
        WHITE_IS_ZERO,
        BLACK_IS_ZERO,
        RGB,
        CMYK,
        PALETTE,
    ):
        return None
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        samples = page.asarray().astype(np.int64)
        colormap = page.colormap if cell.photometric == PALETTE else None
    samples = samples.reshape(samples.shape[0], samples.shape[1], -1)
    if colormap is not None:
        return (colormap.T[samples[..., 0]] >> 8).astype(np.uint8)
    values = samples / (2**cell.bits - 1)
    if cell.photometric == WHITE_IS_ZERO:
        values[..., 0] = 1 - values[..., 0]
    colors = {RGB: 3, CMYK: 4}.get(cell.photometric, 1)
    values, extra = values[..., :colors], values[..., colors:]
    if cell.photometric == CMYK:
        values = (1 - values[..., :3]) * (1 - values[..., 3:])
    if cell.alpha == "unassociated":
        values = values * extra + 1 - extra
    elif cell.alpha == "associated":
        values = values + 1 - extra
    return np.broadcast_to((values.clip(0, 1) * 255).round(), (*values.shape[:2], 3)).astype(
        np.uint8
    )


def convert_png(cell: PngCell, work: Path) -> Picture:
    """Return ImageMagick's picture; it converts from a profile where it ignores a chunk."""
    path = work / "cell.png"
    profiles = {
        "gama_linear": (gray_profile(1.0), build_profile(SRGB, 1.0)),
        "gama_18": (gray_profile(1.8), build_profile(SRGB, 1.8)),
        "chrm_p3": (None, build_profile(P3, None)),
        "cicp_p3": (None, build_profile(P3, None)),
        "iccp_gray": (build_profile_named("gray"), None),
        "iccp_p3": (None, build_profile_named("p3")),
    }
    assert set(profiles) < set(PNG_COLORS)
    is_gray = cell.color_type in (0, 4)
    plain = PngCell(cell.color_type, cell.bits, cell.transparent, "none", cell.interlaced)
    write_png(path, plain)
    return convert_with_imagemagick(
        path, work, profiles.get(cell.colors, (None, None))[not is_gray]
    )


if __name__ == "__main__":
    main()
