"""A study below a path of another site, behind nginx as the documentation configures it."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from study_server.recruitment.arrival import prolific_completion_code
from study_server.storage.engine import read_session, write_transaction
from study_server.studies import researchers
from study_server.studies.lookup import count_by_outcome, find_study
from study_server.vocabulary import Outcome
from tests.browser.test_participant import finish_by_keyboard
from tests.conftest import short_protocol
from tests.databases import open_prepared
from tests.faults.servers import Server, started
from tests.imported_studies import open_study
from tests.nginx import NEEDS_NGINX, nginx, path_configuration, wait_for
from tests.ports import free_port

pytestmark = [pytest.mark.nginx, pytest.mark.slow(25), NEEDS_NGINX]
PASSWORD = "a long enough password"
ARRIVAL = "?PROLIFIC_PID=p1&STUDY_ID=s1&SESSION_ID=e1"


def test_a_study_is_answered_from_consent_to_completion_code(
    page: Page, tmp_path: Path, manifest: Path
) -> None:
    url, port = f"sqlite:///{tmp_path / 'study.sqlite'}", free_port()
    engine = open_prepared(url)
    open_study(engine, short_protocol(), manifest, tmp_path / "instance")
    with write_transaction(engine) as db:
        researchers.add_researcher(db, "ada", researchers.hash_password(PASSWORD))
    site = f"http://127.0.0.1:{port}/study"
    settings = {
        "STUDY_PUBLIC_URL": site,
        "STUDY_TRUSTED_PROXIES": "1",
        "STUDY_X_ACCEL": "/study-stimuli",
    }
    server = Server(tmp_path, url, settings=settings)
    failed: list[str] = []
    page.on("response", lambda reply: failed.append(reply.url) if reply.status >= 400 else None)
    with started(server), nginx(tmp_path, path_configuration(tmp_path, port, server.port)):
        wait_for(port, "/study/healthz")
        page.goto(f"{site}/s/short{ARRIVAL}")
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Take part").click()
        page.get_by_role("button", name="Start practice").click()
        finish_by_keyboard(page)
        with read_session(engine) as db:
            study = find_study(db, "short")
            code = prolific_completion_code(db, study, Outcome.COMPLETE)
            assert count_by_outcome(db, study)["complete"] == 1
        assert code in page.content()
        paths = {cookie["path"] for cookie in page.context.cookies()}
        assert paths == {"/study"}
        page.goto(f"{site}/s/short{ARRIVAL}")  # back to the final page
        assert "/study/p/" in page.url
        assert page.url.endswith("/debrief")
        _sign_in(page, site)
        page.get_by_role("link", name="Participants", exact=True).click()
        assert page.url == f"{site}/researcher/studies/short/participants"
    engine.dispose()
    assert failed == []


def _sign_in(page: Page, site: str) -> None:
    page.goto(f"{site}/researcher")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{site}/researcher/studies/short/recruit")
    assert f"{site}/s/short?PROLIFIC_PID" in page.content()
