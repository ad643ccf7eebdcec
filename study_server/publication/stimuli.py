"""The stimuli of a published study: the images as they were shown, and their manifest."""

import csv
import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.csv_cells import read_csv
from study_server.errors import StudyError
from study_server.stimuli.manifest import CAPTION_COLUMN, MANIFEST_COLUMNS, TAG_PATTERN
from study_server.storage.models import Stimulus, Study

Tags = Mapping[str, Mapping[str, str]]  # image -> name of the tag -> value

MANIFEST_FILE = "manifest.csv"
SAFE_PATH = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*")  # no part begins with a dot


@dataclass(frozen=True)
class StimulusChoice:
    """The choice to publish the images, or only where they are.

    address: the web address of the folder with the images; empty if they are nowhere.
    """

    is_included: bool = True
    address: str = ""


def find_tags(study: Study, manifest: Path | None) -> Tags:
    """Return the tags of images, which only the manifest has that was imported.

    Raises StudyError if the analysis plan compares tags and there is no manifest, or if this is not
    the one that was imported.
    """
    if manifest is None:
        planned = json.loads(study.design or "{}").get("plan", {}).get("covariates", [])
        tag = next(filter(TAG_PATTERN.fullmatch, planned), None)
        if tag is not None:
            raise StudyError(
                f"the analysis plan compares {tag}, which is not stored with the study; add "
                "--manifest with the manifest that was imported"
            )
        return {}
    table = read_csv(manifest)
    if hashlib.sha256(manifest.read_bytes()).hexdigest() != study.manifest_sha256:
        raise StudyError(f"{manifest}: not the manifest that was imported (its SHA-256 differs)")
    names = [name for name in table.columns if TAG_PATTERN.fullmatch(name)]
    return {record["image"]: {name: record[name] for name in names} for _, record in table.rows}


def write_stimuli(
    db: Session, study: Study, stored: Path, folder: Path, choice: StimulusChoice, tags: Tags
) -> None:
    """Write the manifest, and the images if they are included.

    stored: the folder of the server's stimuli. Raises StudyError if an image is missing.
    """
    folder.mkdir()
    query = select(Stimulus).where(Stimulus.study_id == study.id)
    stimuli = list(db.scalars(query.order_by(Stimulus.image, Stimulus.method)))
    with (folder / MANIFEST_FILE).open("w", encoding="utf-8", newline="") as handle:
        columns = (*MANIFEST_COLUMNS, CAPTION_COLUMN, *next(iter(tags.values()), {}))
        writer = csv.DictWriter(handle, columns, lineterminator="\n")
        writer.writeheader()
        for number, stimulus in enumerate(stimuli, 1):
            path = _choose_path(stimulus, number)
            if choice.is_included:
                _copy(stored / stimulus.file, folder / path, study.slug)
            writer.writerow({**_describe(stimulus, path, choice), **tags.get(stimulus.image, {})})


def _choose_path(stimulus: Stimulus, number: int) -> str:
    """Return a path below the folder: the name of the image, unless it cannot be one."""
    is_path = SAFE_PATH.fullmatch(stimulus.image) is not None
    return f"{stimulus.method}/{stimulus.image if is_path else f'~{number}'}.png"


def _copy(source: Path, target: Path, slug: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError as error:
        raise StudyError(
            f"{source}: missing; run `study check` to see what the study {slug} lacks"
        ) from error


def _describe(stimulus: Stimulus, path: str, choice: StimulusChoice) -> Mapping[str, object]:
    is_linked = not choice.is_included and choice.address
    return {
        "image": stimulus.image,
        "method": stimulus.method,
        "file": f"{choice.address.rstrip('/')}/{quote(path)}" if is_linked else path,
        "sha256": stimulus.file_sha256,
        "width": stimulus.width,
        "height": stimulus.height,
        "split": stimulus.split,
        "checkpoint": stimulus.checkpoint,
        CAPTION_COLUMN: stimulus.caption,
    }
