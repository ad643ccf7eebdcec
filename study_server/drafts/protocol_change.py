"""Save a changed protocol: adapt the texts, and delete the rehearsals of the old one."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from study_server.counts import format_count
from study_server.drafts.draft import begin_change, require_changeable
from study_server.drafts.protocol_errors import ProtocolFormError, find_key
from study_server.drafts.stored_stimuli import require_suitable_stimuli
from study_server.drafts.text_merging import AdaptedText, adapt_text
from study_server.errors import StudyError
from study_server.languages import language_name
from study_server.participants.withdrawal import delete_rehearsals
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.simulation.rehearsals import count_rehearsals, require_no_simulation
from study_server.stimuli.study_rows import columns_of
from study_server.storage.models import Study
from study_server.studies.lookup import require_linked_studies
from study_server.vocabulary import WordingPart
from study_server.wording.files import compose_wording
from study_server.wording.stored import REWORDABLE_KEYS, load_wording, store_wording


@dataclass(frozen=True)
class ProtocolChange:
    """The effects of saving a protocol.

    deleted: the participants that were deleted, in words. to_check: what has to be looked at in the
    texts for participants, one sentence each.
    """

    changed_keys: Sequence[str]
    deleted: str = ""
    to_check: Sequence[str] = field(default_factory=list)

    def describe(self) -> str:
        """Return what was done, as sentences."""
        if not self.changed_keys:
            return "Nothing was changed"
        deleted = f". Deleted: {self.deleted}, who took part under the old protocol"
        saved = f"Saved: {', '.join(self.changed_keys)}"
        return saved + (deleted if self.deleted else "")

    def describe_action(self) -> str:
        """Return what was done, for the log of actions."""
        deleted = f", which deleted {self.deleted}" if self.deleted else ""
        return f"changed {', '.join(self.changed_keys)} of the protocol{deleted}"


def list_changed_keys(before: Protocol, after: Protocol) -> list[str]:
    """Return the keys of study.toml in which two protocols differ."""
    old, new = before.model_dump(), after.model_dump()
    return [key for key in new if new[key] != old[key]]


def deletes_rehearsals(changed_keys: Sequence[str]) -> bool:
    """Return whether a change of these keys changes what participants do."""
    return not set(changed_keys) <= set(REWORDABLE_KEYS)


def change_protocol(
    db: Session, study: Study, protocol: Protocol, *, version: str
) -> ProtocolChange:
    """Save a protocol in a study that is still a draft.

    The texts for participants follow the changes of their defaults where they were not edited.
    Preview and simulated participants are deleted, unless only the title and languages change.
    version: as for `begin_change`. Raises StudyError if the stimuli or other studies do not suit
    the protocol, or if the study has been changed by others or is no longer a draft. The deletion
    is committed at once, the protocol by the caller.
    """
    before = parse_stored_protocol(study.protocol)
    if protocol.slug != study.slug:
        raise StudyError(f"the slug is {protocol.slug!r}, but this study is {study.slug!r}")
    protocol = protocol.model_copy(update={"wording": before.wording})
    keys = list_changed_keys(before, protocol)
    _require_possible(db, study, before, protocol)
    require_changeable(db, study, version)
    if not keys:
        return ProtocolChange(keys)
    deleted = describe_rehearsals(db, study) if deletes_rehearsals(keys) else ""
    if deletes_rehearsals(keys):
        require_no_simulation(db, study)
        _delete_rehearsals(db, study)
    begin_change(db, study, version)
    to_check = _adapt_wording(db, study, before, protocol)
    for column, value in columns_of(protocol).items():
        setattr(study, column, value)
    db.flush()
    return ProtocolChange(keys, deleted, to_check)


def describe_rehearsals(db: Session, study: Study) -> str:
    """Return the preview and simulated participants in words; "" if there are none."""
    counts = {mode: count.started for mode, count in count_rehearsals(db, study).items()}
    return " and ".join(
        format_count(count, f"{mode} participant", f"{mode} participants")
        for mode, count in counts.items()
        if count
    )


def _delete_rehearsals(db: Session, study: Study) -> None:
    """Delete all rehearsals before the protocol is stored, so that none is left under another one.

    That commits after every few, because people in other studies must be able to answer meanwhile.
    """
    while any(count.started for count in count_rehearsals(db, study).values()):
        delete_rehearsals(db, study)


def _require_possible(db: Session, study: Study, before: Protocol, protocol: Protocol) -> None:
    """Raise ProtocolFormError if the stimuli or the linked studies do not suit the protocol."""
    try:
        require_linked_studies(db, protocol)
        require_suitable_stimuli(db, study, before, protocol)
    except StudyError as error:
        raise ProtocolFormError({find_key(str(error)): str(error)}) from error


def _adapt_wording(db: Session, study: Study, before: Protocol, after: Protocol) -> list[str]:
    """Store the texts for a changed protocol; return what has to be checked in them."""
    stored, old, new = load_wording(db, study), compose_wording(before), compose_wording(after)
    adapted = {
        place: adapt_text(stored[place], old[place], default)
        if place in stored and place in old
        else AdaptedText(default, [])
        for place, default in new.items()
    }
    store_wording(db, study, {place: one.text for place, one in adapted.items()})
    return [
        f"{name_text(*place)}: {change}" for place, one in adapted.items() for change in one.missed
    ]


def name_text(language: str, part: WordingPart) -> str:
    """Return the name of a text on the pages, such as "Consent (English)"."""
    return f"{part.capitalize()} ({language_name(language)})"
