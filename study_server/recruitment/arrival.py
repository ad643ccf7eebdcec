"""Prolific, MTurk, SONA, invitations: who came from where, and what they get at the end.

A platform's id of a person is in the address only. The database gets its keyed hash
(`enrolment.enroll`); what a platform must hear again at the end travels on in the address, signed.
"""

import base64
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy.orm import Session

from study_server.participants.scoring import completion_code
from study_server.recruitment.invitations import read_invitation
from study_server.storage.models import Participant, PlatformCompletion, Study
from study_server.vocabulary import Mode, Outcome, RecruitmentSource

ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE"  # MTurk: somebody looks before they accept
MTURK_SUBMITS = ("https://www.mturk.com", "https://workersandbox.mturk.com")
MTURK_FRAMES = (
    "https://worker.mturk.com",
    "https://workersandbox.mturk.com",
    "https://www.mturk.com",
)
PROLIFIC_COMPLETE = "https://app.prolific.com/submissions/complete"
# outcomes at which Prolific is told that a submission is done, each by a code of its own
CODED = (Outcome.COMPLETE, Outcome.SCREENED_OUT, Outcome.TIMED_OUT)
Back = Mapping[str, str]  # what a platform must hear again


class ForgedInvitation(LookupError):
    """Not one of this server's, or to another study."""


class UnfilledLink(ValueError):
    """A platform's link without the platform's values in it."""


@dataclass(frozen=True)
class Arrival:
    """Who stands at a study's door. person: None where somebody only looks."""

    mode: Mode
    source: RecruitmentSource
    person: str | None
    invited: bool = False
    back: Back = field(default_factory=dict)


@dataclass(frozen=True)
class Farewell:
    """What somebody gets at the end: a code, an address to go on to, fields to send there."""

    code: str | None = None
    url: str | None = None
    fields: Back = field(default_factory=dict)


def read_arrival(secret_key: str, slug: str, address: Mapping[str, str]) -> Arrival | None:
    """By the parameters of an entry link; None: a plain link.

    Raises UnfilledLink where the platform left its placeholders in, ForgedInvitation.
    """
    if "invitation" in address:
        invited = read_invitation(secret_key, slug, address["invitation"])
        if invited is None:
            raise ForgedInvitation(slug)
        return Arrival(invited[0], RecruitmentSource.LINK, invited[1], invited=True)
    if "PROLIFIC_PID" in address:
        return Arrival(Mode.LIVE, RecruitmentSource.PROLIFIC, _id(address, "PROLIFIC_PID"))
    if "assignmentId" in address:
        return _from_mturk(address)
    for name in ("survey_code", "id"):
        if name in address:
            code = _id(address, name)
            return Arrival(Mode.LIVE, RecruitmentSource.SONA, code, back={"survey_code": code})
    return None


def _from_mturk(address: Mapping[str, str]) -> Arrival:
    if address["assignmentId"] == PREVIEW:
        return Arrival(Mode.LIVE, RecruitmentSource.MTURK, None)
    to = address.get("turkSubmitTo", "").rstrip("/")
    if to not in MTURK_SUBMITS:
        raise UnfilledLink("turkSubmitTo")
    back = {"assignmentId": _id(address, "assignmentId"), "to": to}
    return Arrival(Mode.LIVE, RecruitmentSource.MTURK, _id(address, "workerId"), back=back)


def _id(address: Mapping[str, str], name: str) -> str:
    if not ID.fullmatch(address.get(name, "")):
        raise UnfilledLink(name)
    return address[name]


def sign_back(secret_key: str, participant: Participant, back: Back) -> str | None:
    """For the address of a participant's pages; nobody else's pages take it."""
    return str(_serializer(secret_key, participant).dumps(dict(back))) if back else None


def read_back(secret_key: str, participant: Participant, signed: str | None) -> Back:
    """Empty where there is none, or it is forged."""
    try:
        return dict(_serializer(secret_key, participant).loads(signed or ""))
    except (BadSignature, ValueError):
        return {}


def _serializer(secret_key: str, participant: Participant) -> URLSafeSerializer:
    return URLSafeSerializer(secret_key, salt=f"back:{participant.token}")


def farewell(db: Session, participant: Participant, back: Back) -> Farewell:
    """No code without data: what follows from the outcome that the server has stored."""
    source, outcome = participant.source, participant.outcome
    if source is RecruitmentSource.PROLIFIC and outcome in CODED:
        code = prolific_code(db, participant.study, outcome)
        return Farewell(code, f"{PROLIFIC_COMPLETE}?{urlencode({'cc': code})}")
    own = completion_code(participant)
    if own is None:
        return Farewell()
    if source is RecruitmentSource.MTURK and back:
        fields = {"assignmentId": back["assignmentId"], "code": own}
        return Farewell(own, f"{back['to']}/mturk/externalSubmit", fields)
    credit = db.get(
        PlatformCompletion, (participant.study_id, RecruitmentSource.SONA, Outcome.COMPLETE)
    )
    if source is RecruitmentSource.SONA and credit is not None and back:
        return Farewell(own, credit.code_or_url + back["survey_code"])
    return Farewell(own)


def prolific_code(db: Session, study: Study, outcome: Outcome) -> str:
    """The researcher's own, else one made from the study's key: the same for everybody."""
    own = db.get(PlatformCompletion, (study.id, RecruitmentSource.PROLIFIC, outcome))
    if own is not None:
        return own.code_or_url
    digest = hmac.digest(
        study.identity_key, f"code:{RecruitmentSource.PROLIFIC}:{outcome}".encode(), "sha256"
    )
    return base64.b32encode(digest).decode()[:8]


def set_ending(
    db: Session, study: Study, source: RecruitmentSource, outcome: Outcome, text: str
) -> None:
    """In the place of what was there."""
    db.merge(
        PlatformCompletion(study_id=study.id, source=source, outcome=outcome, code_or_url=text)
    )


def entry_link(entry: str, source: RecruitmentSource) -> str:
    """What to give a platform: entry is the study's address, the rest the platform fills in."""
    placeholders = {
        RecruitmentSource.PROLIFIC: "?PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}"
        "&SESSION_ID={{%SESSION_ID%}}",
        RecruitmentSource.SONA: "?survey_code=%SURVEY_CODE%",
    }
    return entry + placeholders.get(source, "")
