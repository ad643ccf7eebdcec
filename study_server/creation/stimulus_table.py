"""The stimuli of a study as a table: a row per source image, a column per method."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from study_server.storage.models import AcceptedWarning, Stimulus, Study
from study_server.vocabulary import FOIL_METHOD, REAL_METHOD


@dataclass(frozen=True)
class ImageRow:
    """A source image, with the id of its stimulus of each method."""

    image: str
    ids: dict[str, int]


def count_by_method(db: Session, study: Study) -> dict[str, int]:
    """Count the stimuli of each method: photographs first, foils last."""
    query = (
        select(Stimulus.method, func.count().label("stimuli"))
        .where(Stimulus.study_id == study.id)
        .group_by(Stimulus.method)
    )
    counts = {row.method: row.stimuli for row in db.execute(query)}
    ordered = sorted(counts, key=lambda name: (name != REAL_METHOD, name == FOIL_METHOD, name))
    return {method: counts[method] for method in ordered}


def count_images(db: Session, study: Study) -> int:
    """Count the source images of a study."""
    query = select(func.count(Stimulus.image.distinct())).where(Stimulus.study_id == study.id)
    return db.scalar(query) or 0


def list_images(db: Session, study: Study, first: int, count: int) -> list[ImageRow]:
    """Return some of the source images, in order of their names."""
    own = Stimulus.study_id == study.id
    names = select(Stimulus.image).where(own).distinct().order_by(Stimulus.image)
    images = list(db.scalars(names.offset(first).limit(count)))
    rows = {image: ImageRow(image, {}) for image in images}
    for one in db.scalars(select(Stimulus).where(own, Stimulus.image.in_(images))):
        rows[one.image].ids[one.method] = one.id
    return list(rows.values())


def list_accepted_warnings(db: Session, study: Study) -> list[AcceptedWarning]:
    """Return the warnings that were accepted at the import, in the order of the audit."""
    query = select(AcceptedWarning).where(AcceptedWarning.study_id == study.id)
    return list(db.scalars(query.order_by(AcceptedWarning.number)))
