"""While a study is blinded, no page reveals what a live participant saw in a trial."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, update

from study_server.participants.participation import store_comment
from study_server.settings import Settings
from study_server.storage.engine import write_transaction
from study_server.storage.models import Participant, Stimulus, Trial
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, StudyState
from tests.apps import open_app
from tests.conftest import SECRET, short_protocol, write_stimuli
from tests.imported_studies import open_study
from tests.study_server.monitoring.people import take_part
from tests.study_server.views.researcher.test_people import STUDY

METHODS = ("zebra", "quokka")
SWAPS = [("zebra", "quokka"), ("zebra", "real")]
PROTOCOLS = [
    {"assignment": "between"},
    {"assignment": "within"},
    {"assignment": "within", "presentation": "single"},
    {"assignment": "between", "presentation": "single"},
    {"assignment": "within", "task": "preference", "practice": 0},
]

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.parametrize("changes", PROTOCOLS, ids=str),
]


@pytest.fixture(scope="module")
def animals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a manifest of two methods whose names occur nowhere else."""
    folder = tmp_path_factory.mktemp("animals")
    return write_stimuli(folder, images=12, methods=("real", *METHODS, "foil"))


@pytest.fixture
def app(
    engine: Engine, database_url: str, tmp_path: Path, animals: Path, changes: dict[str, Any]
) -> Flask:
    """Return the server with a blinded study that three live participants have answered."""
    protocol = short_protocol(methods=METHODS, **changes)
    open_study(engine, protocol, animals, tmp_path / "instance")
    with write_transaction(engine) as db:
        study = find_study(db, "short")
        for name in "abc":
            store_comment(take_part(db, study, name, trials=5), "Hard to see.")
    settings = Settings(
        database_url=database_url, instance_folder=tmp_path / "instance", secret_key=SECRET
    )
    return open_app(settings, engine)


def list_addresses(app: Flask) -> Iterator[str]:
    """Yield the addresses of the pages that show live participants or count their trials."""
    yield from ("/researcher", STUDY, f"{STUDY}/progress", f"{STUDY}/comments", f"{STUDY}/recruit")
    yield from (f"{STUDY}/participants", f"{STUDY}/participants?sort=-trials&flag=none")
    with write_transaction(app.extensions["engine"]) as db:
        names = db.scalars(select(Participant.public_id).where(Participant.mode == Mode.LIVE))
        yield from [f"{STUDY}/participants/{name}" for name in sorted(names)]


def read_pages(app: Flask, client: FlaskClient) -> dict[str, str]:
    """Return the pages without the quota of each method, form tokens and the time of day."""
    pages = {}
    for address in list_addresses(app):
        reply = client.get(address)
        assert reply.status_code == 200, address
        text = re.sub(r"<h3>Quota per method</h3>.*?<h3>", "<h3>", reply.text, flags=re.S)
        text = re.sub(r'name="csrf_token" value="[^"]+"', "", text)
        text = re.sub(r"As of \d\d:\d\d:\d\d|to \d\d [A-Z].{20,26} UTC", "", text)
        pages[address] = re.sub(r"<svg class=\"chart-area\".*?</figure>", "", text, flags=re.S)
    return pages


def test_no_page_names_a_method_an_image_or_a_key_of_a_trial(
    app: Flask, client: FlaskClient
) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        secrets = [*METHODS, "foil", "photo-", *db.scalars(select(Trial.token))]
        secrets += db.scalars(select(Stimulus.file))
        secrets += db.scalars(select(Participant.token))
    for address, text in read_pages(app, client).items():
        assert [secret for secret in secrets if secret in text] == [], address
        assert "truth</th>" not in text, address


@pytest.mark.slow(0.8)
@pytest.mark.parametrize("swap", SWAPS, ids=str)
def test_pages_do_not_change_with_the_methods_of_the_images(
    swap: tuple[str, str], app: Flask, client: FlaskClient
) -> None:
    before = read_pages(app, client)
    one, other = swap
    with write_transaction(app.extensions["engine"]) as db:
        for old, new in ((one, "neither"), (other, one), ("neither", other)):
            db.execute(update(Stimulus).where(Stimulus.method == old).values(method=new))
        assigned = Participant.assigned_method
        if one in METHODS and other in METHODS:
            everyone = db.scalars(select(Participant).where(assigned.is_not(None)))
            for person in everyone:
                person.assigned_method = other if person.assigned_method == one else one
    assert read_pages(app, client) == before


def test_closing_the_study_shows_the_methods(app: Flask, client: FlaskClient) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        find_study(db, "short").state = StudyState.CLOSED
    shown = [
        text for address, text in read_pages(app, client).items() if "/participants/" in address
    ]
    assert all(re.search("zebra|quokka", text) for text in shown)
