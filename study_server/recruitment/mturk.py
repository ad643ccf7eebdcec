"""Amazon Mechanical Turk through boto3: list assignments, approve, reject, pay a bonus.

boto3 is an extra: `pip install 'hue-and-eye[server,mturk]'`. boto3 reads the credentials from its
usual places (AWS_ACCESS_KEY_ID, ~/.aws/credentials).
"""

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any
from xml.etree import ElementTree

from study_server.errors import StudyError
from study_server.recruitment.platforms import Submission, SubmissionStatus, parse_submission
from study_server.vocabulary import RecruitmentSource

REGION = "us-east-1"  # the only region of MTurk
SANDBOX_ENDPOINT = "https://mturk-requester-sandbox.us-east-1.amazonaws.com"
PAGE_SIZE = 100


def create_client(sandbox: bool) -> Any:
    """Create a client of MTurk or its sandbox; raise StudyError if boto3 is missing."""
    try:
        import boto3
    except ModuleNotFoundError as error:
        raise StudyError("MTurk needs boto3: pip install 'hue-and-eye[server,mturk]'") from error
    endpoint = SANDBOX_ENDPOINT if sandbox else None
    return boto3.Session().client("mturk", region_name=REGION, endpoint_url=endpoint)


def has_credentials() -> bool:
    """Return whether boto3 is installed and the environment names credentials for it.

    boto3 itself would look for them in the network, for seconds.
    """
    is_named = any(os.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"))
    return is_named and find_spec("boto3") is not None


def list_assignments(client: Any, hit: str) -> list[Submission]:
    """Return every submitted assignment of a HIT, from all pages."""
    submissions: list[Submission] = []
    token: dict[str, str] = {}
    while True:
        page = _call(client.list_assignments_for_hit, HITId=hit, MaxResults=PAGE_SIZE, **token)
        submissions += [_to_submission(assignment) for assignment in page["Assignments"]]
        if "NextToken" not in page:
            return submissions
        token = {"NextToken": page["NextToken"]}


def _to_submission(assignment: dict[str, Any]) -> Submission:
    row = {
        "workerid": assignment["WorkerId"],
        "assignmentid": assignment["AssignmentId"],
        "assignmentstatus": assignment["AssignmentStatus"],
        "answer code": _find_code(assignment.get("Answer", "")),
    }
    return parse_submission(
        RecruitmentSource.MTURK, row, f"assignment {assignment['AssignmentId']}"
    )


def _find_code(answer: str) -> str:
    """Return the field `code` of a QuestionFormAnswers document, or ""."""
    if not answer:
        return ""
    for field in ElementTree.fromstring(answer).iter():
        names = [part.text for part in field if part.tag.endswith("QuestionIdentifier")]
        if names == ["code"]:
            return next((part.text or "" for part in field if part.tag.endswith("FreeText")), "")
    return ""


def find_status(client: Any, assignment: str) -> SubmissionStatus:
    """Return the status of an assignment."""
    found = _call(client.get_assignment, AssignmentId=assignment)["Assignment"]
    return _to_submission(found).status


def has_bonus(client: Any, assignment: str) -> bool:
    """Return whether a bonus has been paid for an assignment."""
    return bool(_call(client.list_bonus_payments, AssignmentId=assignment)["BonusPayments"])


def approve_assignment(client: Any, assignment: str) -> None:
    """Approve an assignment, which pays its reward."""
    _call(client.approve_assignment, AssignmentId=assignment)


def reject_assignment(client: Any, assignment: str, reason: str) -> None:
    """Reject an assignment; MTurk shows the worker the reason."""
    _call(client.reject_assignment, AssignmentId=assignment, RequesterFeedback=reason)


def pay_bonus(client: Any, worker: str, assignment: str, amount: str, reason: str) -> None:
    """Pay a bonus, at most one per assignment even if the request is repeated.

    amount: in US dollars, such as "1.50".
    """
    _call(
        client.send_bonus,
        WorkerId=worker,
        AssignmentId=assignment,
        BonusAmount=amount,
        Reason=reason,
        UniqueRequestToken=f"bonus-{assignment}"[:64],
    )


def _call(operation: Callable[..., Any], **values: Any) -> Any:
    """Call an operation of the client; raise StudyError in one line if it fails."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return operation(**values)
    except (BotoCoreError, ClientError) as error:
        raise StudyError(f"MTurk: {error}") from error
