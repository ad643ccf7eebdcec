"""Arrival from Prolific, MTurk, SONA or an invitation, and the completion at the end.

A platform's id of a person is only in the URL. The database stores its keyed hash
(`enrollment.enroll_participant`). Parameters that a platform needs back at the end stay in the URL,
signed.
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
from study_server.protocol.model import parse_stored_protocol
from study_server.recruitment.invitations import read_invitation
from study_server.storage.models import Participant, PlatformCompletion, Study
from study_server.vocabulary import Mode, Outcome, RecruitmentSource

EXTERNAL_ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,255}")
MTURK_PREVIEW_ID = "ASSIGNMENT_ID_NOT_AVAILABLE"  # MTurk shows a preview before the HIT is accepted
MTURK_SUBMIT_ORIGINS = ("https://www.mturk.com", "https://workersandbox.mturk.com")
MTURK_FRAME_ORIGINS = (
    "https://worker.mturk.com",
    "https://workersandbox.mturk.com",
    "https://www.mturk.com",
)
PROLIFIC_COMPLETION_URL = "https://app.prolific.com/submissions/complete"
# Outcomes with which a submission on Prolific ends; each has its own completion code.
OUTCOMES_WITH_CODE = (Outcome.COMPLETE, Outcome.SCREENED_OUT, Outcome.TIMED_OUT)
SOURCES_WITH_LASTING_IDS = (RecruitmentSource.PROLIFIC, RecruitmentSource.MTURK)
ReturnParameters = Mapping[str, str]  # parameters that a platform needs back at the end


class InvalidInvitationError(LookupError):
    """The invitation was not signed by this server, or is for another study."""


class IncompleteLinkError(ValueError):
    """The platform did not fill in the placeholders of its link."""


@dataclass(frozen=True)
class Arrival:
    """A visitor as the entry link describes them.

    external_id: the platform's id, or None for an MTurk preview. return_proof: a secret that this
    person needs to return, if others may know the external id.
    """

    mode: Mode
    source: RecruitmentSource
    external_id: str | None
    is_invited: bool = False
    return_parameters: ReturnParameters = field(default_factory=dict)
    return_proof: str | None = None

    @property
    def lasting_id(self) -> str | None:
        """The external id if it is the same in every study; SONA's and invitations' are not."""
        return self.external_id if self.source in SOURCES_WITH_LASTING_IDS else None


@dataclass(frozen=True)
class Completion:
    """The code, the URL to continue to and the form fields that a participant gets at the end."""

    code: str | None = None
    url: str | None = None
    form_fields: ReturnParameters = field(default_factory=dict)


def parse_arrival(secret_key: str, slug: str, address: Mapping[str, str]) -> Arrival | None:
    """Parse the query parameters of an entry link; return None for a plain link.

    Raises IncompleteLinkError if the platform did not fill in its placeholders, and
    InvalidInvitationError.
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
        return_proof=back["assignmentId"],  # secret; MTurk's frames have no cookies
    )


def _require_external_id(address: Mapping[str, str], name: str) -> str:
    if not EXTERNAL_ID_PATTERN.fullmatch(address.get(name, "")):
        raise IncompleteLinkError(name)
    return address[name]


def sign_return_parameters(
    secret_key: str, participant: Participant, back: ReturnParameters
) -> str | None:
    """Sign the parameters for the URLs of this participant only; return None if there are none."""
    return str(_serializer(secret_key, participant).dumps(dict(back))) if back else None


def read_return_parameters(
    secret_key: str, participant: Participant, signed: str | None
) -> ReturnParameters:
    """Return the signed parameters, or {} if they are missing or not signed by this server."""
    try:
        return dict(_serializer(secret_key, participant).loads(signed or ""))
    except (BadSignature, ValueError):
        return {}


def _serializer(secret_key: str, participant: Participant) -> URLSafeSerializer:
    return URLSafeSerializer(secret_key, salt=f"back:{participant.token}")


def completion_for(db: Session, participant: Participant, back: ReturnParameters) -> Completion:
    """Return the code and link that follow from the participant's stored outcome."""
    source, outcome = participant.source, participant.outcome
    if source is RecruitmentSource.PROLIFIC and outcome in OUTCOMES_WITH_CODE:
        return _prolific_completion(db, participant.study, outcome)
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
        return Completion(url=credit.code_or_url + back["survey_code"])
    has_code = source is RecruitmentSource.MTURK or _uses_completion_code(participant.study)
    return Completion(own if has_code else None)


def _uses_completion_code(study: Study) -> bool:
    return parse_stored_protocol(study.protocol).completion_code


def gets_code(participant: Participant) -> bool:
    """Return whether participants who came this way get a completion code at the end."""
    platforms = RecruitmentSource.PROLIFIC, RecruitmentSource.MTURK
    return participant.source in platforms or _uses_completion_code(participant.study)


def completion_before_consent(db: Session, study: Study, arrival: Arrival) -> Completion:
    """Return the code and link for a person whose device does not suit the study."""
    if arrival.source is not RecruitmentSource.PROLIFIC:
        return Completion()
    return _prolific_completion(db, study, Outcome.SCREENED_OUT)


def _prolific_completion(db: Session, study: Study, outcome: Outcome) -> Completion:
    code = prolific_completion_code(db, study, outcome)
    return Completion(code, f"{PROLIFIC_COMPLETION_URL}?{urlencode({'cc': code})}")


def prolific_completion_code(db: Session, study: Study, outcome: Outcome) -> str:
    """Return the code set by the researcher, or one derived from the study's key.

    The code is the same for all participants with this outcome.
    """
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
    """Store the code or URL that participants get for an outcome, replacing an earlier one."""
    db.merge(
        PlatformCompletion(study_id=study.id, source=source, outcome=outcome, code_or_url=text)
    )


def entry_link(entry: str, source: RecruitmentSource) -> str:
    """Return the link to enter on a platform, with placeholders that the platform fills in.

    entry: URL of the study.
    """
    placeholders = {
        RecruitmentSource.PROLIFIC: "?PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}"
        "&SESSION_ID={{%SESSION_ID%}}",
        RecruitmentSource.SONA: "?survey_code=%SURVEY_CODE%",
    }
    return entry + placeholders.get(source, "")
