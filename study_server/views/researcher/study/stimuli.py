"""The stimuli of a study: upload them, decide about the audit's findings, and look at them."""

import base64
from collections.abc import Callable, Mapping
from pathlib import Path

from flask import Response, abort, g, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, validate_csrf
from werkzeug.exceptions import BadRequest

from study_server.creation.stimulus_import import BYTES_PER_MB
from study_server.creation.stimulus_table import (
    count_by_method,
    count_images,
    list_accepted_warnings,
    list_images,
)
from study_server.creation.uploads import (
    ZIP_NAME,
    PendingUpload,
    find_pending_upload,
    find_unneeded_uploads,
    new_upload_folder,
    request_import,
    require_no_import,
)
from study_server.drafts.protocol_change import describe_rehearsals
from study_server.errors import StudyError
from study_server.files import remove_path
from study_server.protocol.model import parse_stored_protocol
from study_server.stimuli.manifest import required_methods
from study_server.stimuli.thumbnails import render_thumbnail_or_none
from study_server.storage.models import Stimulus, Study
from study_server.views.researcher.access import app_settings
from study_server.views.researcher.study.page import (
    create_study_blueprint,
    find_study,
    finish_change,
    render_study_page,
)
from study_server.vocabulary import FOIL_METHOD
from study_server.web.multipart import receive_file

pages = create_study_blueprint("stimuli", "/stimuli")

IMAGES_PER_PAGE = 12
FORM_BYTES = 64 * 1024  # limit for the other fields of an upload
IMPORT_MESSAGE = "The stimuli are being checked and imported"


@pages.get("")
def show(slug: str) -> str:
    """Show the stimuli, the form to upload others, and what the audit found."""
    return _render(find_study(slug))


