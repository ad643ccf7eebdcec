"""Whom to pay and why: a platform's own list held against what is stored here.

The list's raw ids are hashed with the study's key to find the people; none is stored. Who returned
or timed out on the platform gives their place back.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.files import atomic_write
from study_server.participants.current_trial import progress
from study_server.participants.enrollment import find_person
from study_server.participants.outcomes import UNFINISHED, release_places
from study_server.participants.scoring import score
from study_server.recruitment.arrival import CODED, prolific_code
from study_server.recruitment.platforms import Listed, Status
from study_server.storage.models import Participant, Study
from study_server.studies.exclusion_counts import required_attention_checks_correct, rules_of
from study_server.vocabulary import Mode, Outcome, RecruitmentSource, TrialKind

PAYABLE = (Status.SUBMITTED, Status.APPROVED)


class Action(StrEnum):
    """What the sheet proposes, and what `study pay` does."""

    PAY = "pay"
    DECIDE = "decide"  # the researcher writes another word here
    WAIT = "wait"
    NOTHING = "nothing"
    RETURN = "return"  # ask for the submission to be returned: Prolific
    REJECT = "reject"  # MTurk


@dataclass(frozen=True)
class Row:
    """Of the sheet: one submission. person: raw, from the platform's list."""

    source: RecruitmentSource
    person: str
    submission: str
    status: Status
    participant: str
    outcome: str
    answered: str
    attention_checks: str
    action: Action
    reason: str
    bonus: str = ""


def reconcile(
    db: Session, study: Study, source: RecruitmentSource, listed: Sequence[Listed]
) -> list[Row]:
    """The sheet, in the order of the list; places of who returned or timed out become free."""
    release_places(db, study)
    first = _first_submissions(listed)
    rows = []
    for one in listed:
        person = find_person(db, study, one.person, source)
        if person is not None and first[one.person] is one:
            _free(person, one.status)
        action, reason = judge(db, study, one, person)
        if action in (Action.PAY, Action.DECIDE) and first[one.person] is not one:
            action, reason = Action.DECIDE, f"came twice: see {first[one.person].submission}"
        rows.append(_row(db, source, one, person, action, reason))
    return rows


def _first_submissions(listed: Iterable[Listed]) -> dict[str, Listed]:
    """By person the one submission that may be paid: of several the first."""
    first: dict[str, Listed] = {}
    for one in listed:
        if one.person not in first or (
            one.status in PAYABLE and first[one.person].status not in PAYABLE
        ):
            first[one.person] = one
    return first


def _free(person: Participant, status: Status) -> None:
    ends = {Status.RETURNED: Outcome.RETURNED, Status.TIMED_OUT: Outcome.TIMED_OUT}
    if status in ends and person.outcome in UNFINISHED:
        person.outcome = ends[status]


def judge(
    db: Session, study: Study, listed: Listed, person: Participant | None
) -> tuple[Action, str]:
    """What to do about one submission, and why."""
    status = listed.status
    if status is Status.ACTIVE:
        done = person is not None and person.outcome is Outcome.COMPLETE
        return Action.WAIT, "complete here, not submitted there yet" if done else "still at it"
    if status is Status.REJECTED:
        return Action.NOTHING, "rejected there"
    if status is Status.SCREENED_OUT:
        return Action.NOTHING, "screened out and settled there"
    if person is None:
        return _judge_stranger(status)
    if status is Status.APPROVED:
        return Action.NOTHING, f"paid; {person.outcome} here"
    if status is not Status.SUBMITTED:
        return _judge_gone(status, person)
    if person.outcome is not Outcome.COMPLETE:
        return Action.DECIDE, _tell_incomplete(db, study, listed, person)
    failure = _describe_attention_check_failure(db, study, person)
    if failure:
        return Action.DECIDE, f"complete, but {failure}"
    return Action.PAY, _tell_code(db, study, listed, person)


