"""Prolific's API: list submissions, approve, ask for a return, pay a bonus.

Source: https://docs.prolific.com/api-reference, v1, read in 2026. Only `study reconcile` and
`study pay` use the API; running a study does not need it.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from study_server.errors import StudyError
from study_server.recruitment.platforms import Submission, SubmissionStatus, parse_submission
from study_server.vocabulary import RecruitmentSource

API_URL = "https://api.prolific.com/api/v1"
TIMEOUT_S = 30.0
MAX_TRIES = 4  # when Prolific asks for a later request
MAX_WAIT_S = 60.0


@dataclass(frozen=True)
class ProlificClient:
    """The requests that one account makes, identified by its API token."""

    token: str
    api_url: str = API_URL
    timeout_s: float = TIMEOUT_S
    sleep: Callable[[float], None] = time.sleep

    def list_submissions(self, study: str) -> list[Submission]:
        """Return every submission of a Prolific study, from all pages."""
        return [_to_submission(one) for one in self._submissions(study)]

    def list_submissions_with_bonus(self, study: str) -> set[str]:
        """Return the ids of the submissions for which a bonus has been paid."""
        return {one["id"] for one in self._submissions(study) if one.get("bonus_payments")}

    def _submissions(self, study: str) -> list[dict[str, Any]]:
        submissions: list[dict[str, Any]] = []
        url: str | None = f"{self.api_url}/studies/{study}/submissions/"
        while url:
            page = self._ask("GET", url)
            submissions += page["results"]
            url = ((page.get("_links") or {}).get("next") or {}).get("href")
        return submissions

    def find_status(self, submission: str) -> SubmissionStatus:
        """Return the status of a submission; `returned` if its return was requested."""
        state = self._ask("GET", f"/submissions/{submission}/")
        status = _to_submission(state).status
        if status is SubmissionStatus.SUBMITTED and state.get("return_requested"):
            return SubmissionStatus.RETURNED
        return status

    def approve_submission(self, submission: str) -> None:
        """Approve a submission, which pays the study's reward."""
        self._ask("POST", f"/submissions/{submission}/transition/", {"action": "APPROVE"})

    def request_return(self, submission: str, reason: str) -> None:
        """Ask the participant to return a submission; Prolific sends them the reason."""
        body = {"request_return_reasons": [reason]}
        self._ask("POST", f"/submissions/{submission}/request-return/", body)

    def pay_bonuses(self, study: str, amounts: Mapping[str, str]) -> None:
        """Pay bonuses; the request is never repeated automatically.

        amounts: amount by submission id, in the study's currency, such as "1.50".
        """
        lines = "\n".join(f"{submission},{amount}" for submission, amount in amounts.items())
        body = {"study_id": study, "csv_bonuses": lines}
        prepared = self._ask("POST", "/submissions/bonus-payments/", body)
        self._ask("POST", f"/bulk-bonus-payments/{prepared['id']}/pay/", {})

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        """Send a request and return its JSON reply; raises StudyError."""
        url = httpx.URL(path if path.startswith("http") else self.api_url + path)
        if url.netloc != httpx.URL(self.api_url).netloc:
            raise StudyError(
                f"Prolific's list continues at {url}, which is not Prolific; stopped so that the "
                "token is not sent there"
            )
        request_text = f"{method} {url.path}"
        for tries_left in reversed(range(MAX_TRIES)):
            reply = self._send(method, url, body, request_text)
            if reply.status_code == 429 and tries_left:
                self.sleep(_retry_delay_s(reply))
                continue
            if not reply.is_success:
                raise StudyError(f"{_describe_error(reply)} to {request_text}")
            try:
                return reply.json() if reply.content else {}
            except ValueError as error:
                raise StudyError(f"Prolific's reply to {request_text} is not valid JSON") from error
        raise AssertionError("the last try returns or raises")

    def _send(
        self, method: str, url: httpx.URL, body: Mapping[str, object] | None, request_text: str
    ) -> httpx.Response:
        headers = {"Authorization": f"Token {self.token}"}
        try:
            return httpx.request(method, url, json=body, headers=headers, timeout=self.timeout_s)
        except httpx.TransportError as error:
            raise StudyError(
                f"no reply from Prolific to {request_text}: {error}; check on Prolific whether it "
                "was carried out before you try again"
            ) from error


def _retry_delay_s(reply: httpx.Response) -> float:
    """Return the seconds that Prolific asks to wait."""
    retry_after = reply.headers.get("Retry-After", "")
    return min(float(retry_after), MAX_WAIT_S) if retry_after.isdigit() else 5.0


def _describe_error(reply: httpx.Response) -> str:
    """Return the HTTP status, Prolific's own explanation and what to do."""
    try:
        error = reply.json()["error"]
        detail = error.get("detail") or error.get("title") if isinstance(error, dict) else error
    except (ValueError, KeyError, TypeError):
        detail = reply.reason_phrase
    remedies = {
        401: "; check PROLIFIC_TOKEN",
        403: "; PROLIFIC_TOKEN does not have permission for this",
        404: "; check the ID",
        429: "; too many requests: try again in a few minutes",
    }
    return f"Prolific returned {reply.status_code}: {detail}{remedies.get(reply.status_code, '')}"


def _to_submission(submission: Mapping[str, Any]) -> Submission:
    row = {
        "participant id": submission.get("participant_id") or submission.get("participant") or "",
        "submission id": submission["id"],
        "status": submission["status"],
        "completion code": submission.get("study_code") or submission.get("entered_code") or "",
    }
    return parse_submission(
        RecruitmentSource.PROLIFIC, row, f"Prolific's submission {submission['id']}"
    )


def connect() -> ProlificClient:
    """Return a client with the token in PROLIFIC_TOKEN; raise StudyError if it is not set."""
    token = os.environ.get("PROLIFIC_TOKEN", "")
    if not token:
        raise StudyError("set PROLIFIC_TOKEN to a token from Prolific (Settings, Go to API tokens)")
    return ProlificClient(token=token)
