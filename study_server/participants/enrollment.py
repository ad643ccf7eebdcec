"""Enroll participants: one record per person, balanced methods and planned trials."""

import secrets
from collections import Counter, defaultdict
from collections.abc import Mapping
from random import Random

from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.languages import SOURCE_LANGUAGE
from study_server.participants.identities import (
    find_by_external_id,
    has_taken_part,
    has_withdrawn,
    hash_external_id,
    hash_return_proof,
)
from study_server.participants.outcomes import update_lapsed_outcomes
from study_server.participants.return_visits import return_or_move
from study_server.protocol.model import parse_stored_protocol
from study_server.protocol.schedule import (
    ImagePools,
    PlannedTrial,
    ViewCounts,
    choose_least_filled,
    plan_trials,
)
from study_server.storage.models import Identity, Participant, Stimulus, Study, Trial
from study_server.vocabulary import (
    REAL_METHOD,
    Mode,
    Outcome,
    RecruitmentSource,
    StudyState,
    TrialKind,
)
from study_server.wording.stored import render_wording

# Outcomes that fill a place: the balance of methods and images counts only these participants.
PLACE_TAKING_OUTCOMES = (Outcome.ACTIVE, Outcome.COMPLETE)
StimulusIds = Mapping[tuple[str, str], int]  # (image, method) -> id of the stimulus


class StudyFullError(Exception):
    """Every fake has been assigned to as many participants as the protocol requires."""


class StudyNotOpenError(Exception):
    """The study does not admit new participants."""


class NotInvitedError(Exception):
    """The protocol requires an invitation or a recruitment platform."""


class TookPartBeforeError(Exception):
    """This person has taken part in a study whose participants the protocol excludes."""


class WithdrawnError(Exception):
    """This person has withdrawn and cannot take part again."""


def admit_participant(
    db: Session, study: Study, external_id: str, mode: Mode, source: RecruitmentSource,
    language: str, is_invited: bool = False, return_proof: str | None = None,
    person: str | None = None, shared_browser: bool = False,
) -> Participant:  # fmt: skip
    """Return the existing participant, or enroll a new one if the study admits them.

    return_proof: a secret that this person needs to return, in addition to an external id that
    others may know. person: from `make_person_code`, in a linked study. shared_browser: whether
    someone else took part in the same browser. Raises StartedElsewhereError if the person has
    started and the proof is not theirs. Previews and simulated participants are always admitted.
    Raises StudyNotOpenError, NotInvitedError, TookPartBeforeError, WithdrawnError or StudyFullError
    if a new live participant is not.
    """
    existing = find_by_external_id(db, study, external_id, source)
    if existing is None and mode is Mode.LIVE:
        require_admission(study, source, is_invited)
        require_first_participation(db, study, person)
    participant = existing or enroll_participant(
        db, study, external_id, mode, source, language, return_proof, person, shared_browser
    )
    return_or_move(db, participant, return_proof)
    return participant


def require_admission(study: Study, source: RecruitmentSource, invited: bool) -> None:
    """Raise StudyNotOpenError or NotInvitedError unless new live participants are admitted."""
    entry = parse_stored_protocol(study.protocol).entry
    recruited = invited or source is not RecruitmentSource.LINK
    if study.state is not StudyState.OPEN:
        raise StudyNotOpenError
    if not (entry == "open" or invited or (entry == "recruited" and recruited)):
        raise NotInvitedError


def require_first_participation(db: Session, study: Study, person: str | None) -> None:
    """Raise TookPartBeforeError if this person was in a study that the protocol excludes."""
    excluded = parse_stored_protocol(study.protocol).exclude_studies
    if excluded and person is not None and has_taken_part(db, excluded, person):
        raise TookPartBeforeError


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
) -> Participant:
    """Return the participant with this external id, or create one with trials of their own.

    external_id: a random id from the browser's cookie, or the platform's id of a worker. Only
    keyed hashes of it and of return_proof are stored. language: the language of the consent text.
    Raises WithdrawnError if this person has withdrawn, and StudyFullError if the study needs no
    more live participants.
    """
    # Lock the study's row so that enrollments run one at a time (SQLite serializes writers anyway):
    # otherwise two participants could both take the last place. The key stays free for rows that
    # refer to it: a withdrawal, which has locked its participant, must not wait for this lock.
    db.scalar(select(Study.id).where(Study.id == study.id).with_for_update(key_share=True))
    existing = find_by_external_id(db, study, external_id, source)
    if existing is not None:
        return existing
    if mode is Mode.LIVE and has_withdrawn(db, study, external_id, source):
        raise WithdrawnError
    update_lapsed_outcomes(db, study)
    if mode is Mode.LIVE and is_study_full(db, study):
        raise StudyFullError
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
    _store_trials(db, study, participant)
    db.flush()
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
            protocol.methods, _count_by_method(db, study, mode), rng
        )
    db.add(participant)
    db.flush()
    return participant