def _judge_stranger(status: Status) -> tuple[Action, str]:
    if status in PAYABLE:
        return Action.DECIDE, "not known here: never agreed to take part, or is anonymous by now"
    return Action.NOTHING, "left before consent"


def _judge_gone(status: Status, person: Participant) -> tuple[Action, str]:
    gone = status.value.replace("_", " ")
    if person.outcome is Outcome.COMPLETE:
        return Action.DECIDE, f"complete here, but {gone} there: pay by a bonus"
    return Action.NOTHING, f"{gone} there"


def _tell_incomplete(db: Session, study: Study, listed: Listed, person: Participant) -> str:
    answered, planned = progress(db.connection(), person)
    told = f"{person.outcome.value.replace('_', ' ')} here, {answered} of {planned} answers"
    if (
        person.source is RecruitmentSource.PROLIFIC
        and person.outcome is not Outcome.SCREENED_OUT
        and listed.code == prolific_code(db, study, Outcome.COMPLETE)
    ):
        return f"{told}, with a code that was not given to them"
    return told


def _describe_attention_check_failure(db: Session, study: Study, person: Participant) -> str:
    """How somebody failed, if so, by the frozen plan's rule or the report's default."""
    correct, answered = score(db, person, TrialKind.ATTENTION)
    rules = rules_of(study)
    needed = required_attention_checks_correct(rules, answered)
    if answered < rules.attention_checks_min_planned or correct >= needed:
        return ""
    return f"{correct} of {answered} attention checks right, {needed} needed"


def _tell_code(db: Session, study: Study, listed: Listed, person: Participant) -> str:
    """The data decide, not the code; another one is told."""
    if person.source is not RecruitmentSource.PROLIFIC or not listed.code:
        return "complete"
    own = {prolific_code(db, study, outcome) for outcome in CODED}
    given = prolific_code(db, study, Outcome.COMPLETE)
    if listed.code == given:
        return "complete"
    kind = "another outcome's" if listed.code in own else "an unknown"
    return f"complete, though submitted with {kind} code {listed.code}"


def _row(
    db: Session, source: RecruitmentSource, listed: Listed, person: Participant | None,
    action: Action, reason: str,
) -> Row:  # fmt: skip
    told = ("", "", "", "")
    if person is not None:
        answered, planned = progress(db.connection(), person)
        correct, seen = score(db, person, TrialKind.ATTENTION)
        told = person.public_id, person.outcome, f"{answered} of {planned}", f"{correct} of {seen}"
    return Row(source, listed.person, listed.submission, listed.status, *told, action, reason)


def count_unlisted(
    db: Session, study: Study, source: RecruitmentSource, rows: Iterable[Row]
) -> int:
    """How many live participants of the platform are not in its list."""
    live = Participant.study_id == study.id, Participant.mode == Mode.LIVE
    names = db.scalars(select(Participant.public_id).where(*live, Participant.source == source))
    return len(set(names) - {row.participant for row in rows})


def write_sheet(path: Path, rows: Iterable[Row]) -> None:
    """For the researcher alone: it has the platform's ids in it."""
    with atomic_write(path) as temporary:
        temporary.touch(mode=0o600)
        with temporary.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, [f.name for f in fields(Row)], lineterminator="\n")
            writer.writeheader()
            writer.writerows(asdict(row) for row in rows)


def read_sheet(path: Path) -> list[Row]:
    """As the researcher has edited it; raises StudyError naming file and line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            return [_read_row(row, f"{path}:{reader.line_num}") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StudyError(f"{path}: not readable as CSV: {error}") from error


def _read_row(row: dict[str, str], where: str) -> Row:
    try:
        values: dict[str, Any] = row | {
            "source": RecruitmentSource(row["source"]),
            "status": Status(row["status"]),
            "action": Action(row["action"].strip().lower()),
        }
        return Row(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise StudyError(
            f"{where}: {error}; edit only action ({', '.join(Action)}), reason and bonus"
        ) from error
