"""Import stimuli into a draft, or replace them, and keep the rest of the draft where it fits."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from study_server.counts import format_count
from study_server.creation.protocol_fit import fit_protocol
from study_server.drafts.draft import has_live_participants
from study_server.drafts.text_merging import adapt_text
from study_server.errors import StudyError
from study_server.object_storage.bucket import Bucket
from study_server.object_storage.mirror import publish_to
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.simulation.rehearsals import require_no_simulation
from study_server.stimuli.folders import TrackProgress, track_nothing
from study_server.stimuli.importing import GiveReason, accept_nothing, import_stimuli
from study_server.stimuli.manifest import group_by_method, read_manifest
from study_server.storage.engine import read_session
from study_server.storage.models import Study
from study_server.studies import lookup
from study_server.studies.removal import delete_stimuli, remove_stimuli, require_not_open
from study_server.wording.files import TextsByPart, compose_wording
from study_server.wording.stored import load_wording, store_wording


@dataclass(frozen=True)
class ReplacedStimuli:
    """The result of an import into a draft.

    changes: a sentence for each setting of the protocol that the images did not allow.
    """

    stimulus_count: int
    image_count: int
    methods: tuple[str, ...]
    changes: list[str]

    def describe(self) -> str:
        """Return the result as sentences."""
        stimuli = format_count(self.stimulus_count, "stimulus", "stimuli")
        images = format_count(self.image_count, "image", "images")
        methods = f"{'methods' if len(self.methods) > 1 else 'method'} {', '.join(self.methods)}"
        stored = f"{stimuli} of {images} are stored; {methods}."
        return " ".join([stored, *self.changes])


def require_draft(db: Session, study: Study) -> None:
    """Raise StudyError if the stimuli of a study can no longer be replaced."""
    require_not_open(study)
    require_no_simulation(db, study)
    if study.design is not None:
        raise StudyError(f"the design of study {study.slug!r} is frozen, so its stimuli are fixed")
    if has_live_participants(db, study):
        raise StudyError(
            f"study {study.slug!r} has live participants, so its stimuli can no longer change"
        )


def replace_stimuli(
    engine: Engine,
    slug: str,
    manifest: Path,
    folder: Path,
    *,
    accept: GiveReason = accept_nothing,
    bucket: Bucket | None = None,
    track: TrackProgress = track_nothing,
) -> ReplacedStimuli:
    """Import stimuli into a draft, all or none, in place of those that it has.

    The methods of the protocol are those of the manifest; settings that the images do not allow are
    changed, and so are default texts that depend on them. Previews and simulated participants are
    deleted. folder, accept, track: as for `import_stimuli`. bucket: gets the files, too. Raises
    StudyError, and AuditFailedError if the audit fails.
    """
    with read_session(engine) as db:
        study = lookup.find_study(db, slug)
        require_draft(db, study)
        stored, texts = study.protocol, load_wording(db, study)
    before = parse_stored_protocol(stored)
    protocol, changes = fit_protocol(before, group_by_method(read_manifest(manifest)))
    old_folders: set[str] = set()

    def prepare(db: Session, manifest_sha256: str) -> Study:
        study = lookup.find_study(db, slug)
        require_draft(db, study)
        if study.protocol != stored or load_wording(db, study) != texts:
            raise StudyError("the study was changed during the import; import again")
        old_folders.update(delete_stimuli(db, study))
        study.protocol, study.manifest_sha256 = protocol.canonical_json(), manifest_sha256
        study.revision += 1
        store_wording(db, study, refit_wording(texts, before, protocol))
        return study

    summary = import_stimuli(
        engine, protocol, manifest, folder, prepare, accept=accept, publish=publish_to(bucket),
        track=track,
    )  # fmt: skip
    remove_stimuli(folder, old_folders, bucket)
    return ReplacedStimuli(summary.stimulus_count, summary.image_count, protocol.methods, changes)


def refit_wording(texts: TextsByPart, before: Protocol, after: Protocol) -> TextsByPart:
    """Return the texts with the changes of their defaults, except in lines that were edited."""
    old, new = compose_wording(before), compose_wording(after)
    return {place: adapt_text(text, old[place], new[place]).text for place, text in texts.items()}
