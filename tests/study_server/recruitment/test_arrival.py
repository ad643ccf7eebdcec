"""Arrival from each platform, and the completion at the end."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, text

from study_server.cli import commands
from study_server.clock import now
from study_server.participants.scoring import completion_code
from study_server.protocol.model import parse_stored_protocol
from study_server.recruitment.arrival import MTURK_FRAME_ORIGINS, prolific_completion_code
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Base, Participant
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, Outcome, RecruitmentSource, StudyState
from tests.conftest import SECRET
from tests.study_server.browsing import consent, csrf_token

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

WORKER = "5e9088a8a4b6ed018b45ba7b"
PROLIFIC = f"/s/short?PROLIFIC_PID={WORKER}&STUDY_ID=s1&SESSION_ID=x1"
SONA = "/s/short?survey_code=48113"
SUBMIT_TO = "https://workersandbox.mturk.com"
MTURK = f"/s/short?assignmentId=3ASSIGN&hitId=3HIT&workerId={WORKER}&turkSubmitTo={SUBMIT_TO}"
ENTRIES = {
    RecruitmentSource.PROLIFIC: PROLIFIC,
    RecruitmentSource.SONA: SONA,
    RecruitmentSource.MTURK: MTURK,
}
COMPLETE_URL = "https://school.sona-systems.com/webstudy_credit.aspx?experiment_id=1&credit_token=2"


@pytest.fixture
def engine_of(app: Flask) -> Engine:
    engine: Engine = app.extensions["engine"]
    return engine


def change_protocol(engine: Engine, **changes: object) -> None:
    with write_transaction(engine) as db:
        study = find_study(db, "short")
        study.protocol = (
            parse_stored_protocol(study.protocol).model_copy(update=changes).canonical_json()
        )


def end(engine: Engine, outcome: Outcome) -> str:
    """Give all participants an outcome; return the last one's completion code."""
    with write_transaction(engine) as db:
        for person in db.scalars(select(Participant)):
            person.outcome = outcome
            person.finished_at = now() if outcome is Outcome.COMPLETE else None
            code = completion_code(person) or ""
    return code


def begin(client: FlaskClient, base: str) -> None:
    """Start the first trial."""
    own = base.partition("?")[0]
    (trial, *_) = client.post(f"{own}/resume", json={}).get_json()["trials"]
    assert client.post(f"{own}/trials/{trial['token']}/start", json={}).status_code == 204


@pytest.mark.parametrize("source", ENTRIES)
def test_the_same_person_continues_in_the_same_browser_and_the_source_is_stored(
    source: RecruitmentSource, app: Flask, engine_of: Engine
) -> None:
    entry, browser = ENTRIES[source], app.test_client()
    base = consent(browser, entry)
    begin(browser, base)
    assert browser.get(entry).location.partition("?")[0] == base.partition("?")[0]
    end(engine_of, Outcome.COMPLETE)
    assert browser.get(entry).location.partition("?")[0] == base.partition("?")[0]
    with read_session(engine_of) as db:
        assert db.scalars(select(Participant.source)).all() == [source]
        assert db.scalars(select(Participant.mode)).all() == [Mode.LIVE]


def test_a_worker_returns_to_a_frame_without_cookies_by_the_assignment(app: Flask) -> None:
    base = app.test_client(use_cookies=False).post(MTURK, data={"consent": "yes"}).location
    begin(app.test_client(), base)
    again = app.test_client(use_cookies=False).get(MTURK)
    assert again.location.partition("?")[0] == base.partition("?")[0]
    other = app.test_client(use_cookies=False).get(MTURK.replace("3ASSIGN", "3OTHER"))
    assert (other.status_code, "started in another browser" in other.text) == (409, True)


@pytest.mark.parametrize("entry", [PROLIFIC, SONA])
def test_before_the_first_trial_people_can_move_to_another_device(entry: str, app: Flask) -> None:
    """The device that consented last is theirs."""
    phone, computer = app.test_client(), app.test_client()
    first = consent(phone, entry).partition("?")[0]
    assert "Take part" in computer.get(entry).text
    second = consent(computer, entry).partition("?")[0]
    assert computer.get(entry).location.partition("?")[0] == second != first
    assert (phone.get(first).status_code, computer.get(second).status_code) == (404, 200)
    with read_session(app.extensions["engine"]) as db:
        assert len(db.scalars(select(Participant)).all()) == 1
    begin(computer, second)
    assert phone.get(entry).status_code == 409


