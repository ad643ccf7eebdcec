"""Tests of the page for a new study, and of the pages of a study without stimuli."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from study_server.cli import commands
from study_server.errors import StudyError
from study_server.protocol.presets import PRESETS
from study_server.storage.engine import read_session
from study_server.studies.action_log import list_actions
from study_server.studies.lookup import find_study
from study_server.vocabulary import StudyState
from tests.study_server.browsing import csrf_token, words

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def create(client: FlaskClient, **values: str | list[str]) -> TestResponse:
    form: dict[str, str | list[str]] = {"preset": "within", "languages": ["en"], **values}
    form["csrf_token"] = csrf_token(client.get("/researcher/new"))
    return client.post("/researcher/new", data=form)


def test_every_preset_has_a_card_with_a_drawing_and_its_source(client: FlaskClient) -> None:
    assert 'href="/researcher/new"' in client.get("/researcher").text
    page = client.get("/researcher/new").text
    assert page.count('<svg class="timeline"') == len(PRESETS)
    assert page.count("Used by: ") == len(PRESETS)
    assert "A trial: blank, 900 ms; one image, 1000 ms; blank, 600 ms; one image, 1000 ms" in page
    assert "4 images, until answer" in page
    assert 'value="within" required checked' in page


def test_a_study_is_created_without_stimuli_and_logged(client: FlaskClient, app: Flask) -> None:
    reply = create(client, title="Faces & foes", slug="")
    assert (reply.status_code, reply.location) == (303, "/researcher/studies/faces-foes/stimuli")
    page = client.get(reply.location).text
    assert "The study was created" in page
    assert "no stimuli yet" in page
    with read_session(app.extensions["engine"]) as db:
        assert find_study(db, "faces-foes").state is StudyState.DRAFT
        assert list_actions(db)[0].action == "created the study from preset within"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"slug": "short"}, "a study &#39;short&#39; already exists; choose another slug."),
        ({"slug": "Not this"}, "slug"),
        ({"preset": "none"}, "&#39;none&#39; is not a preset"),
        ({"languages": []}, "languages"),
        ({"title": "x" * 300}, "title"),
    ],
)
def test_a_mistake_is_named_and_what_was_typed_is_kept(
    values: dict[str, str | list[str]], message: str, client: FlaskClient
) -> None:
    reply = create(client, **({"title": "My title", "slug": "mine"} | values))
    assert reply.status_code == 400
    assert message in reply.text
    assert "My title" in reply.text or "title" in values
    assert client.get("/researcher/studies/mine").status_code == 404


@pytest.fixture
def empty(client: FlaskClient) -> FlaskClient:
    assert create(client, title="Empty", slug="empty").status_code == 303
    return client


def test_nobody_can_take_part_in_a_study_without_stimuli(empty: FlaskClient) -> None:
    visit = empty.get("/s/empty")
    assert (visit.status_code, "This study isn’t open yet." in visit.text) == (403, True)
    preview = empty.get("/researcher/studies/empty/preview")
    assert preview.location == "/researcher/studies/empty/stimuli"
    assert "has no stimuli yet, so it cannot be previewed" in empty.get(preview.location).text


def test_an_invitation_to_a_preview_says_that_there_are_no_images(
    empty: FlaskClient, app: Flask
) -> None:
    from study_server.recruitment.invitations import create_invitation
    from study_server.vocabulary import Mode

    token = create_invitation(app.config["SECRET_KEY"], "empty", Mode.PREVIEW, "x")
    visit = empty.get(f"/s/empty?invitation={token}")
    assert (visit.status_code, "This study has no images yet." in visit.text) == (403, True)
    posted = empty.post(f"/s/empty?invitation={token}", data={"consent": "yes"})
    assert (posted.status_code, "This study has no images yet." in posted.text) == (403, True)
    version = empty.get("/api/v1/studies/empty").get_json()["texts"]["en"]["consent_version"]
    body = {"consent": True, "consent_version": version, "language": "en", "invitation": token}
    enrolled = empty.post("/api/v1/studies/empty/participants", json=body)
    assert enrolled.status_code == 403
    assert enrolled.get_json() == {"error": "the study has no images yet"}


def test_every_page_and_file_of_a_study_without_stimuli_can_be_opened(
    empty: FlaskClient, app: Flask
) -> None:
    page = empty.get("/researcher/studies/empty")
    assert page.status_code == 200
    assert "Next: Stimuli. Upload the photographs and the fakes." in words(page)
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/researcher/studies/<slug>") and "GET" in (rule.methods or ()):
            values = {"slug": "empty", "name": "responses.csv", "kind": "import", "number": 1}
            with app.test_request_context():
                arguments = {name: values.get(name, "none") for name in rule.arguments}
                address = app.url_map.bind("localhost").build(rule.endpoint, arguments)
            reply = empty.get(address)
            reply.close()
            assert reply.status_code in (200, 303, 404), address


def test_opening_a_study_without_stimuli_is_refused(empty: FlaskClient) -> None:
    token = csrf_token(empty.get("/researcher/studies/empty"))
    form = {"csrf_token": token, "state": "open"}
    reply = empty.post("/researcher/studies/empty/recruit/state", data=form)
    assert reply.status_code == 409
    assert "has no stimuli yet; upload them on its page" in reply.text


@pytest.mark.parametrize(
    "command", [["simulate", "3"], ["freeze"], ["open"], ["export"], ["check"], ["preview"]]
)
def test_every_command_says_that_there_are_no_stimuli(
    command: list[str],
    empty: FlaskClient,
    app: Flask,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STUDY_DATABASE_URL", database_url)
    monkeypatch.setenv("STUDY_SECRET_KEY", app.config["SECRET_KEY"])
    monkeypatch.chdir(tmp_path)
    name, *rest = command
    result = CliRunner().invoke(commands, [name, "empty", *rest])
    assert isinstance(result.exception, StudyError)
    assert str(result.exception).startswith("study 'empty' has no stimuli yet; upload them")
    assert not list(tmp_path.glob("design*"))


def test_the_status_says_that_there_are_no_stimuli(
    empty: FlaskClient, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDY_DATABASE_URL", database_url)
    result = CliRunner().invoke(commands, ["status", "empty"])
    assert result.output == "empty: draft; no stimuli yet; 0 responses\n"
    assert CliRunner().invoke(commands, ["status", "empty", "--json"]).exit_code == 0
