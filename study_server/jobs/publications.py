"""Publications as zip files: written by a job, and deleted once a participant has withdrawn."""

import json
from pathlib import Path

from sqlalchemy import Engine, select

from study_server.errors import StudyError
from study_server.files import atomic_write
from study_server.jobs.commands import SetProgress, run_command, slug_of
from study_server.jobs.results import Finished
from study_server.storage.engine import read_session
from study_server.storage.models import Job, Study
from study_server.vocabulary import JobKind, Mode


def run_publication(engine: Engine, job: Job, set_progress: SetProgress) -> Finished:
    """Write the zip file of a publication, and remove the older ones of the same participants.

    Payload: `file`, `mode`, `authors`, `license` and `url`, as for `study publish`; `with_stimuli`,
    whether it contains the images; `stimuli_url`, where they are if it does not; `withdrawn`, how
    many people had withdrawn when it was requested. Raises StudyError, also if somebody has
    withdrawn since then.
    """
    payload = json.loads(job.payload)
    file = Path(payload["file"])
    options = [
        f"--mode={payload['mode']}",
        *(f"--author={author}" for author in payload["authors"]),
        f"--license={payload['license']}",
        f"--url={payload['url']}",
        *([] if payload["with_stimuli"] else ["--without-stimuli"]),
        f"--stimuli-url={payload['stimuli_url']}",
    ]
    with atomic_write(file) as temporary:
        arguments = [slug_of(engine, job), *options, f"--out={temporary}"]
        run_command(["study_server", "publish", *arguments], set_progress)
    for older in set(file.parent.glob(f"publication-{payload['mode']}-*.zip")) - {file}:
        older.unlink(missing_ok=True)
    if file in delete_outdated_publications(engine):
        raise StudyError("a participant has withdrawn in the meantime; publish again")
    return Finished("the study has been published as a zip file")


def delete_outdated_publications(engine: Engine) -> set[Path]:
    """Delete the zip files on this server that may contain somebody who has withdrawn since.

    Returns all files that are outdated, whether they were there or not.
    """
    query = select(Job.payload, Study.withdrawn_count).join(Study, Job.study_id == Study.id)
    with read_session(engine) as db:
        rows = db.execute(query.where(Job.kind == JobKind.PUBLISH)).all()
    requests = [(json.loads(payload), withdrawn) for payload, withdrawn in rows]
    outdated = {
        Path(payload["file"])
        for payload, withdrawn in requests
        if payload["mode"] == Mode.LIVE and payload["withdrawn"] != withdrawn
    }
    for file in outdated:
        file.unlink(missing_ok=True)
    return outdated
