"""A study's answers and design as files, read from the database at one moment."""

from collections.abc import Iterable, Iterator
from itertools import islice
from tempfile import SpooledTemporaryFile

from flask import Blueprint, Response, abort, current_app, g
from flask.typing import ResponseReturnValue
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.export import psych_ds
from study_server.export.codebook import TABLES
from study_server.export.csv_files import CODEBOOK, DESIGN_JSON, list_tables, write_csv
from study_server.export.preregistration import bundle_design
from study_server.export.zip_stream import stream_zip
from study_server.participants import outcomes
from study_server.storage.engine import snapshot, transaction
from study_server.storage.models import Study
from study_server.studies import lookup
from study_server.studies.unblinding import withhold_truth
from study_server.views.researcher import guard
from study_server.vocabulary import Mode

pages = Blueprint("downloads", __name__, url_prefix="/researcher/studies/<slug>/files")
guard(pages)

PSYCH_DS, BUNDLE = "psych-ds.zip", "design.zip"
# name -> whether it needs a frozen design
DOWNLOADS = {
    **{f"{table}.csv": False for table in (*TABLES, CODEBOOK)},
    PSYCH_DS: False,
    DESIGN_JSON: True,
    BUNDLE: True,
}
WITH_TRUTH = ("responses.csv", PSYCH_DS)
MODES = tuple(Mode)
LINES = 500  # taken at once
PIECE, IN_MEMORY = 64 * 1024, 8 * 1024 * 1024  # bytes: sent at once; held before the disk is used


@pages.get("/<name>")
def download(slug: str, name: str) -> ResponseReturnValue:
    return _send(slug, name)


@pages.post("/<name>")
def download_with_truth(slug: str, name: str) -> ResponseReturnValue:
    """Before the planned sample is there; recorded under the researcher's name."""
    if name not in WITH_TRUTH:
        abort(404)
    return _send(slug, name, unblind_for=g.researcher.name)


def _send(slug: str, name: str, unblind_for: str = "") -> ResponseReturnValue:
    g.db.close()  # the file is read in a transaction of its own
    engine: Engine = current_app.extensions["engine"]
    with transaction(engine) as db:
        study = _find(db, slug)
        if name not in DOWNLOADS or (DOWNLOADS[name] and study.design is None):
            abort(404)
        outcomes.release_places(db, study)
        blinded = withhold_truth(db, study, unblind_for)
    headers = {"Content-Disposition": f"attachment; filename={slug}-{name}"}
    kind = {"csv": "text/csv", "zip": "application/zip", "json": "application/json"}
    mimetype = kind[name.rpartition(".")[2]]
    pieces = _spool(_read(engine, slug, name, blinded))
    return Response(pieces, mimetype=mimetype, headers=headers)


def _spool(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """All are read before the first is sent: who takes them slowly must not hold the database."""
    with SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        file.writelines(pieces)
        file.seek(0)
        while piece := file.read(PIECE):
            yield piece


def _find(db: Session, slug: str) -> Study:
    try:
        return lookup.find(db, slug)
    except StudyError:
        abort(404)


def _read(engine: Engine, slug: str, name: str, blinded: bool) -> Iterator[bytes]:
    """The file in pieces; the database is open until the last."""
    with snapshot(engine) as db:
        study = lookup.find(db, slug)
        if name == PSYCH_DS:
            yield from stream_zip(psych_ds.list_files(db, study, MODES, blinded))
        elif name == BUNDLE:
            files = bundle_design(db, study)
            yield from stream_zip((path, [text]) for path, text in files.items())
        elif name == DESIGN_JSON:
            yield (study.design or "").encode()
        else:
            tables = list_tables(db, study, MODES, blinded)
            (wanted,) = (table for table in tables if table.file == name)
            yield from _join(write_csv(wanted))


def _join(lines: Iterable[str]) -> Iterator[bytes]:
    several = iter(lines)
    while piece := "".join(islice(several, LINES)):
        yield piece.encode()
