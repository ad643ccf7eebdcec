"""A study below a path: every address that the server writes begins with the path."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from study_server.app import create_app
from tests.study_server.browsing import consent

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SITE = "http://localhost/study"
ADDRESS_PATTERN = re.compile(r'(?:href|src|action|data-[a-z-]*url|data-source)="(/[^"]*)"')


@pytest.fixture
def below(app: Flask) -> FlaskClient:
    """A client of the server below /study, whose proxy passes the whole path on."""
    settings = app.extensions["settings"].model_copy(update={"public_url": SITE})
    return create_app(settings, app.extensions["engine"]).test_client()


@pytest.mark.parametrize("path", ["/", "/s/short", "/researcher/login", "/nowhere"])
def test_every_address_of_a_page_begins_with_the_path(path: str, below: FlaskClient) -> None:
    page = below.get(f"/study{path}").text
    addresses = ADDRESS_PATTERN.findall(page)
    assert addresses
    assert [address for address in addresses if not address.startswith("/study/")] == []


def test_redirects_images_and_player_are_below_the_path(below: FlaskClient) -> None:
    base = consent(below, "/study/s/short")
    assert base.startswith("/study/p/")
    player = below.get(base).text
    addresses = ADDRESS_PATTERN.findall(player)
    assert f"{base}/debrief" in player
    assert [address for address in addresses if not address.startswith("/study/")] == []
    (trial, *_) = below.get(f"{base}/trials").get_json()["trials"]
    for slot in trial["slots"]:
        assert slot["image"].startswith(f"{base}/")
        assert below.get(slot["image"]).status_code == 200
    login = below.get("/study/researcher")
    assert login.location == "/study/researcher/login"


def test_cookies_belong_to_the_path_only(below: FlaskClient) -> None:
    assert "Path=/study" in below.get("/study/s/short").headers["Set-Cookie"].split("; ")


def test_a_proxy_may_remove_the_path(below: FlaskClient) -> None:
    page = below.get("/s/short")
    assert page.status_code == 200
    assert 'action="/study/s/short' in page.text
    assert below.get("/healthz").status_code == 200


def test_the_description_of_the_api_names_the_path(below: FlaskClient) -> None:
    assert below.get("/study/api/v1/openapi.json").get_json()["servers"] == [{"url": "/study"}]