def _render(study: Study, problem: str = "") -> str:
    number = max(request.args.get("page", 1, type=int), 1)
    protocol = parse_stored_protocol(study.protocol)
    image_count = count_images(g.db, study)
    return render_study_page(
        "stimuli.html",
        study,
        problem=problem,
        protocol=protocol,
        needs_foils=FOIL_METHOD in required_methods(protocol),
        obstacle=_find_obstacle(study),
        rehearsed=describe_rehearsals(g.db, study),
        pending=find_pending_upload(g.db, study),
        max_upload_mb=app_settings().max_upload_mb,
        counts=count_by_method(g.db, study),
        image_count=image_count,
        rows=list_images(g.db, study, (number - 1) * IMAGES_PER_PAGE, IMAGES_PER_PAGE),
        number=number,
        pages=max(1, -(-image_count // IMAGES_PER_PAGE)),
        accepted=list_accepted_warnings(g.db, study),
    )


def _find_obstacle(study: Study) -> str:
    """Return why the stimuli cannot be replaced now, or an empty text."""
    try:
        require_no_import(g.db, study)
    except StudyError as error:
        return str(error)
    return ""


@pages.post("/upload")
def upload(slug: str) -> ResponseReturnValue:
    """Receive a zip of stimuli, and request the job that imports it.

    The app does not read the form: it is checked here, as the zip arrives after its first field.
    """
    study, settings = find_study(slug), app_settings()
    problem, limit = _find_obstacle(study), settings.max_upload_mb * BYTES_PER_MB
    if not problem and (request.content_length or 0) > limit + FORM_BYTES:
        problem = f"The zip is larger than {settings.max_upload_mb:,} MB, the limit of this server"
    if problem:
        return _render(study, problem), 409
    request.max_content_length = limit + FORM_BYTES
    g.db.close()  # the upload may take minutes, and others wait for the database
    try:
        with new_upload_folder(settings) as folder:
            if not receive_file(folder / ZIP_NAME, _check_token):
                raise BadRequest("no file was chosen")
    except OSError as error:
        return _render(find_study(slug), f"The server cannot store it: {error.strerror}"), 507
    except BadRequest as error:
        return _render(find_study(slug), f"Nothing was uploaded: {error.description}"), 400
    return _request_import(slug, folder / ZIP_NAME, folder)


def _check_token(fields: Mapping[str, str]) -> None:
    try:
        validate_csrf(fields.get("csrf_token"))
    except ValueError as error:  # the token is missing, wrong or too old
        raise CSRFError(str(error)) from error


@pages.post("/manifest")
def use_manifest(slug: str) -> ResponseReturnValue:
    """Request the job that imports the stimuli of a manifest on the server."""
    manifest = Path(request.form.get("manifest", "").strip())
    if manifest.suffix.lower() != ".csv" or not _is_file(manifest):
        return _render(find_study(slug), f"There is no file {manifest} on the server"), 400
    with new_upload_folder(app_settings()) as folder:
        return _request_import(slug, manifest.resolve(), folder)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # the path is too long, for example
        return False


@pages.post("/accept")
def accept(slug: str) -> ResponseReturnValue:
    """Import an upload despite the warnings of its audit, with the reasons."""
    study = find_study(slug)
    pending = find_pending_upload(g.db, study)
    if pending is None or not pending.report.is_acceptable:
        return _render(study, "There are no warnings to accept; upload the stimuli again"), 409
    reasons = {
        kind.confound: " ".join(request.form.get(f"reason-{number}", "").split())
        for number, kind in enumerate(pending.report.kinds)
    }
    if not all(reasons.values()):
        return _render(study, "Each kind of warning needs a reason why it is accepted"), 400
    return _request_import(slug, pending.source, pending.folder, reasons)


@pages.post("/discard")
def discard(slug: str) -> ResponseReturnValue:
    """Remove an upload that was not imported."""
    study = find_study(slug)
    pending = find_pending_upload(g.db, study)
    if pending is None:
        return _render(study, "There is no upload to discard"), 409
    remove_path(pending.folder)
    return finish_change(study, "discarded an upload", "The upload was discarded", "stimuli.show")


def _request_import(
    slug: str, source: Path, folder: Path, reasons: Mapping[str, str] | None = None
) -> ResponseReturnValue:
    """Request an import; an upload that it replaces is removed."""
    study = find_study(slug)
    earlier = find_pending_upload(g.db, study)
    try:
        request_import(g.db, study, source, folder, requested_by=g.researcher.name, reasons=reasons)
    except StudyError as error:
        g.db.rollback()
        if reasons is None:
            remove_path(folder)
        return _render(find_study(slug), str(error)), 409
    unneeded = set(find_unneeded_uploads(g.db, app_settings()))
    unneeded |= {earlier.folder} if earlier is not None else set()
    action = "accepted warnings of the audit" if reasons else "uploaded stimuli"
    reply = finish_change(study, action, IMPORT_MESSAGE, "stimuli.show")
    for one in unneeded - {folder}:
        remove_path(one)
    return reply


@pages.get("/<int:number>/thumbnail")
def thumbnail(slug: str, number: int) -> ResponseReturnValue:
    """Send a small copy of a stimulus."""
    stimulus = g.db.get(Stimulus, number)
    if stimulus is None or stimulus.study_id != find_study(slug).id:
        abort(404)
    file = app_settings().stimuli_folder / stimulus.file
    return _send_png(lambda: render_thumbnail_or_none(file.read_bytes()))


@pages.get("/findings/<int:number>")
def finding_thumbnail(slug: str, number: int) -> ResponseReturnValue:
    """Send a small copy of a stimulus that the audit found, by its number on the page."""
    pending = find_pending_upload(g.db, find_study(slug))
    return _send_png(lambda: _find_thumbnail(pending, number))


def _find_thumbnail(pending: PendingUpload | None, number: int) -> bytes | None:
    shown = [
        stimulus
        for kind in (pending.report.kinds if pending else ())
        for finding in kind.shown
        for stimulus in finding.stimuli
    ]
    return base64.b64decode(shown[number].thumbnail) if number < len(shown) else None


def _send_png(render: Callable[[], bytes | None]) -> ResponseReturnValue:
    try:
        content = render()
    except OSError:
        content = None
    if not content:
        abort(404)
    return Response(content, mimetype="image/png")
