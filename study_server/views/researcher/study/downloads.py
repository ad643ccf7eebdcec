"""Downloads of a study: its data and its design, each read in one database snapshot."""

from collections.abc import Iterable, Iterator
from itertools import islice
from tempfile import SpooledTemporaryFile

from flask import Response, abort, current_app, g, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.export import psych_ds
from study_server.export.csv_files import DESIGN_JSON, build_tables, format_csv
from study_server.export.preregistration import build_preregistration
from study_server.export.zip_stream import stream_zip
from study_server.participants import outcomes
from study_server.storage.engine import snapshot_session, write_transaction
from study_server.storage.models import Study
from study_server.studies import lookup
from study_server.studies.action_log import log_action
from study_server.studies.unblinding import decide_blinding
from study_server.views.researcher.study.data import (
    PREREGISTRATION_ZIP,
    PSYCH_DS_ZIP,
    UNBLINDABLE_FILES,
    list_files,
    render_data,
)
from study_server.views.researcher.study.page import create_study_blueprint, find_study
from study_server.vocabulary import Mode

pages = create_study_blueprint("downloads", "/files")

MODES = tuple(Mode)
MAX_REASON = 200  # characters
LINES_PER_PIECE = 500
PIECE_BYTES = 64 * 1024
MAX_MEMORY_BYTES = 8 * 1024 * 1024  # a larger file is spooled to the disk


@pages.get("/<name>")
def download(slug: str, name: str) -> ResponseReturnValue:
    """Send a file, blinded while the study is."""
    return _send(slug, name)


@pages.post("/<name>")
def download_unblinded(slug: str, name: str) -> ResponseReturnValue:
    """Send a file unblinded before the planned sample is complete, and log who asked for it."""
    if name not in UNBLINDABLE_FILES:
        abort(404)
    reason = " ".join(request.form.get("reason", "").split())[:MAX_REASON]
    if not reason:
        problem = "Enter the reason for the early unblinding, which is logged"
        return render_data(find_study(slug), problem), 409
    return _send(slug, name, unblind_for=f"{g.researcher.name} ({reason})")


def _send(slug: str, name: str, unblind_for: str = "") -> ResponseReturnValue:
    g.db.close()  # the file is read in its own transaction
    engine: Engine = current_app.extensions["engine"]
    with write_transaction(engine) as db:
        study = _find_study(db, slug)
        if name not in list_files(study):
            abort(404)
        outcomes.update_lapsed_outcomes(db, study)
        blinded = decide_blinding(db, study, unblind_for)
        if unblind_for:
            log_action(db, slug, f"downloaded {name} unblinded", unblind_for)
    headers = {"Content-Disposition": f"attachment; filename={slug}-{name}"}
    kind = {"csv": "text/csv", "zip": "application/zip", "json": "application/json"}
    mimetype = kind[name.rpartition(".")[2]]
    pieces = _spool(_iterate_download(engine, slug, name, blinded))
    return Response(pieces, mimetype=mimetype, headers=headers)


def _spool(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Read all pieces before sending the first, so that slow clients do not block the database."""
    with SpooledTemporaryFile(max_size=MAX_MEMORY_BYTES) as file:
        file.writelines(pieces)
        file.seek(0)
        while piece := file.read(PIECE_BYTES):
            yield piece


def _find_study(db: Session, slug: str) -> Study:
    try:
        return lookup.find_study(db, slug)
    except StudyError:
        abort(404)


def _iterate_download(engine: Engine, slug: str, name: str, blinded: bool) -> Iterator[bytes]:
    """Yield the file in pieces; the database stays open until the last one."""
    with snapshot_session(engine) as db:
        study = lookup.find_study(db, slug)
        if name == PSYCH_DS_ZIP:
            yield from stream_zip(psych_ds.iterate_files(db, study, MODES, blinded))
        elif name == PREREGISTRATION_ZIP:
            files = build_preregistration(db, study)
            yield from stream_zip((path, [text]) for path, text in files.items())
        elif name == DESIGN_JSON:
            yield (study.design or "").encode()
        else:
            tables = build_tables(db, study, MODES, blinded)
            (csv_table,) = (table for table in tables if table.file_name == name)
            yield from _join(format_csv(csv_table))


def _join(lines: Iterable[str]) -> Iterator[bytes]:
    iterator = iter(lines)
    while piece := "".join(islice(iterator, LINES_PER_PIECE)):
        yield piece.encode()
