"""Check whether the stimuli that were imported suit a changed protocol."""

import re
from collections import defaultdict
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.protocol.model import Protocol
from study_server.stimuli.manifest import ManifestRow, select_rows
from study_server.storage.models import Stimulus, Study

STORED = Path("stimuli")  # stands for the manifest in messages; the file is not stored
LOCATION_PATTERN = re.compile(r"^stimuli(:\d+)?: ")


def require_suitable_stimuli(
    db: Session, study: Study, before: Protocol, protocol: Protocol
) -> None:
    """Raise StudyError if the stimuli of a study do not suffice for a protocol.

    before: the protocol under which they were audited. A draft without stimuli suits any protocol.
    """
    if not study.has_stimuli:
        return
    if protocol.stimuli == "recolored" and before.stimuli != "recolored":
        raise StudyError(
            "stimuli = 'recolored' requires an audit of lightness and colors, which these images "
            "have not had; import them again with this setting"
        )
    images: dict[str, dict[str, ManifestRow]] = defaultdict(dict)
    for row in db.scalars(select(Stimulus).where(Stimulus.study_id == study.id)):
        images[row.image][row.method] = ManifestRow(
            row.id, row.image, row.method, Path(row.file), "", row.width, row.height, row.split,
            row.checkpoint, row.caption,
        )  # fmt: skip
    try:
        select_rows(STORED, images, protocol)
    except StudyError as error:
        raise StudyError(LOCATION_PATTERN.sub("", str(error))) from error
