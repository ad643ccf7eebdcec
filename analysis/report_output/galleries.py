"""Galleries of the pairs that fooled most and least, with thumbnails if the stimuli are given."""

import base64
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms, ImageOps

from analysis.formatting import ReportPart, format_interval, format_share
from analysis.inference.image_ranking import MIN_RELIABILITY
from analysis.inputs.manifest_table import read_manifest_table

PAIRS_PER_ROW = 6
THUMBNAIL_PX = 224  # pixels; twice the size on the page, for high-resolution displays
REAL_METHOD = "real"

StimulusFiles = Mapping[tuple[str, str], Path]  # (image, method) -> file


@dataclass(frozen=True)
class GalleryPair:
    """A photograph and its fake, or another image made from it.

    entry: their entry in the report's images. lines: what is printed below them. real_url,
    fake_url: data URLs, None without a file; the photograph itself has no second image.
    """

    entry: ReportPart
    lines: tuple[str, ...]
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
    """The pairs of a method with the highest and the lowest estimates, or examples of its pairs."""

    method: str
    rows: tuple[GalleryRow, ...]
    scale: str | None = None


@dataclass(frozen=True)
class GalleryTexts:
    """The texts of a gallery, and the estimate that ranks its entries.

    key: of the estimate in an entry. highest, lowest: titles of the rows. describe: what is printed
    below an entry.
    """

    key: str
    highest: str
    lowest: str
    describe: Callable[[ReportPart], Iterator[str]]


def build_galleries(report: ReportPart, stimulus_files: StimulusFiles) -> list[Gallery]:
    """Build a gallery of fooling rates for every method with images."""
    galleries = []
    for method, rate in report["methods"].items():
        entries = [entry for entry in report["images"] if entry["method"] == method]
        reliability = rate["ranking"]["reliability"]
        rows = build_gallery_rows(entries, reliability, RATE_TEXTS, stimulus_files)
        galleries += [Gallery(method, rows)] if rows else []
    return galleries


def build_gallery_rows(
    entries: Sequence[ReportPart],
    reliability: float | None,
    texts: GalleryTexts,
    stimulus_files: StimulusFiles,
) -> tuple[GalleryRow, ...]:
    """Build rows of both ends of a ranking, or of examples if it is unreliable.

    entries: of one method, the highest estimate first. No pair is in both rows.
    """
    ranked = [entry for entry in entries if entry[texts.key] is not None]
    shown = min(PAIRS_PER_ROW, len(ranked) // 2)
    if shown and reliability is not None and reliability >= MIN_RELIABILITY:
        return (
            _build_row(texts.highest, ranked, shown, texts, stimulus_files),
            _build_row(texts.lowest, ranked[::-1], shown, texts, stimulus_files),
        )
    return (_build_examples(entries, texts, stimulus_files),) if entries else ()


def _describe_rate(entry: ReportPart) -> Iterator[str]:
    yield f"fooled on {entry['fooled']} of {entry['trials']} trials"
    if entry["shrunk_rate"] is not None:
        bounds = format_interval(entry["ci95"], 0)
        yield f"estimate {format_share(entry['shrunk_rate'], 0)}% ({bounds})"


RATE_TEXTS = GalleryTexts(
    "shrunk_rate", "Fooled people most often", "Fooled people least often", _describe_rate
)


def _build_examples(
    entries: Sequence[ReportPart], texts: GalleryTexts, stimulus_files: StimulusFiles
) -> GalleryRow:
    """Build a row of the first pairs by name, an order that says nothing about their rates."""
    by_name = sorted(entries, key=lambda entry: str(entry["image"]))
    pairs = [_load_pair(entry, texts, stimulus_files) for entry in by_name[:PAIRS_PER_ROW]]
    return GalleryRow("Examples, not ranked", pairs)


def _build_row(
    title: str,
    entries: Sequence[ReportPart],
    shown: int,
    texts: GalleryTexts,
    stimulus_files: StimulusFiles,
) -> GalleryRow:
    last = entries[shown - 1][texts.key]
    tied = sum(entry[texts.key] == last for entry in entries)
    is_cut = entries[shown][texts.key] == last
    pairs = [_load_pair(entry, texts, stimulus_files) for entry in entries[:shown]]
    return GalleryRow(title, pairs, tied if is_cut else 0)


def read_stimulus_files(folder: Path | None) -> StimulusFiles:
    """Return the files listed in a folder's manifest.csv; without a folder, none.

    Raises ResponsesError if the manifest is missing or invalid.
    """
    if folder is None:
        return {}
    rows = read_manifest_table(folder)
    return {(row["image"], row["method"]): folder / row["file"] for row in rows}


def _load_pair(
    entry: ReportPart, texts: GalleryTexts, stimulus_files: StimulusFiles
) -> GalleryPair:
    real, fake = (
        _thumbnail_url(stimulus_files.get((entry["image"], method)))
        for method in (REAL_METHOD, entry["method"])
    )
    is_photograph = entry["method"] == REAL_METHOD
    lines = tuple(texts.describe(entry))
    return GalleryPair(entry, lines, real, None if is_photograph else fake)


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
