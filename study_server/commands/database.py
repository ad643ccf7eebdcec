"""The commands `study check`, `backup`, `restore` and `upgrade`, which maintain the database."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine

from study_server.clock import now
from study_server.commands.context import (
    PATH_TYPE,
    YES_OPTION,
    confirm,
    open_database,
    open_engine_of_settings,
    show_progress,
)
from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.jobs.queue import request_job
from study_server.object_storage.bucket import open_bucket
from study_server.object_storage.integrity import find_damaged_objects, find_orphan_objects
from study_server.object_storage.mirror import mirror_stimuli
from study_server.settings import Settings
from study_server.stimuli.integrity import find_damaged_files, find_orphans, remove_orphan
from study_server.storage.backup import backup_path, write_backup
from study_server.storage.backup import restore_backup as restore_backup
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.plan_counts import count_again, find_differences
from study_server.storage.schema import latest_revision, read_revision
from study_server.storage.schema import upgrade as upgrade_schema
from study_server.studies.lookup import find_study, list_studies, require_stimuli
from study_server.vocabulary import JobKind


@click.command()
@click.argument("slug", required=False)
@click.option(
    "--repair",
    is_flag=True,
    help="Correct the counters, and delete files that belong to no study (asks first).",
)
@YES_OPTION
def check(slug: str | None, repair: bool, yes: bool) -> None:
    """Check the counters and the stimulus files of one study or, without SLUG, of all.

    The counters say what was planned for participants; enrollment uses them to balance methods and
    images. A stimulus that is missing or was changed cannot be repaired: copy it from your copy of
    instance/stimuli. With STUDY_STIMULI_URL, the objects of the bucket are checked as well, and
    --repair fetches those that this server lacks. Without SLUG, files that belong to no study are
    found, too; before you delete them, make sure that no other database uses them.
    """
    settings, engine = open_database()
    findings = _examine(engine, settings, slug)
    for line in findings.lines():
        click.echo(line)
    if repair:
        _repair(engine, settings, findings, yes)
        findings = _examine(engine, settings, slug)
    if summary := findings.summarize():
        remedy = "" if repair else "; `study check --repair` repairs everything but stimuli"
        raise StudyError(f"{summary}{remedy}")
    click.echo(f"{slug or 'all studies'}: the counters and the stimuli are correct")


@dataclass(frozen=True)
class Findings:
    """The findings of `study check`. wrong_counters: lines by slug.

    damaged_files: lines for files and objects. orphan_objects: their addresses by name.
    """

    wrong_counters: dict[str, list[str]]
    damaged_files: list[str]
    orphans: list[Path]
    orphan_objects: dict[str, str]

    def lines(self) -> Iterator[str]:
        """Yield a line for each finding."""
        yield from chain(*self.wrong_counters.values(), self.damaged_files)
        for path in (*self.orphans, *self.orphan_objects.values()):
            yield f"{path}: no study of this database uses it"

    def summarize(self) -> str:
        """Return the number of findings of each kind; empty if there are none."""
        counters = sum(map(len, self.wrong_counters.values()))
        kinds = (
            (counters, "counter is wrong", "counters are wrong"),
            (len(self.damaged_files), "stimulus is damaged", "stimuli are damaged"),
            (
                len(self.orphans) + len(self.orphan_objects),
                "file belongs to no study",
                "files belong to no study",
            ),
        )
        return ", ".join(format_count(*kind) for kind in kinds if kind[0])


def _examine(engine: Engine, settings: Settings, slug: str | None) -> Findings:
    def track(items: Iterable[Any], total: int) -> Iterable[Any]:
        return show_progress(items, total, "Checking stimuli")

    folder, bucket = settings.stimuli_folder, open_bucket(settings.stimuli_url)
    with read_session(engine) as db:
        studies = [find_study(db, slug)] if slug else list_studies(db)
        if slug:
            require_stimuli(studies[0])
        damaged = [line for one in studies for line in find_damaged_files(db, one, folder, track)]
        objects = find_orphan_objects(db, bucket) if bucket and not slug else []
        if bucket:
            for one in studies:
                damaged += find_damaged_objects(db, one, bucket, track)
        return Findings(
            {study.slug: find_differences(db, study) for study in studies},
            damaged,
            [] if slug else find_orphans(db, folder),
            {name: bucket.address(name) for name in objects} if bucket else {},
        )


def _repair(engine: Engine, settings: Settings, findings: Findings, yes: bool) -> None:
    """Correct wrong counters, fetch missing stimuli, and delete orphans if the user agrees."""
    bucket = open_bucket(settings.stimuli_url)
    if bucket:
        mirror_stimuli(engine, settings.stimuli_folder, bucket, partial(click.echo, err=True))
    for slug in (slug for slug, lines in findings.wrong_counters.items() if lines):
        with write_transaction(engine) as db:
            count_again(db.connection(), find_study(db, slug).id)
    if orphans := len(findings.orphans) + len(findings.orphan_objects):
        files = format_count(orphans, "file or folder", "files and folders")
        confirm(f"Delete {files} that no study of this database uses?", yes)
    for path in findings.orphans:
        remove_orphan(path)
    if bucket and findings.orphan_objects:
        bucket.delete(findings.orphan_objects)


@click.command()
@click.argument("file", type=PATH_TYPE)
def backup(file: Path) -> None:
    """Back up the database to one file; safe while a study is running.

    FILE is a SQLite database, even if the study uses PostgreSQL; protect it as you protect the
    original. It does not contain the stimuli: copy instance/stimuli, or the bucket of
    STUDY_STIMULI_URL, after every import.
    """
    settings, engine = open_database()
    write_backup(engine, file)
    click.echo(f"{file}: {file.stat().st_size:,} bytes, schema {latest_revision()}")
    if settings.stimuli_url:
        click.echo(f"the stimuli are not in it; copy {settings.stimuli_url} as well", err=True)


@click.command()
@click.argument("file", type=PATH_TYPE)
def restore(file: Path) -> None:
    """Replace the whole database with a backup.

    The current database is first backed up to instance/backups. Participants who withdrew after
    the backup are restored with it; they are listed so that you can delete them again. A backup of
    either database, SQLite or PostgreSQL, can be restored into the other.
    """
    settings, engine = open_database()
    safety_copy = backup_path(settings.backups_folder, "before-restore", now())
    reappeared = restore_backup(engine, file, safety_copy)
    safety_copy_text = (
        f"; the previous database is in {safety_copy}" if safety_copy.exists() else ""
    )
    with write_transaction(engine) as db:  # the replaced rows have left traces, too
        request_job(db, JobKind.ERASE_TRACES, requested_by="restore")
    click.echo(f"{file}: restored{safety_copy_text}")
    for slug, participant in reappeared:
        click.echo(
            f"{participant} is back; if they had withdrawn, run "
            f"`study forget {slug} {participant}`",
            err=True,
        )


@click.command()
def upgrade() -> None:
    """Upgrade the database to the current schema.

    The database is first backed up to instance/backups.
    """
    settings, engine = open_engine_of_settings()
    with engine.connect() as connection:
        before = read_revision(connection)
    if before is not None and before != latest_revision():
        backup_file = backup_path(settings.backups_folder, f"schema-{before}", now())
        write_backup(engine, backup_file)
        click.echo(f"{backup_file}: backed up")
    upgrade_schema(engine)
    click.echo(f"schema {before or 'none'} -> {latest_revision()}")
