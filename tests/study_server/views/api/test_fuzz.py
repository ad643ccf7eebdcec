"""Fuzz tests of the trial API over HTTP, with valid and invalid requests from its description."""

import json
from typing import Any
from urllib.request import Request, urlopen

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conftest import LiveStudy
from tests.study_server.api_operations import list_operations

pytestmark = pytest.mark.slow(12)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def take_part(study: LiveStudy) -> str:
    """Enroll a participant and return the token."""
    api = f"{study.address}/api/v1/studies/{study.slug}"
    consent = ask(Request(api))["texts"]["en"]["consent_version"]
    body = {"consent": True, "consent_version": consent, "language": "en"}
    headers = {"Content-Type": "application/json"}
    enrolled = ask(Request(f"{api}/participants", json.dumps(body).encode(), headers))
    return str(enrolled["token"])


def ask(request: Request) -> dict[str, Any]:
    with urlopen(request, timeout=10) as reply:
        return dict(json.load(reply))


def next_trial(study: LiveStudy, headers: dict[str, str]) -> str:
    """Return the token of the next trial, or "over" if all are answered."""
    trials = ask(Request(f"{study.address}/api/v1/trials", headers=headers))["trials"]
    return str(trials[0]["token"]) if trials else "over"


@pytest.mark.parametrize(("method", "path"), list_operations())
def test_no_request_breaks_the_server_or_its_description(
    method: str, path: str, live_study: LiveStudy
) -> None:
    description = ask(Request(f"{live_study.address}/api/v1/openapi.json"))
    operation = schemathesis.openapi.from_dict(description)[path][method.upper()]
    headers = {"Authorization": f"Bearer {take_part(live_study)}"}
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode))

    @settings(
        max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(case=cases, known=st.booleans())
    def probe(case: Any, known: bool) -> None:
        if known and "slug" in case.path_parameters:
            case.path_parameters["slug"] = live_study.slug
        if known and "trial_token" in case.path_parameters:
            case.path_parameters["trial_token"] = next_trial(live_study, headers)
        case.call_and_validate(base_url=live_study.address, headers=headers, checks=CHECKS)

    probe()
