"""Tests of the page from which a study is opened and people are recruited."""

import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from study_server.export.rows import list_changes
from study_server.recruitment.arrival import prolific_completion_code
from study_server.recruitment.invitations import read_invitation
from study_server.storage.engine import read_session, write_transaction
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, Outcome, StudyState
from tests.study_server.browsing import post_form, words

# One database is enough: the services are tested on both, and views only call services.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

RECRUIT = "/researcher/studies/short/recruit"


def post(client: FlaskClient, address: str, **form: str) -> TestResponse:
    return post_form(client, RECRUIT, f"{RECRUIT}{address}", **form)


def state(app: Flask) -> StudyState:
    with write_transaction(app.extensions["engine"]) as db:
        return find_study(db, "short").state


def test_the_page_shows_the_links_and_codes_for_platforms(
    client: FlaskClient, frozen: Flask
) -> None:
    page = unescape(client.get(RECRUIT).text)
    assert "http://localhost/s/short?PROLIFIC_PID={{%PROLIFIC_PID%}}&" in page
    assert "http://localhost/s/short?survey_code=%SURVEY_CODE%" in page
    assert "<ExternalURL>http://localhost/s/short</ExternalURL>" in page
    with write_transaction(frozen.extensions["engine"]) as db:
        code = prolific_completion_code(db, find_study(db, "short"), Outcome.COMPLETE)
    assert f'value="{code}"' in page


def test_a_study_is_paused_closed_and_opened_by_buttons(client: FlaskClient, frozen: Flask) -> None:
    for wanted in (StudyState.PAUSED, StudyState.CLOSED, StudyState.OPEN):
        assert post(client, "/state", state=wanted).location == RECRUIT
        assert state(frozen) is wanted
    assert post(client, "/state", state="draft").status_code == 400


def test_reopening_a_closed_study_is_announced_before_it_is_logged(
    client: FlaskClient, frozen: Flask
) -> None:
    assert "Reopen the study" not in client.get(RECRUIT).text
    post(client, "/state", state="closed")
    page = client.get(RECRUIT).text
    assert "Reopening it is logged permanently as an early unblinding" in page
    assert page.count('name="state" value="open"') == 1
    post(client, "/state", state="open")
    assert "ada (reopened the study)" in client.get("/researcher/studies/short/data").text


def test_links_without_https_come_with_a_warning(client: FlaskClient, app: Flask) -> None:
    warning = "Platforms need links that begin with https"
    assert warning in client.get(RECRUIT).text
    app.extensions["settings"] = app.extensions["settings"].model_copy(
        update={"public_url": "https://study.example.org"}
    )
    assert warning not in client.get(RECRUIT).text


def test_a_study_cannot_be_opened_before_it_is_frozen(client: FlaskClient, app: Flask) -> None:
    post(client, "/state", state="paused")
    refused = post(client, "/state", state="open")
    assert refused.status_code == 409
    assert "run <code>study freeze short</code> first" in refused.text
    assert state(app) is StudyState.PAUSED


def test_other_sites_cannot_change_the_state(client: FlaskClient, app: Flask) -> None:
    assert client.post(f"{RECRUIT}/state", data={"state": "closed"}).status_code == 400
    assert client.post("/researcher/studies/short/files/responses.csv").status_code == 400
    assert state(app) is StudyState.OPEN


def test_the_number_at_which_enrollment_stops_is_changed_and_listed(
    client: FlaskClient, frozen: Flask
) -> None:
    page = words(client.get(RECRUIT))
    assert "1 of 2 places are taken" in page
    assert "The plan says 2." in page
    assert post(client, "/stop-at", stop_at="10").location == RECRUIT
    assert "Saved: enrollment stops at 10 participants" in client.get(RECRUIT).text
    assert post(client, "/stop-at", stop_at="").location == RECRUIT
    assert "There is no limit; 1 participant is complete" in words(client.get(RECRUIT))
    with read_session(frozen.extensions["engine"]) as db:
        changes = list_changes(db, find_study(db, "short"))
    assert [(one["by"], one["before"], one["after"]) for one in changes] == [
        ("ada", "2", "10"),
        ("ada", "10", ""),
    ]


@pytest.mark.parametrize(("number", "reason"), [("0", "use 1 or more"), ("x", "is not a number")])
def test_a_wrong_number_changes_nothing(
    number: str, reason: str, client: FlaskClient, frozen: Flask
) -> None:
    reply = post(client, "/stop-at", stop_at=number)
    assert (reply.status_code, reason in reply.text) == (409, True)
    assert "1 of 2 places are taken" in words(client.get(RECRUIT))


def test_the_codes_of_prolific_are_saved_together(client: FlaskClient, app: Flask) -> None:
    codes = {"complete": "C1", "screened_out": "C2", "timed_out": "C3"}
    assert post(client, "/codes", **codes).location == RECRUIT
    refused = post(client, "/codes", **codes | {"complete": "C9", "timed_out": "no code"})
    assert (refused.status_code, "is not OUTCOME=CODE" in refused.text) == (409, True)
    with read_session(app.extensions["engine"]) as db:
        study = find_study(db, "short")
        stored = {
            outcome: prolific_completion_code(db, study, Outcome(outcome)) for outcome in codes
        }
    assert stored == codes


def test_the_completion_url_of_sona_is_saved(client: FlaskClient) -> None:
    url = "https://x.sona-systems.com/webstudy_credit.aspx?experiment_id=1&credit_token=2"
    assert post(client, "/credit-url", credit_url=f"{url}&survey_code=XXXX").location == RECRUIT
    assert f"{url}&survey_code=XXXX" in unescape(client.get(RECRUIT).text)
    assert post(client, "/credit-url", credit_url="https://example.org").status_code == 409


def test_invitation_links_are_downloaded(client: FlaskClient, app: Flask) -> None:
    links = post(client, "/invitations", count="3").text.splitlines()
    tokens = [link.partition("?invitation=")[2] for link in links]
    invited = [read_invitation(app.config["SECRET_KEY"], "short", token) for token in tokens]
    assert len(set(invited)) == 3
    assert {found[0] for found in invited if found} == {Mode.LIVE}
    assert post(client, "/invitations", count="0").status_code == 409


def test_quotas_are_changed_while_the_study_runs_and_logged(
    client: FlaskClient, frozen: Flask
) -> None:
    assert post(client, "/quotas", prolific="20", link="1").location == RECRUIT
    page = client.get(RECRUIT)
    saved = "Saved: at most 1 participant from link; at most 20 participants from prolific"
    assert saved in words(page)
    assert re.search(r'name="prolific" type="number" min="0" value="20"', page.text)
    assert "Plain link or invitation 1 0 1 full" in words(page)
    assert post(client, "/quotas", prolific="many", link="").status_code == 409
    assert post(client, "/quotas", prolific="20", link="").location == RECRUIT
    log = words(client.get("/researcher/log"))
    assert "changed quotas: at most 1 participant from link" in log
    assert "changed quotas: no quota for link" in log


def test_the_link_for_participants_is_shown_while_the_study_is_open(
    client: FlaskClient, frozen: Flask
) -> None:
    link = "Participants take part at http://localhost/s/short . For now, these links only work"
    assert link in words(client.get(RECRUIT))
    post(client, "/state", state="paused")
    assert "Participants take part at" not in words(client.get(RECRUIT))
