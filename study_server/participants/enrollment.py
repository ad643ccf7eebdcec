"""Enroll participants: one record per person, balanced methods and planned trials."""

import secrets
from collections.abc import Mapping
from random import Random
from types import MappingProxyType

from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.languages import SOURCE_LANGUAGE
from study_server.participants.identities import (
    find_by_external_id,
    has_withdrawn,
    hash_external_id,
    hash_return_proof,
)
from study_server.participants.outcomes import is_source_full, update_lapsed_outcomes
from study_server.participants.planned_trials import insert_trials
from study_server.protocol.image_draws import image_pools
from study_server.protocol.link_parameters import select_link_parameters
from study_server.protocol.model import parse_stored_protocol
from study_server.protocol.schedule import choose_least_filled, plan_trials
from study_server.storage.models import Identity, LinkParameter, Participant, Study
from study_server.storage.plan_count_queries import (
    count_pairs,
    count_participants,
    count_places_taken,
    load_planned_stimuli,
)
from study_server.storage.plan_counts import PlannedCandidate, add_plan
from study_server.vocabulary import Mode, Outcome, RecruitmentSource, TrialKind
from study_server.wording.stored import render_wording


class StudyFullError(Exception):
    """The study or a source has as many participants, or each fake as many views, as it needs."""


class WithdrawnError(Exception):
    """This person has withdrawn and cannot take part again."""


class NoStimuliError(Exception):
    """The study is a draft without stimuli, so that nobody can take part, not even in a preview."""


def enroll_participant(
    db: Session,
    study: Study,
    external_id: str,
    mode: Mode,
    source: RecruitmentSource,
    language: str = SOURCE_LANGUAGE,
    return_proof: str | None = None,
    person: str | None = None,
    shared_browser: bool = False,
    address: Mapping[str, str] = MappingProxyType({}),
) -> Participant:
    """Return the participant with this external id, or create one with trials of their own.

    external_id: a random id from the browser's cookie, or the platform's id of a worker. Only
    keyed hashes of it and of return_proof are stored. language: the language of the consent text.
    Raises WithdrawnError if this person has withdrawn, StudyFullError if the study needs no more
    live participants, and NoStimuliError if it has no stimuli.
    """
    # Lock the study's row so that enrollments run one at a time (SQLite serializes writers anyway):
    # otherwise two participants could both take the last place. The key stays free for rows that
    # refer to it: a withdrawal, which has locked its participant, must not wait for this lock.
    db.flush()
    db.refresh(study, ["stop_at"], with_for_update={"key_share": True})
    if not study.has_stimuli:
        raise NoStimuliError
    existing = find_by_external_id(db, study, external_id, source)
    if existing is not None:
        return existing
    if mode is Mode.LIVE and has_withdrawn(db, study, external_id, source):
        raise WithdrawnError
    if mode is Mode.LIVE:
        _require_place(db, study, source)
    participant = _new_participant(db, study, mode, source, language)
    participant.shared_browser = shared_browser
    digest = hash_external_id(study, external_id, source)
    db.add(
        Identity(
            participant_id=participant.id,
            study_id=study.id,
            source=source,
            external_id_digest=digest,
            return_digest=hash_return_proof(study, return_proof) if return_proof else None,
            person=person,
        )
    )
    _store_link_parameters(db, study, participant, address)
    db.flush()
    _store_plan(db, study, participant)
    return participant


def _new_participant(
    db: Session, study: Study, mode: Mode, source: RecruitmentSource, language: str
) -> Participant:
    protocol, moment = parse_stored_protocol(study.protocol), now()
    wording = render_wording(db, study, language)
    participant = Participant(
        study_id=study.id,
        public_id=f"p{secrets.token_hex(6)}",
        token=secrets.token_urlsafe(16),
        mode=mode,
        source=source,
        outcome=Outcome.ACTIVE,
        language=wording.language,
        consent_version=wording.consent_version,
        comment="",
        started_at=moment,
        last_seen_at=moment,
    )
    if protocol.assignment == "between":
        rng = Random(f"{study.schedule_seed}:{participant.public_id}:method")
        participant.assigned_method = choose_least_filled(
            protocol.methods, count_participants(db, study, mode), rng
        )
    db.add(participant)
    db.flush()
    return participant


def _store_link_parameters(
    db: Session, study: Study, participant: Participant, address: Mapping[str, str]
) -> None:
    names = parse_stored_protocol(study.protocol).link_parameters
    for name, value in select_link_parameters(names, address).items():
        db.add(LinkParameter(participant_id=participant.id, name=name, value=value))


def is_study_full(db: Session, study: Study, source: RecruitmentSource | None = None) -> bool:
    """Return whether the study has the participants, or each fake the views, that it needs.

    source: also whether it has the participants from this source that its quota allows.

    Participants who have left, or whose time is over, count until `release_places`.
    """
    if study.stop_at is not None and count_places_taken(db, study) >= study.stop_at:
        return True
    if source is not None and is_source_full(db, study, source):
        return True
    protocol = parse_stored_protocol(study.protocol)
    if not protocol.target_views:
        return False
    views = load_planned_stimuli(db, study, Mode.LIVE).views
    of_fakes = [seen for (_, method), seen in views.items() if method in protocol.methods]
    return all(seen >= protocol.target_views for seen in of_fakes)


def _require_place(db: Session, study: Study, source: RecruitmentSource) -> None:
    """Raise StudyFullError if there is no place left, even after those of people who have left."""
    if is_study_full(db, study, source):
        update_lapsed_outcomes(db, study)
        if is_study_full(db, study, source):
            raise StudyFullError


def _store_plan(db: Session, study: Study, participant: Participant) -> None:
    """Plan the participant's trials, store them and count them."""
    protocol = parse_stored_protocol(study.protocol)
    ids, views = load_planned_stimuli(db, study, participant.mode)
    methods = (participant.assigned_method,) if participant.assigned_method else protocol.methods
    rng = Random(f"{study.schedule_seed}:{participant.public_id}")
    pairs = count_pairs(db, study, participant.mode)
    plan = plan_trials(protocol, image_pools(ids), methods, views, rng, pairs)
    insert_trials(db, participant, [(place, 0, planned) for place, planned in enumerate(plan)], ids)
    tests = [
        [PlannedCandidate(ids[key], key.method) for key in planned.candidates]
        for planned in plan
        if planned.kind is TrialKind.TEST and planned.repeat_of is None
    ]
    add_plan(db.connection(), participant, tests)
