"""Write a study as a folder to publish: data, materials, stimuli, report, page and metadata."""

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.export import codebook
from study_server.export.csv_files import PARTICIPANTS_TABLE, CsvTable, build_tables
from study_server.export.preregistration import CHECKSUM_FILE, build_preregistration
from study_server.export.psych_ds import (
    data_file_stem,
    describe_dataset,
    format_json,
    iterate_data_files,
    remove_free_text,
)
from study_server.files import atomic_write
from study_server.publication.croissant import describe_croissant
from study_server.publication.facts import PublicationFacts
from study_server.publication.privacy import coarsen_environments
from study_server.publication.stimuli import StimulusChoice, find_tags, write_stimuli
from study_server.publication.texts import (
    MAKEFILE,
    format_citation,
    format_readme,
    format_short_citation,
)
from study_server.reporting.analysis_commands import run_analysis
from study_server.settings import Settings
from study_server.storage.engine import snapshot_session
from study_server.storage.models import Participant, Study
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, Outcome, StudyState

ALL_STIMULI = StimulusChoice()
MODEL_CARDS_FOLDER = "materials/model-cards"
BEYOND_PSYCH_DS = (  # what Psych-DS does not know, and its validator would warn of
    ".psychds-ignore", "CITATION.cff", "Makefile", CHECKSUM_FILE, "constraints.txt",
    "croissant.json", "index.html", "report", "software", "stimuli",
)  # fmt: skip


@dataclass(frozen=True)
class Publication:
    """A study to publish, and what is published with its data.

    model_cards: files about the models whose images were shown. manifest: the one that was
    imported, which alone has the tags of images.
    """

    slug: str
    facts: PublicationFacts
    mode: Mode = Mode.LIVE
    stimuli: StimulusChoice = ALL_STIMULI
    model_cards: Sequence[Path] = ()
    manifest: Path | None = None


def publish_study(
    engine: Engine, settings: Settings, publication: Publication, out: Path
) -> list[str]:
    """Write the folder `out`, or nothing; return what was changed to protect participants.

    Raises StudyError if the study cannot be published yet, or if `out` exists.
    """
    require_new(out)
    with atomic_write(out) as folder:
        folder.mkdir()
        with snapshot_session(engine) as db:
            study = find_study(db, publication.slug)
            require_publishable(db, study, publication.mode)
            notes = _write_study(db, study, publication, settings, folder)
        _copy_model_cards(publication.model_cards, folder / MODEL_CARDS_FOLDER)
        run_analysis("publication.writing", [str(folder)])
        _write_checksums(folder)
    return notes


def require_new(out: Path) -> None:
    """Raise StudyError if there is a file or folder with the name of the publication."""
    if out.exists():
        raise StudyError(f"{out} already exists; use another --out, or remove it")


def require_publishable(db: Session, study: Study, mode: Mode) -> None:
    """Raise StudyError, which says what is missing, if a study cannot be published yet."""
    if study.design is None:
        raise StudyError(f"study {study.slug!r} is not frozen; run `study freeze {study.slug}`")
    if mode is Mode.LIVE and study.state is StudyState.DRAFT:
        raise StudyError(
            f"nobody has taken part in study {study.slug!r}; run `study open {study.slug}`, or "
            "publish a rehearsal with --mode simulated"
        )
    if mode is Mode.LIVE and study.state is not StudyState.CLOSED:
        raise StudyError(
            f"study {study.slug!r} is {study.state}, and its answers would reveal who sees what; "
            f"run `study close {study.slug}` first"
        )
    complete = select(Participant.id).where(
        Participant.study_id == study.id,
        Participant.mode == mode,
        Participant.outcome == Outcome.COMPLETE,
    )
    if db.scalar(complete.limit(1)) is None:
        raise StudyError(f"study {study.slug!r}: no {mode} participant has finished it")


def _write_study(
    db: Session, study: Study, publication: Publication, settings: Settings, folder: Path
) -> list[str]:
    facts, published_on = publication.facts, now().date()
    tags = find_tags(study, publication.manifest)
    write_stimuli(db, study, settings.stimuli_folder, folder / "stimuli", publication.stimuli, tags)
    tables, coarsened = _protect(build_tables(db, study, (publication.mode,), blinded=False))
    notes = [*_describe_absence(study, publication), *coarsened]
    citation = format_short_citation(study.title, facts, published_on)
    description = _describe(study, facts, citation)
    files: dict[str, str] = {
        "dataset_description.json": format_json(description),
        "README.md": format_readme(study.title, citation, facts.license, notes),
        "CITATION.cff": format_citation(study.title, facts, published_on),
        "Makefile": MAKEFILE,
        ".psychds-ignore": "".join(f"{name}\n" for name in BEYOND_PSYCH_DS),
        **{f"materials/{path}": text for path, text in build_preregistration(db, study).items()},
    }
    for path, content in (*files.items(), *iterate_data_files(db, study, tables)):
        _write(folder / path, content)
    table_files = {
        f"data/{data_file_stem(study.slug, name)}.csv": columns
        for name, columns in codebook.TABLE_COLUMNS.items()
    }
    sums = {path: _hash(folder / path) for path in table_files}
    croissant = describe_croissant(
        description, citation, published_on.isoformat(), sums, table_files
    )
    _write(folder / "croissant.json", format_json(croissant))
    return notes


def _describe(study: Study, facts: PublicationFacts, citation: str) -> dict[str, Any]:
    authors = [
        {"@type": "Person", "name": name} | ({"@id": f"https://orcid.org/{orcid}"} if orcid else {})
        for name, orcid in facts.split_authors()
    ]
    return {
        **describe_dataset(study),
        "author": authors,
        "citation": citation,
        "license": f"https://spdx.org/licenses/{facts.license}.html",
        **({"url": facts.url} if facts.url else {}),
    }


def _protect(tables: Sequence[CsvTable]) -> tuple[list[CsvTable], list[str]]:
    """Return the tables without what may identify people, and notes on what was coarsened."""
    protected: list[CsvTable] = []
    notes: list[str] = []
    for table in map(remove_free_text, tables):
        if table.name == PARTICIPANTS_TABLE:
            rows, notes = coarsen_environments(list(table.rows))
            table = replace(table, rows=rows)
        protected.append(table)
    return protected, notes


def _describe_absence(study: Study, publication: Publication) -> Iterator[str]:
    if publication.mode is Mode.SIMULATED:
        yield "the answers were generated by a program, not by people"
    elif withdrawals := describe_withdrawals(study):
        yield withdrawals
    if not publication.stimuli.is_included:
        yield "the images are not in this folder; stimuli/manifest.csv has their SHA-256"


def describe_withdrawals(study: Study) -> str:
    """Return how many participants withdrew from a study, or "" if nobody did."""
    if not study.withdrawn_count:
        return ""
    people = format_count(study.withdrawn_count, "participant", "participants")
    return f"{people} withdrew; their answers were deleted and are not in the data"


def _copy_model_cards(cards: Sequence[Path], folder: Path) -> None:
    for card in cards:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(card, folder / card.name)
        except OSError as error:
            raise StudyError(f"--card {card}: {error.strerror}") from error


def _write_checksums(folder: Path) -> None:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    lines = [f"{_hash(file)}  {file.relative_to(folder).as_posix()}\n" for file in files]
    _write(folder / CHECKSUM_FILE, "".join(lines))


def _write(file: Path, content: str | Iterable[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as handle:
        handle.writelines([content] if isinstance(content, str) else content)


def _hash(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
