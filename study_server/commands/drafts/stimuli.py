"""The command `study stimuli`, which imports stimuli into a draft or replaces them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from study_server.commands.context import (
    PATH_TYPE,
    SLUG_ARGUMENT,
    YES_OPTION,
    confirm,
    open_database,
    show_progress,
)
from study_server.creation.replacement import require_draft
from study_server.creation.stimulus_import import AuditRefusedError, import_from, import_with_report
from study_server.stimuli.audit import format_findings
from study_server.storage.engine import read_session, write_transaction
from study_server.studies.action_log import COMMAND_LINE, log_action
from study_server.studies.lookup import find_study
from study_server.studies.removal import measure_contents


@click.command()
@SLUG_ARGUMENT
@click.argument("source", type=PATH_TYPE)
@click.option(
    "--accept",
    "reasons",
    nargs=2,
    multiple=True,
    metavar="KIND WHY",
    help="Accept the warnings of a kind, such as lightness, with the reason. Repeat it for others.",
)
@click.option(
    "--report",
    "report_file",
    type=PATH_TYPE,
    help="Write the result, with thumbnails of what the audit found, to this JSON file.",
)
@YES_OPTION
def stimuli(
    slug: str,
    source: Path,
    reasons: tuple[tuple[str, str], ...],
    report_file: Path | None,
    yes: bool,
) -> None:
    """Import or replace the stimuli of a draft, and adapt its protocol and wording to them.

    SOURCE is a zip or a folder with a folder of images for each method (real, foil, and the
    methods), or a manifest.csv. The protocol takes its methods from SOURCE; if there are too few
    images, the numbers of trials are lowered, and without foils, attention checks are turned off.
    Preview and simulated participants are deleted. Either all stimuli are imported or none. This
    is impossible once the design is frozen.
    """
    settings, engine = open_database()
    with read_session(engine) as db:
        study = find_study(db, slug)
        require_draft(db, study)
        contents = measure_contents(db, study)
    if contents.stimuli and report_file is None:
        confirm(f"Replace the stimuli of {slug} ({contents.describe()})?", yes)

    def track(items: Iterable[Any], total: int) -> Iterable[Any]:
        return show_progress(items, total, "Reading, auditing and storing images")

    try:
        if report_file is None:
            replaced = import_from(
                engine, settings, slug, source, reasons=dict(reasons), track=track
            )
        else:
            replaced = import_with_report(
                engine, settings, slug, source, report_file, reasons=dict(reasons), track=track
            )
    except AuditRefusedError as error:
        for line in format_findings(error.findings):
            click.echo(line, err=True)
        raise
    if report_file is None:  # otherwise, whoever requested the job is in the log
        with write_transaction(engine) as db:
            log_action(db, slug, "imported stimuli", COMMAND_LINE)
    click.echo(f"{slug}: {replaced.describe()}")