def test_the_researcher_can_send_a_personal_link(
    client: FlaskClient, app: Flask, engine_of: Engine, database_url: str
) -> None:
    base = consent(client, SONA)
    begin(client, base)
    url = f"{COMPLETE_URL}&survey_code=XXXX"
    study("recruit", "short", "sona", "--credit-url", url, url=database_url)
    output = study("personal-link", "short", "sona", "48113", url=database_url).output.strip()
    link = output.removeprefix("https://study.example.org")
    assert app.test_client().get(link).status_code == 200
    end(engine_of, Outcome.COMPLETE)
    assert way_out(debrief(app.test_client(), link)) == f"{COMPLETE_URL}&survey_code=48113"
    assert study("personal-link", "short", "sona", "1", url=database_url).exit_code != 0


@pytest.mark.parametrize("source", ENTRIES)
def test_no_raw_id_is_in_the_database(
    source: RecruitmentSource, app: Flask, engine_of: Engine
) -> None:
    consent(app.test_client(), ENTRIES[source])
    with engine_of.connect() as connection:
        for table in Base.metadata.sorted_tables:
            for row in connection.execute(text(f"SELECT * FROM {table.name}")):
                output = " ".join(map(str, row))
                assert not re.search(rf"{WORKER}|48113|3ASSIGN", output), table.name


def test_people_and_platforms_are_kept_apart(app: Flask, engine_of: Engine) -> None:
    browser = app.test_client()
    bases = {
        consent(browser, f"/s/short?{query}").partition("?")[0]
        for query in ("PROLIFIC_PID=a1", "PROLIFIC_PID=a2", "survey_code=a1")
    }
    assert len(bases) == 3


@pytest.mark.parametrize(
    "query",
    [
        "PROLIFIC_PID=%7B%7B%25PROLIFIC_PID%25%7D%7D", "PROLIFIC_PID=",
        "survey_code=%25SURVEY_CODE%25",
        f"assignmentId=a&turkSubmitTo={SUBMIT_TO}", "assignmentId=a&workerId=w",
        "assignmentId=a&workerId=w&turkSubmitTo=https://evil.example",
        "assignmentId=a&workerId=w&turkSubmitTo=https://www.mturk.com.evil.example",
    ],
)  # fmt: skip
def test_a_link_that_a_platform_did_not_fill_in_is_refused(query: str, client: FlaskClient) -> None:
    page = client.get(f"/s/short?{query}")
    assert page.status_code == 400
    assert "This link is incomplete" in page.text
    assert client.post(f"/s/short?{query}", data={"consent": "yes"}).status_code == 400


def test_a_preview_on_mturk_shows_the_consent_text_only(client: FlaskClient) -> None:
    entry = "/s/short?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId=3HIT"
    page = client.get(entry)
    assert "Accept the HIT" in page.text
    assert "<form" not in page.text
    assert client.post(entry, data={"consent": "yes"}).status_code == 400


def frames_and_forms(client: FlaskClient, address: str) -> tuple[str, str, str | None]:
    """Return (frame-ancestors, form-action, X-Frame-Options) of a page."""
    headers = client.get(address).headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";")
    )
    return policy["frame-ancestors"], policy["form-action"], headers.get("X-Frame-Options")


def test_only_mturk_may_frame_pages_and_only_the_last_page_posts_there(
    app: Flask, engine_of: Engine
) -> None:
    client = app.test_client(use_cookies=False)
    framed = " ".join(MTURK_FRAME_ORIGINS), "'self'", None
    closed = "'none'", "'self'", "DENY"
    assert frames_and_forms(client, MTURK) == framed
    answer = client.post(MTURK, data={"consent": "yes"})  # without a cookie: frames have none
    base = answer.location
    assert frames_and_forms(client, base) == framed
    own, _, query = base.partition("?")
    assert frames_and_forms(client, f"{own}/withdraw") == framed
    end(engine_of, Outcome.COMPLETE)
    submit = f"{SUBMIT_TO}/mturk/externalSubmit"
    debrief = f"{own}/debrief?{query}"
    assert frames_and_forms(client, debrief) == (framed[0], f"'self' {submit}", None)
    for source in (RecruitmentSource.PROLIFIC, RecruitmentSource.SONA):
        browser = app.test_client()
        base = consent(browser, ENTRIES[source])
        end(engine_of, Outcome.COMPLETE)
        own, _, query = base.partition("?")
        for address in (ENTRIES[source], base, f"{own}/debrief?{query}", "/", "/researcher/login"):
            assert frames_and_forms(browser, address) == closed


def test_a_cookie_alone_gives_no_consent(client: FlaskClient) -> None:
    """A cookie identifies participants who come by plain links, so the form needs a CSRF token."""
    client.get("/s/short")
    assert client.post("/s/short", data={"consent": "yes"}).status_code == 400