def _count_by_method(db: Session, study: Study, mode: Mode) -> dict[str, int]:
    """Count the place-taking participants of this mode by assigned method."""
    query = (
        select(Participant.assigned_method, func.count())
        .where(
            Participant.study_id == study.id,
            Participant.mode == mode,
            Participant.outcome.in_(PLACE_TAKING_OUTCOMES),
        )
        .group_by(Participant.assigned_method)
    )
    return {method: count for method, count in db.execute(query) if method}


def count_views(db: Session, study: Study, mode: Mode, ids: StimulusIds) -> ViewCounts:
    """Count the views of each stimulus in the test trials of place-taking participants.

    ids: `load_stimulus_ids` of the study. Repeated trials are not counted again.
    """
    pairs = (
        select(Trial.fake_id, Trial.real_id, func.count())
        .join(Participant, Trial.participant_id == Participant.id)
        .where(*_counted_test_trials(study, mode))
        .group_by(Trial.fake_id, Trial.real_id)
    )
    views = Counter[int | None]()
    for fake, real, count in db.execute(pairs):
        views.update({fake: count, real: count})
    return {shown: views[id_] for shown, id_ in ids.items() if id_ in views}


def _counted_test_trials(study: Study, mode: Mode) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for test trials that count as views of their stimuli."""
    return (
        Participant.study_id == study.id,
        Participant.mode == mode,
        Participant.outcome.in_(PLACE_TAKING_OUTCOMES),
        Trial.kind == TrialKind.TEST,
        Trial.voided.is_(False),
        Trial.repeat_of.is_(None),
    )


def is_study_full(db: Session, study: Study) -> bool:
    """Return whether every fake has the number of views that the protocol requires."""
    protocol = parse_stored_protocol(study.protocol)
    if not protocol.target_views:
        return False
    ids = load_stimulus_ids(db, study)
    views = count_views(db, study, Mode.LIVE, ids)
    fakes = [key for key in ids if key[1] in protocol.methods]
    return all(views.get(fake, 0) >= protocol.target_views for fake in fakes)


def _store_trials(db: Session, study: Study, participant: Participant) -> None:
    protocol, ids = parse_stored_protocol(study.protocol), load_stimulus_ids(db, study)
    methods = (participant.assigned_method,) if participant.assigned_method else protocol.methods
    rng = Random(f"{study.schedule_seed}:{participant.public_id}")
    views = count_views(db, study, participant.mode, ids)
    plan = plan_trials(protocol, image_pools(ids), methods, views, rng)
    rows = [_trial_row(participant, planned, ids, slot, 0) for slot, planned in enumerate(plan)]
    db.execute(insert(Trial), rows)  # in one statement, because other enrollments wait for the lock


def load_stimulus_ids(db: Session, study: Study) -> StimulusIds:
    """Return the ids of the study's stimuli by (image, method)."""
    query = select(Stimulus.image, Stimulus.method, Stimulus.id).where(
        Stimulus.study_id == study.id
    )
    return {(image, method): id_ for image, method, id_ in db.execute(query)}


def image_pools(ids: StimulusIds) -> ImagePools:
    """Return the images of each method, sorted."""
    pools: dict[str, list[str]] = defaultdict(list)
    for image, method in sorted(ids):
        pools[method].append(image)
    return pools


def build_trial(
    participant: Participant, planned: PlannedTrial, ids: StimulusIds, slot: int, attempt: int
) -> Trial:
    """Build the database row of a planned trial."""
    return Trial(**_trial_row(participant, planned, ids, slot, attempt))


def _trial_row(
    participant: Participant, planned: PlannedTrial, ids: StimulusIds, plan_index: int, attempt: int
) -> dict[str, object]:
    fake, real = stimulus_keys(planned)
    return {
        "participant_id": participant.id,
        "slot": plan_index,
        "attempt": attempt,
        "kind": planned.kind,
        "block": planned.block,
        "token": secrets.token_urlsafe(16),
        "fake_id": ids[fake] if fake else None,
        "real_id": ids[real] if real else None,
        "fake_side": planned.fake_side,
        "first_side": planned.first_side,
        "exposure_ms": planned.exposure_ms,
        "repeat_of": planned.repeat_of,
        "voided": False,
    }


def stimulus_keys(
    planned: PlannedTrial,
) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    """Return the (image, method) keys of a trial's fake and of its real photograph.

    For a single image, one of the two is None.
    """
    own = planned.image, planned.method
    if planned.real_image is not None:
        return own, (planned.real_image, REAL_METHOD)
    return (None, own) if planned.method == REAL_METHOD else (own, None)
