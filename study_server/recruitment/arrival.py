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

EXTERNAL_ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,255}")
MTURK_PREVIEW_ID = "ASSIGNMENT_ID_NOT_AVAILABLE"  # MTurk: somebody looks before they accept
MTURK_SUBMIT_ORIGINS = ("https://www.mturk.com", "https://workersandbox.mturk.com")
MTURK_FRAME_ORIGINS = (
    "https://worker.mturk.com",
    "https://workersandbox.mturk.com",
    "https://www.mturk.com",
)
PROLIFIC_COMPLETION_URL = "https://app.prolific.com/submissions/complete"
# outcomes at which Prolific is told that a submission is done, each by a code of its own
OUTCOMES_WITH_CODE = (Outcome.COMPLETE, Outcome.SCREENED_OUT, Outcome.TIMED_OUT)
ReturnParameters = Mapping[str, str]  # what a platform must hear again


class InvalidInvitationError(LookupError):
    """Not one of this server's, or to another study."""


class IncompleteLinkError(ValueError):
    """A platform's link without the platform's values in it."""


@dataclass(frozen=True)
class Arrival:
    """Who stands at a study's door. person: None where somebody only looks."""

    mode: Mode
    source: RecruitmentSource
    external_id: str | None
    is_invited: bool = False
    return_parameters: ReturnParameters = field(default_factory=dict)


@dataclass(frozen=True)
class Completion:
    """What somebody gets at the end: a code, an address to go on to, fields to send there."""

    code: str | None = None
    url: str | None = None
    form_fields: ReturnParameters = field(default_factory=dict)


def parse_arrival(secret_key: str, slug: str, address: Mapping[str, str]) -> Arrival | None:
    """By the parameters of an entry link; None: a plain link.

    Raises IncompleteLinkError where the platform left its placeholders in, InvalidInvitationError.
    """
    if "invitation" in address:
        invited = read_invitation(secret_key, slug, address["invitation"])
        if invited is None:
            raise InvalidInvitationError(slug)
        return Arrival(invited[0], RecruitmentSource.LINK, invited[1], is_invited=True)
    if "PROLIFIC_PID" in address:
        return Arrival(
            Mode.LIVE, RecruitmentSource.PROLIFIC, _require_external_id(address, "PROLIFIC_PID")
        )
    if "assignmentId" in address:
        return _parse_mturk_arrival(address)
    for name in ("survey_code", "id"):
        if name in address:
            code = _require_external_id(address, name)
            return Arrival(
                Mode.LIVE, RecruitmentSource.SONA, code, return_parameters={"survey_code": code}
            )
    return None


def _parse_mturk_arrival(address: Mapping[str, str]) -> Arrival:
    if address["assignmentId"] == MTURK_PREVIEW_ID:
        return Arrival(Mode.LIVE, RecruitmentSource.MTURK, None)
    to = address.get("turkSubmitTo", "").rstrip("/")
    if to not in MTURK_SUBMIT_ORIGINS:
        raise IncompleteLinkError("turkSubmitTo")
    back = {"assignmentId": _require_external_id(address, "assignmentId"), "to": to}
    return Arrival(
        Mode.LIVE,
        RecruitmentSource.MTURK,
        _require_external_id(address, "workerId"),
        return_parameters=back,
    )


def _require_external_id(address: Mapping[str, str], name: str) -> str:
    if not EXTERNAL_ID_PATTERN.fullmatch(address.get(name, "")):
        raise IncompleteLinkError(name)
    return address[name]


def sign_return_parameters(
    secret_key: str, participant: Participant, back: ReturnParameters
) -> str | None:
    """For the address of a participant's pages; nobody else's pages take it."""
    return str(_serializer(secret_key, participant).dumps(dict(back))) if back else None


def read_return_parameters(
    secret_key: str, participant: Participant, signed: str | None
) -> ReturnParameters:
    """Empty where there is none, or it is forged."""
    try:
        return dict(_serializer(secret_key, participant).loads(signed or ""))
    except (BadSignature, ValueError):
        return {}


def _serializer(secret_key: str, participant: Participant) -> URLSafeSerializer:
    return URLSafeSerializer(secret_key, salt=f"back:{participant.token}")


def completion_for(db: Session, participant: Participant, back: ReturnParameters) -> Completion:
    """No code without data: what follows from the outcome that the server has stored."""
    source, outcome = participant.source, participant.outcome
    if source is RecruitmentSource.PROLIFIC and outcome in OUTCOMES_WITH_CODE:
        code = prolific_completion_code(db, participant.study, outcome)
        return Completion(code, f"{PROLIFIC_COMPLETION_URL}?{urlencode({'cc': code})}")
    own = completion_code(participant)
    if own is None:
        return Completion()
    if source is RecruitmentSource.MTURK and back:
        fields = {"assignmentId": back["assignmentId"], "code": own}
        return Completion(own, f"{back['to']}/mturk/externalSubmit", fields)
    credit = db.get(
        PlatformCompletion, (participant.study_id, RecruitmentSource.SONA, Outcome.COMPLETE)
    )
    if source is RecruitmentSource.SONA and credit is not None and back:
        return Completion(own, credit.code_or_url + back["survey_code"])
    return Completion(own)


def prolific_completion_code(db: Session, study: Study, outcome: Outcome) -> str:
    """The researcher's own, else one made from the study's key: the same for everybody."""
    own = db.get(PlatformCompletion, (study.id, RecruitmentSource.PROLIFIC, outcome))
    if own is not None:
        return own.code_or_url
    digest = hmac.digest(
        study.identity_key, f"code:{RecruitmentSource.PROLIFIC}:{outcome}".encode(), "sha256"
    )
    return base64.b32encode(digest).decode()[:8]


def store_platform_completion(
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