def debrief(client: FlaskClient, base: str) -> str:
    own, _, query = base.partition("?")
    return client.get(f"{own}/debrief?{query}").text


def way_out(page: str) -> str | None:
    found = re.search(r'id="redirect-target" href="([^"]*)"', page)
    return unescape(found[1]) if found else None


def test_prolific_gets_a_code_per_outcome_and_none_before(
    client: FlaskClient, engine_of: Engine
) -> None:
    base = consent(client, PROLIFIC)
    with read_session(engine_of) as db:
        study = find_study(db, "short")
        codes = {
            o: prolific_completion_code(db, study, o)
            for o in (Outcome.COMPLETE, Outcome.SCREENED_OUT)
        }
    assert len(set(codes.values())) == 2
    unfinished = client.get(base).text + client.get(f"{base}/debrief").text
    assert not any(code in unfinished for code in codes.values())
    for outcome, code in codes.items():
        end(engine_of, outcome)
        page = client.get(base, follow_redirects=True).text
        assert way_out(page) == f"https://app.prolific.com/submissions/complete?cc={code}"
        assert page.count(code) == 2
        assert not any(other in page for other in codes.values() if other != code)
    for outcome in (Outcome.RETURNED, Outcome.ABANDONED, Outcome.ACTIVE):
        end(engine_of, outcome)
        page = client.get(base, follow_redirects=True).text
        assert not any(code in page for code in codes.values())


def test_mturk_gets_its_assignment_back_by_a_form(app: Flask, engine_of: Engine) -> None:
    client = app.test_client(use_cookies=False)
    base = client.post(MTURK, data={"consent": "yes"}).location
    code = end(engine_of, Outcome.COMPLETE)
    page = debrief(client, base)
    assert f'action="{SUBMIT_TO}/mturk/externalSubmit"' in page
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    assert fields["assignmentId"] == "3ASSIGN"
    assert fields["code"] == code


def test_return_parameters_survive_a_look_at_the_withdrawal_page(
    app: Flask, engine_of: Engine
) -> None:
    client = app.test_client(use_cookies=False)
    player = client.get(client.post(MTURK, data={"consent": "yes"}).location).text
    (asked,) = set(re.findall(r'href="([^"]*/withdraw[^"]*)"', player))
    (back,) = re.findall(r'href="(/p/[^"]*)"', client.get(unescape(asked)).text)
    end(engine_of, Outcome.COMPLETE)
    page = client.get(unescape(back), follow_redirects=True).text
    assert f'action="{SUBMIT_TO}/mturk/externalSubmit"' in page


def test_return_parameters_cannot_be_forged_or_shared(app: Flask, engine_of: Engine) -> None:
    client = app.test_client(use_cookies=False)
    mine = client.post(MTURK, data={"consent": "yes"}).location
    other = client.post(MTURK.replace(WORKER, "another"), data={"consent": "yes"}).location
    end(engine_of, Outcome.COMPLETE)
    query = mine.partition("?")[2]
    assert "externalSubmit" in debrief(client, mine)
    for foreign in (f"{other.partition('?')[0]}?{query}", f"{mine}x", mine.partition("?")[0]):
        assert "externalSubmit" not in debrief(client, foreign)


def study(*arguments: str, url: str) -> Result:
    settings = {
        "STUDY_DATABASE_URL": url,
        "STUDY_SECRET_KEY": SECRET,
        "STUDY_PUBLIC_URL": "https://study.example.org",
    }
    return CliRunner().invoke(commands, list(arguments), env=settings)


def test_sona_grants_credit_when_complete_participants_return(
    client: FlaskClient, engine_of: Engine, database_url: str
) -> None:
    base = consent(client, SONA)
    end(engine_of, Outcome.COMPLETE)
    assert way_out(debrief(client, base)) is None  # nobody has output the address yet
    url = f"{COMPLETE_URL}&survey_code=XXXX"
    output = study("recruit", "short", "sona", "--credit-url", url, url=database_url)
    assert output.output == "https://study.example.org/s/short?survey_code=%SURVEY_CODE%\n"
    assert way_out(debrief(client, base)) == f"{COMPLETE_URL}&survey_code=48113"
    end(engine_of, Outcome.SCREENED_OUT)
    assert way_out(client.get(base).text) is None


