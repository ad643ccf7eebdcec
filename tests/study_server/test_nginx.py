"""docs/nginx.conf with Debian's nginx: it sends the stimuli, and no header tells them apart."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest
from flask import Flask

from study_server.app import create_app
from tests.faults.servers import Server, started
from tests.nginx import NEEDS_NGINX, nginx, site_configuration, wait_for
from tests.ports import free_port
from tests.study_server.browsing import consent

pytestmark = [
    pytest.mark.nginx,
    NEEDS_NGINX,
    pytest.mark.slow(8),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@dataclass(frozen=True)
class Site:
    """A study behind nginx."""

    port: int
    app: Flask

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", path, headers=named)
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}, content

    def post(self, path: str, body: bytes) -> int:
        """Return the status of the reply, which nginx may send before it has read the body."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        with suppress(ConnectionError):
            connection.request("POST", path, body)
        status = connection.getresponse().status
        connection.close()
        return status


@pytest.fixture
def site(app: Flask, tmp_path: Path) -> Iterator[Site]:
    settings = app.extensions["settings"].model_copy(
        update={"x_accel_prefix": "/stimuli", "trusted_proxies": 1}
    )
    behind = create_app(settings, app.extensions["engine"])
    url = app.extensions["engine"].url.render_as_string(hide_password=False)
    server = Server(
        tmp_path, url, settings={"STUDY_X_ACCEL": "/stimuli", "STUDY_TRUSTED_PROXIES": "1"}
    )
    with started(server):
        port = free_port()
        with nginx(tmp_path, site_configuration(tmp_path, port, server.port)):
            wait_for(port)
            yield Site(port, behind)


def test_nginx_sends_both_images_of_a_pair_with_the_same_headers(
    site: Site, tmp_path: Path
) -> None:
    base = consent(site.app.test_client())
    trials = site.app.test_client().get(f"{base}/trials").get_json()["trials"]
    stored = {file.read_bytes() for file in (tmp_path / "instance").rglob("*.png")}
    for trial in trials:
        (left, right) = (site.get(image["image"]) for image in trial["slots"])
        for status, headers, content in (left, right):
            assert (status, headers["content-type"]) == (200, "image/png")
            assert content in stored
            assert headers["cache-control"] == "private, no-store"
            assert headers["x-content-type-options"] == "nosniff"
            telling = {"etag", "last-modified", "accept-ranges", "x-accel-redirect", "set-cookie"}
            assert not telling & set(headers)
        assert left[2] != right[2]
        assert left[1] | {"date": ""} == right[1] | {"date": ""}


def test_nginx_gives_no_part_and_says_never_unchanged(site: Site) -> None:
    base = consent(site.app.test_client())
    (trial, *_) = site.app.test_client().get(f"{base}/trials").get_json()["trials"]
    url = trial["slots"][0]["image"]
    whole = site.get(url)
    for asked in (
        {"Range": "bytes=0-9"},
        {"If_Modified_Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
        {"If_None_Match": '"x"'},
    ):
        assert site.get(url, **asked)[::2] == whole[::2]


def test_nginx_does_not_serve_stimuli_by_file_name(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "instance" / "stimuli"
    (file, *_) = folder.rglob("*.png")
    name = file.relative_to(folder)
    for path in (f"/stimuli/{name}", f"/stimuli/../stimuli/{name}", f"//stimuli/{name}"):
        assert site.get(path)[0] == 404
    assert site.get("/stimuli../study.sqlite")[0] == 404
    assert site.get("/stimuli/../../study.sqlite")[0] in (400, 404)


def test_a_large_body_passes_at_the_address_of_uploads_only(site: Site) -> None:
    study, body = "/researcher/studies/short", bytes(3_000_000)
    assert site.post(f"{study}/stimuli/upload", body) == 302  # to the sign-in page
    assert site.post(f"{study}/pay", body) == 413


def test_an_answered_trial_has_no_images_behind_nginx_either(site: Site) -> None:
    client = site.app.test_client()
    base = consent(client)
    (trial, *_) = client.get(f"{base}/trials").get_json()["trials"]
    shown = {"answer": {"choice": 0}, "rt_ms": 640, "first_ms": 100.5, "second_ms": 99.5}
    client.post(f"{base}/trials/{trial['token']}/response", json=shown)
    assert site.get(trial["slots"][0]["image"])[0] == 410
