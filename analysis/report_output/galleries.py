"""Galleries of the pairs that fooled most and least, with thumbnails if the stimuli are given."""

import base64
import csv
import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms, ImageOps

from analysis.formatting import ReportPart
from analysis.inference.image_ranking import MIN_RELIABILITY
from analysis.inputs.manifest_table import read_manifest_table
from analysis.inputs.responses import ResponsesError

PAIRS_PER_ROW = 6
THUMBNAIL_PX = 224  # pixels; twice the size on the page, for high-resolution displays
REAL_METHOD = "real"

StimulusFiles = Mapping[tuple[str, str], Path]  # (image, method) -> file


@dataclass(frozen=True)
class GalleryPair:
    """A photograph and its fake.

    entry: their entry in the report's images. real_url, fake_url: data URLs, None without a file.
    """

    entry: ReportPart
    real_url: str | None = None
    fake_url: str | None = None


@dataclass(frozen=True)
class GalleryRow:
    """Pairs of one method: those at one end of its ranking, or examples.

    tied: how many pairs share the estimate of the last one that is shown, if some of them are not
    shown; else 0.
    """

    title: str
    pairs: list[GalleryPair]
    tied: int = 0


@dataclass(frozen=True)
class Gallery:
    """A method's pairs with the highest and the lowest fooling rates, or examples of its pairs."""

    method: str
    rows: tuple[GalleryRow, ...]


def build_galleries(report: ReportPart, stimulus_files: StimulusFiles) -> list[Gallery]:
    """Build a gallery for every method: both ends of its ranking, or examples if it is unreliable.

    No pair is in both rows of a ranking.
    """
    galleries = []
    for method, rate in report["methods"].items():
        reliability = rate["ranking"]["reliability"]
        entries = [entry for entry in report["images"] if entry["method"] == method]
        ranked = [entry for entry in entries if entry["shrunk_rate"] is not None]
        shown = min(PAIRS_PER_ROW, len(ranked) // 2)
        if shown and reliability is not None and reliability >= MIN_RELIABILITY:
            rows = (
                _build_row("Fooled people most often", ranked, shown, stimulus_files),
                _build_row("Fooled people least often", ranked[::-1], shown, stimulus_files),
            )
            galleries.append(Gallery(method, rows))
        elif entries:
            galleries.append(Gallery(method, (_build_examples(entries, stimulus_files),)))
    return galleries


def _build_examples(entries: Sequence[ReportPart], stimulus_files: StimulusFiles) -> GalleryRow:
    """Build a row of the first pairs by name, an order that says nothing about their rates."""
    by_name = sorted(entries, key=lambda entry: str(entry["image"]))
    pairs = [_load_pair(entry, stimulus_files) for entry in by_name[:PAIRS_PER_ROW]]
    return GalleryRow("Examples, not ranked", pairs)


def _build_row(
    title: str, entries: Sequence[ReportPart], shown: int, stimulus_files: StimulusFiles
) -> GalleryRow:
    last = entries[shown - 1]["shrunk_rate"]
    tied = sum(entry["shrunk_rate"] == last for entry in entries)
    is_cut = entries[shown]["shrunk_rate"] == last
    pairs = [_load_pair(entry, stimulus_files) for entry in entries[:shown]]
    return GalleryRow(title, pairs, tied if is_cut else 0)


def read_stimulus_files(folder: Path | None) -> StimulusFiles:
    """Return the files listed in a folder's manifest.csv; without a folder, none.

    Raises ResponsesError if the manifest is missing or invalid.
    """
    if folder is None:
        return {}
    manifest = folder / "manifest.csv"
    try:
        rows = read_manifest_table(manifest)
        return {(row["image"], row["method"]): folder / row["file"] for row in rows}
    except OSError as error:
        raise ResponsesError(
            f"{manifest}: {error.strerror}; use --stimuli with the output folder of `colorizer"
            " batch`"
        ) from error
    except (KeyError, csv.Error, UnicodeDecodeError) as error:
        raise ResponsesError(f"{manifest}: not a stimulus manifest ({error})") from error


def _load_pair(entry: ReportPart, stimulus_files: StimulusFiles) -> GalleryPair:
    paths = (
        stimulus_files.get((entry["image"], method)) for method in (REAL_METHOD, entry["method"])
    )
    return GalleryPair(entry, *map(_thumbnail_url, paths))


def _thumbnail_url(path: Path | None) -> str | None:
    """Return a thumbnail as a data URL; None if the file is not a readable image."""
    if path is None:
        return None
    try:
        with Image.open(path) as picture:
            small = _to_srgb(ImageOps.exif_transpose(picture))
    except OSError:
        return None
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _to_srgb(picture: Image.Image) -> Image.Image:
    """Convert a stimulus file as `study import` does, so that participants saw this thumbnail."""
    image = picture if picture.mode == "L" else picture.convert("RGB")
    if profile := picture.info.get("icc_profile"):
        with suppress(ImageCms.PyCMSError):  # the import has refused it
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            return ImageCms.buildTransform(source, target, image.mode, "RGB").apply(image)
    return image.convert("RGB")
