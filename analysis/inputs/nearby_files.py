"""Find the design and the stimuli that belong to a responses file, near that file."""

import hashlib
from pathlib import Path

from analysis.inputs.design import Design, read_design
from analysis.inputs.manifest_table import MANIFEST_FILE, read_manifest_table
from analysis.inputs.responses import HasDistinct, ResponsesError


def find_design(source: Path, responses: HasDistinct, study: str | None) -> Path | None:
    """Return the design.json or draft.json beside a responses file, if it is of the same study.

    `study export` writes it there: draft.json until the design is frozen. study: the chosen study,
    or None if the file holds only one. Raises DesignError if the file cannot be used.
    """
    studies = [study] if study else responses.distinct("study")
    for path in (source.with_name("design.json"), source.with_name("draft.json")):
        if path.is_file() and read_design(path).study in studies:
            return path
    return None


def find_stimuli(source: Path, responses: HasDistinct, design: Design | None) -> Path | None:
    """Return the folder of the stimuli that were shown, or None if it is not near the file.

    `colorizer batch` writes it to `outputs` and `study manifest` beside its folders. Its manifest
    must be the one in the design. Without a design it must list every image of the responses.
    """
    here = source.absolute().parent
    for folder in (here, here / "outputs", here.parent, here.parent / "outputs"):
        manifest = folder / MANIFEST_FILE
        if manifest.is_file() and _fits(manifest, responses, design):
            return folder
    return None


def _fits(manifest: Path, responses: HasDistinct, design: Design | None) -> bool:
    try:
        if design is not None and design.manifest_sha256:
            return hashlib.sha256(manifest.read_bytes()).hexdigest() == design.manifest_sha256
        images = {row["image"] for row in read_manifest_table(manifest.parent)}
    except (OSError, ResponsesError):
        return False
    return images.issuperset(responses.distinct("image"))
