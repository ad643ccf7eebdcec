"""Make a study from folders of images in one step."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from study_server.creation.drafts import suggest_slug
from study_server.creation.protocol_fit import fit_protocol
from study_server.creation.study_files import choose_wording_folder, write_study_files
from study_server.object_storage.bucket import open_bucket
from study_server.object_storage.mirror import publish_to
from study_server.protocol.model import Protocol
from study_server.protocol.presets import PRESETS_BY_TASK
from study_server.protocol.study_toml import create_protocol
from study_server.settings import Settings
from study_server.stimuli.folders import TrackProgress, write_manifest
from study_server.stimuli.importing import ImportSummary, import_study
from study_server.stimuli.manifest import group_by_method, read_manifest
from study_server.storage.engine import read_session
from study_server.studies.lookup import require_new_slug
from study_server.vocabulary import FOIL_METHOD, REAL_METHOD


class QuickStudy(NamedTuple):
    """A study made from folders. changes: what the images did not allow, in sentences."""

    protocol: Protocol
    changes: list[str]
    manifest: Path
    wording_folder: Path
    summary: ImportSummary


def make_quick_study(
    engine: Engine,
    settings: Settings,
    folders: Mapping[str, Path],
    task: str,
    *,
    slug: str,
    out: Path,
    paired: bool,
    accept_warnings: bool,
    track: TrackProgress,
) -> QuickStudy:
    """Write a manifest, import a study for it, and write its study.toml and texts.

    folders: by method. slug: empty for one made from the names of the methods. out: the path of
    study.toml. paired, track: as for `write_manifest`. Raises StudyError, and AuditFailedError if
    the audit has findings that are not accepted; then there is a manifest, but nothing else.
    """
    with read_session(engine) as db:
        if slug:
            require_new_slug(db, slug)
        else:
            methods = [method for method in folders if method not in (REAL_METHOD, FOIL_METHOD)]
            slug = suggest_slug(db, " ".join(methods))
    protocol = choose_wording_folder(_create_protocol(slug, task, paired), out)
    manifest = choose_manifest_folder(folders, out.parent) / f"manifest-{slug}.csv"
    write_manifest(manifest, folders, paired=paired, track=track)
    fitted, changes = fit_protocol(protocol, group_by_method(read_manifest(manifest)))
    summary = import_study(
        engine,
        fitted,
        manifest,
        settings.stimuli_folder,
        accept_warnings=accept_warnings,
        publish=publish_to(open_bucket(settings.stimuli_url)),
        track=track,
    )
    return QuickStudy(fitted, changes, manifest, write_study_files(fitted, out), summary)


def _create_protocol(slug: str, task: str, paired: bool) -> Protocol:
    preset, differences = PRESETS_BY_TASK[task]
    settings = create_protocol(slug, preset).model_dump() | differences | {"paired": paired}
    if not paired:
        settings["attention_checks"] = 0  # a foil is compared with its photograph
    return Protocol.model_validate(settings)


def choose_manifest_folder(folders: Mapping[str, Path], here: Path) -> Path:
    """Return `here` if all folders are below it, otherwise the folder above all of them."""
    resolved = [folder.resolve() for folder in folders.values()]
    if all(folder.is_relative_to(here.resolve()) for folder in resolved):
        return here
    return Path(os.path.commonpath(resolved))
