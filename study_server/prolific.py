"""Prolific's API: list submissions, approve, ask for a return, pay a bonus.

Source: https://docs.prolific.com/api-reference, v1, read in 2026. Only these commands of `study`
use it; a study runs without.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from study_server.errors import StudyError
from study_server.platforms import Listed, read_row
from study_server.words import Source

ADDRESS = "https://api.prolific.com/api/v1"
PATIENCE_S = 30.0  # for an answer
TRIES = 4  # where Prolific asks to come again later
LONGEST_WAIT_S = 60.0


@dataclass(frozen=True)
class Prolific:
    """An account, by its token."""

    token: str
    address: str = ADDRESS
    patience_s: float = PATIENCE_S
    sleep: Callable[[float], None] = time.sleep

    def list_submissions(self, study: str) -> list[Listed]:
        """Every submission of a study there, from all pages."""
        return [_listed(one) for one in self._submissions(study)]

    def paid_bonuses(self, study: str) -> set[str]:
        """The submissions that have had a bonus."""
        return {one["id"] for one in self._submissions(study) if one.get("bonus_payments")}

    def _submissions(self, study: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        url: str | None = f"{self.address}/studies/{study}/submissions/"
        while url:
            page = self._ask("GET", url)
            found += page["results"]
            url = ((page.get("_links") or {}).get("next") or {}).get("href")
        return found

    def approve(self, submission: str) -> None:
        """Pay the study's reward."""
        self._ask("POST", f"/submissions/{submission}/transition/", {"action": "APPROVE"})

    def request_return(self, submission: str, reason: str) -> None:
        """Ask the participant to return it; they get a message with the reason."""
        body = {"request_return_reasons": [reason]}
        self._ask("POST", f"/submissions/{submission}/request-return/", body)

    def pay_bonuses(self, study: str, amounts: Mapping[str, str]) -> None:
        """amounts: by submission, in the study's currency: "1.50". Never sent twice by itself."""
        lines = "\n".join(f"{submission},{amount}" for submission, amount in amounts.items())
        body = {"study_id": study, "csv_bonuses": lines}
        prepared = self._ask("POST", "/submissions/bonus-payments/", body)
        self._ask("POST", f"/bulk-bonus-payments/{prepared['id']}/pay/", {})

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        """The answer as JSON; raises StudyError in one line."""
        url = path if path.startswith("http") else self.address + path
        if urlsplit(url).netloc != urlsplit(self.address).netloc:
            raise StudyError(f"Prolific's list goes on at {url}, which must not get the token")
        content = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        request = Request(url, content, headers, method=method)
        what = f"{method} {urlsplit(url).path}"
        for left in reversed(range(TRIES)):
            try:
                with urlopen(request, timeout=self.patience_s) as answer:
                    return json.loads(answer.read() or b"{}")
            except HTTPError as error:
                with error:
                    if error.code != 429 or not left:
                        raise StudyError(f"{_explain(error)} to {what}") from error
                    self.sleep(_pause(error))
            except (URLError, TimeoutError, ConnectionError) as error:
                raise StudyError(
                    f"no answer from Prolific to {what}: {getattr(error, 'reason', error)}; look "
                    "there whether it was done before you try again"
                ) from error
            except ValueError as error:
                raise StudyError(f"Prolific's answer to {what} is no JSON") from error
        raise AssertionError("the last try returns or raises")


def _pause(error: HTTPError) -> float:
    """Seconds to wait, as Prolific asks."""
    asked = error.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_WAIT_S) if asked.isdigit() else 5.0


def _explain(error: HTTPError) -> str:
    """HTTP status, what Prolific says of it, and what to do."""
    try:
        told = json.loads(error.read())["error"]
        detail = told.get("detail") or told.get("title") if isinstance(told, dict) else told
    except (ValueError, KeyError, TypeError):
        detail = error.reason
    remedies = {
        401: "; PROLIFIC_TOKEN is not valid",
        403: "; PROLIFIC_TOKEN may not do that",
        404: "; check the id",
        429: "; it has had too many requests: try again in some minutes",
    }
    return f"Prolific answered {error.code}: {detail}{remedies.get(error.code, '')}"


def _listed(submission: Mapping[str, Any]) -> Listed:
    row = {
        "participant id": submission.get("participant_id") or submission.get("participant") or "",
        "submission id": submission["id"],
        "status": submission["status"],
        "completion code": submission.get("study_code") or submission.get("entered_code") or "",
    }
    return read_row(Source.PROLIFIC, row, f"Prolific's submission {submission['id']}")