@pytest.mark.parametrize(
    "option",
    [
        ("sona", "--credit-url", "http://school.sona-systems.com/?credit_token=2&survey_code=X"),
        ("sona", "--credit-url", "https://school.sona-systems.com/"),
        ("sona", "--code", "complete=ABC"),
        ("mturk", "--credit-url", f"{COMPLETE_URL}&survey_code=X"),
        ("prolific", "--code", "abandoned=ABC"),
        ("prolific", "--code", "complete=A C"),
    ],
)
def test_invalid_platform_options_are_refused(
    option: tuple[str, ...], app: Flask, database_url: str
) -> None:
    assert study("recruit", "short", *option, url=database_url).exit_code == 2


def test_prolifics_codes_replace_generated_ones(
    client: FlaskClient, engine_of: Engine, database_url: str
) -> None:
    made = study("recruit", "short", "prolific", url=database_url).output.splitlines()
    assert made[0] == (
        "https://study.example.org/s/short?PROLIFIC_PID={{%PROLIFIC_PID%}}"
        "&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}"
    )
    own = study("recruit", "short", "prolific", "--code", "complete=C1OWN", url=database_url)
    lines = own.output.splitlines()
    assert lines[1].split() == ["complete", "C1OWN"]
    assert lines[2:] == made[2:]
    base = consent(client, PROLIFIC)
    end(engine_of, Outcome.COMPLETE)
    assert (
        way_out(debrief(client, base)) == "https://app.prolific.com/submissions/complete?cc=C1OWN"
    )


def test_mturk_gets_a_question_that_frames_the_study(app: Flask, database_url: str) -> None:
    output = study("recruit", "short", "mturk", url=database_url).output
    assert "<ExternalURL>https://study.example.org/s/short</ExternalURL>" in output


@pytest.fixture
def invitations(app: Flask, database_url: str) -> list[str]:
    output = study("invite", "short", "3", url=database_url).output
    return [line.removeprefix("https://study.example.org") for line in output.splitlines()]


def test_an_invitation_is_for_one_participant_who_may_return(
    invitations: list[str], app: Flask, engine_of: Engine
) -> None:
    assert len(set(invitations)) == 3
    bases = [consent(app.test_client(), link) for link in invitations]
    assert len(set(bases)) == 3
    assert app.test_client().get(invitations[0]).location == bases[0]
    end(engine_of, Outcome.COMPLETE)
    again = app.test_client().get(invitations[0], follow_redirects=True).text
    assert "Thank you, you’re done" in again
    with read_session(engine_of) as db:
        assert db.scalars(select(Participant.mode)).all() == [Mode.LIVE] * 3


@pytest.mark.parametrize(
    ("entry", "plain", "platform", "invited"),
    [("open", 200, 200, 200), ("recruited", 403, 200, 200), ("invited", 403, 403, 200)],
)
def test_the_protocol_decides_which_links_admit(
    entry: str, plain: int, platform: int, invited: int,
    invitations: list[str], app: Flask, engine_of: Engine,
) -> None:  # fmt: skip
    change_protocol(engine_of, entry=entry)
    browser = app.test_client()
    pages = [browser.get(address) for address in ("/s/short", PROLIFIC, invitations[0])]
    assert [page.status_code for page in pages] == [plain, platform, invited]
    assert ("/s/short" in browser.get("/").text) == (entry == "open")
    for page, address in zip(pages, ("/s/short", PROLIFIC), strict=False):
        if page.status_code == 403:
            assert "by invitation" in page.text
            token = csrf_token(browser.get("/researcher/login"))
            form = {"csrf_token": token, "consent": "yes"}
            assert browser.post(address, data=form).status_code == 403


def test_the_api_admits_by_the_same_rules(
    invitations: list[str], client: FlaskClient, engine_of: Engine
) -> None:
    change_protocol(engine_of, entry="invited")
    version = client.get("/api/v1/studies/short").get_json()["texts"]["en"]["consent_version"]
    body = {"consent": True, "consent_version": version, "language": "en"}
    token = parse_qs(urlsplit(invitations[0]).query)["invitation"][0]
    answers = [
        client.post("/api/v1/studies/short/participants", json=body | how)
        for how in ({}, {"external_id": "worker-17"}, {"invitation": token})
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 201]


def test_an_invitation_waits_for_the_study_to_open(
    invitations: list[str], client: FlaskClient, engine_of: Engine
) -> None:
    with write_transaction(engine_of) as db:
        find_study(db, "short").state = StudyState.PAUSED
    assert client.get(invitations[0]).status_code == 403


def test_returned_participants_see_a_message_and_no_more_trials(
    client: FlaskClient, engine_of: Engine
) -> None:
    base = consent(client, PROLIFIC)
    end(engine_of, Outcome.RETURNED)
    assert "You returned this study" in client.get(base).text
    assert client.get(f"{base}/trials").json == {"answered": 0, "planned": 7, "trials": []}
