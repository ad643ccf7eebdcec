"""The pairs that fooled most and least, with their pictures where the stimuli are at hand."""

import base64
import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from analysis.formatting import ReportPart
from analysis.inputs.responses import ResponsesError

PAIRS_PER_ROW = 6  # pairs in a row
THUMBNAIL_PX = 224  # pixels: twice what the page shows, for sharp screens
REAL_METHOD = "real"

StimulusFiles = Mapping[tuple[str, str], Path]  # (image, method) -> file


@dataclass(frozen=True)
class GalleryPair:
    """An entry of the report's images.

    Real_url, fake_url: data URLs, None where there is no picture.
    """

    entry: ReportPart
    real_url: str | None = None
    fake_url: str | None = None


@dataclass(frozen=True)
class Gallery:
    """One method's pairs, the most and the least fooling first."""

    method: str
    most_fooling: list[GalleryPair]
    least_fooling: list[GalleryPair]


def build_galleries(report: ReportPart, stimulus_files: StimulusFiles) -> list[Gallery]:
    """A gallery of every method whose images could be ranked; a pair is in one row only."""
    galleries = []
    for method in report["methods"]:
        ranked = [
            entry
            for entry in report["images"]
            if entry["method"] == method and entry["shrunk_rate"] is not None
        ]
        shown = min(PAIRS_PER_ROW, len(ranked) // 2)
        if shown:
            most, least = (
                [_load_pair(entry, stimulus_files) for entry in entries]
                for entries in (ranked[:shown], ranked[: -shown - 1 : -1])
            )
            galleries.append(Gallery(method, most, least))
    return galleries


def read_stimulus_files(folder: Path | None) -> StimulusFiles:
    """The files that a folder's manifest.csv lists. Raises ResponsesError without one in it."""
    if folder is None:
        return {}
    manifest = folder / "manifest.csv"
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as file:
            return {
                (row["image"], row["method"]): folder / row["file"] for row in csv.DictReader(file)
            }
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
    """A small JPEG as a data URL; None where the file is no picture any more."""
    if path is None:
        return None
    try:
        with Image.open(path) as picture:
            small = picture.convert("RGB")
    except OSError:
        return None
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
