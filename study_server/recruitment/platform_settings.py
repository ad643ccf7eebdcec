"""The link and the codes for a platform, and the codes that it gives in return."""

from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.recruitment.arrival import (
    OUTCOMES_WITH_CODE,
    entry_link,
    store_platform_completion,
)
from study_server.storage.models import PlatformCompletion, Study
from study_server.vocabulary import Outcome, RecruitmentSource

PLATFORMS = (RecruitmentSource.PROLIFIC, RecruitmentSource.MTURK, RecruitmentSource.SONA)
MTURK_QUESTION_XML = """<ExternalQuestion xmlns="http://mechanicalturk.amazonaws.com/\
AWSMechanicalTurkDataSchemas/2006-07-14/ExternalQuestion.xsd">
  <ExternalURL>{}</ExternalURL>
  <FrameHeight>0</FrameHeight>
</ExternalQuestion>"""
EXAMPLE_CREDIT_URL = (
    "https://school.sona-systems.com/webstudy_credit.aspx?experiment_id=1&credit_token=2"
    "&survey_code=XXXX"
)


def format_platform_link(entry: str, source: RecruitmentSource) -> str:
    """Return what to enter on a platform: the link with its placeholders, for MTurk a question.

    entry: URL of the study's consent page.
    """
    link = entry_link(entry, source)
    return MTURK_QUESTION_XML.format(link) if source is RecruitmentSource.MTURK else link


def find_link_problem(address: str) -> str:
    """Return why participants or platforms cannot use links to this address, or ""."""
    parts = urlsplit(address)
    if parts.hostname in ("localhost", "::1") or str(parts.hostname).startswith("127."):
        return "these links only work on this computer"
    if parts.scheme != "https":
        return "browsers warn about these links, and platforms refuse them, because of http"
    return ""


def parse_prolific_code(outcome: str, code: str) -> tuple[Outcome, str]:
    """Return an outcome and Prolific's completion code for it; raises StudyError."""
    if outcome not in OUTCOMES_WITH_CODE or not code.isalnum():
        outcomes = ", ".join(OUTCOMES_WITH_CODE)
        raise StudyError(
            f"'{outcome}={code}' is not OUTCOME=CODE, such as complete=C1A2B3; outcomes are "
            f"{outcomes}"
        )
    return Outcome(outcome), code


def parse_credit_url(text: str) -> str:
    """Return SONA's completion URL up to the survey code, which differs between participants.

    Raises StudyError if it is something else.
    """
    address = text.strip().partition("survey_code=")[0].rstrip("&?")
    if urlsplit(address).scheme != "https" or "credit_token=" not in address:
        raise StudyError(f"{text!r} is not a SONA completion URL, such as {EXAMPLE_CREDIT_URL}")
    return f"{address}&survey_code="


def store_prolific_codes(db: Session, study: Study, codes: dict[Outcome, str]) -> None:
    """Store Prolific’s completion codes by outcome, replacing earlier ones."""
    for outcome, code in codes.items():
        store_platform_completion(db, study, RecruitmentSource.PROLIFIC, outcome, code)


def find_credit_url(db: Session, study: Study) -> str:
    """Return SONA's completion URL of a study, or ""."""
    key = study.id, RecruitmentSource.SONA, Outcome.COMPLETE
    stored = db.get(PlatformCompletion, key)
    return f"{stored.code_or_url}XXXX" if stored else ""


def store_credit_url(db: Session, study: Study, text: str) -> None:
    """Store SONA's completion URL; raises StudyError if it is something else."""
    address = parse_credit_url(text)
    store_platform_completion(db, study, RecruitmentSource.SONA, Outcome.COMPLETE, address)
