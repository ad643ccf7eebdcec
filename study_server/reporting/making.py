"""Make a study's report and its interim estimates, from an export in a temporary folder."""

import csv
from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.export.csv_files import export_study, list_other_files
from study_server.files import atomic_write
from study_server.participants.outcomes import update_lapsed_outcomes
from study_server.reporting.analysis_commands import run_analysis
from study_server.settings import Settings
from study_server.storage.engine import read_session, snapshot_session, write_transaction
from study_server.storage.models import Participant, Response, Stimulus, Study, Trial
from study_server.studies.lookup import find_study
from study_server.studies.unblinding import decide_blinding, is_blinded, planned_participants
from study_server.vocabulary import Mode, Outcome

RESPONSES_CSV, MANIFEST_CSV = "responses.csv", "manifest.csv"


def make_report(engine: Engine, settings: Settings, slug: str, mode: Mode) -> Path:
    """Write the report on the live or the simulated participants; return the path of its page.

    Raises StudyError if the study is blinded and the participants are live, or if the analysis
    fails.
    """
    page = settings.report_path(slug, mode)
    with write_transaction(engine) as db:
        study = find_study(db, slug)
        require_reportable(db, study, mode)
        update_lapsed_outcomes(db, study)
    with TemporaryDirectory() as name:
        folder = Path(name)  # only its owner can read it
        _export(engine, slug, folder, (mode,))
        _write_stimulus_manifest(engine, settings, slug, folder / MANIFEST_CSV)
        run_analysis(
            "report",
            [
                str(folder / RESPONSES_CSV), f"--study={slug}", f"--mode={mode}",
                f"--stimuli={folder}", f"--out={page.parent}",
            ],
        )  # fmt: skip
    return page


def require_reportable(db: Session, study: Study, mode: Mode) -> None:
    """Raise StudyError if there can be no report on these participants now, and say why."""
    if mode is Mode.PREVIEW:
        raise StudyError("there is no report on previews; they are too few, and not participants")
    if mode is Mode.LIVE and is_blinded(db, study):
        planned = planned_participants(study)
        until = f"{planned:,} participants have finished, or until " if planned else ""
        raise StudyError(f"the study is blinded until {until}it is closed, so it has no report yet")
    answered = (
        select(Response.trial_id)
        .join(Trial)
        .join(Participant)
        .where(Participant.study_id == study.id, Participant.mode == mode)
    )
    if db.scalar(answered.limit(1)) is None:
        raise StudyError(f"no {mode} participant has answered yet, so there is no report")


def make_monitor(engine: Engine, settings: Settings, slug: str, by: str) -> Path:
    """Write the interim estimates of a study; return the path of monitor.json.

    They are of its live participants, or of simulated ones if nobody has finished. by: a researcher
    or "command line"; while the study is blinded, it is logged that they saw estimates. Raises
    StudyError if the analysis fails.
    """
    file = settings.monitor_path(slug)
    with write_transaction(engine) as db:
        study = find_study(db, slug)
        mode = Mode.LIVE if has_complete_live_participants(db, study) else Mode.SIMULATED
        if mode is Mode.LIVE:
            decide_blinding(db, study, f"{by} (interim estimates)")
    with TemporaryDirectory() as name:
        folder = Path(name)
        design = _export(engine, slug, folder, (mode,))
        responses = str(folder / RESPONSES_CSV)
        arguments = [responses, f"--study={slug}", f"--out={file}", f"--design={design}"]
        run_analysis("monitor", arguments)
    return file


def has_complete_live_participants(db: Session, study: Study) -> bool:
    """Return whether a live participant has finished, so that interim estimates are of them."""
    query = select(Participant.id).where(
        Participant.study_id == study.id,
        Participant.outcome == Outcome.COMPLETE,
        Participant.mode == Mode.LIVE,
    )
    return db.scalar(query.limit(1)) is not None


def _export(engine: Engine, slug: str, folder: Path, modes: Collection[Mode]) -> Path:
    """Write all tables, with the truth, to a folder; return the file of the design."""
    with snapshot_session(engine) as db:
        study = find_study(db, slug)
        export_study(db, study, folder / RESPONSES_CSV, modes, blinded=False)
        return folder / list_other_files(study)[-1]


def _write_stimulus_manifest(engine: Engine, settings: Settings, slug: str, file: Path) -> None:
    """Write a manifest of the stored stimuli, from which the report shows images."""
    with read_session(engine) as db:
        study_id = find_study(db, slug).id
        columns = Stimulus.image, Stimulus.method, Stimulus.file
        rows = db.execute(select(*columns).where(Stimulus.study_id == study_id)).all()
    with (
        atomic_write(file) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as handle,
    ):
        writer = csv.writer(handle)
        writer.writerow(("image", "method", "file"))
        writer.writerows(
            (row.image, row.method, settings.stimuli_folder / row.file) for row in rows
        )
