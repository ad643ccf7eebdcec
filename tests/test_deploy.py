"""Tests of the files for containers: they name what exists, and their web server accepts them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from study_server.app import create_app
from study_server.settings import PREFIX, Settings
from study_server.views.researcher.study.stimuli import FORM_BYTES
from study_server.web.bodies import MAX_TABLE_BYTES
from tests.buckets import storage_variables
from tests.nginx import NEEDS_NGINX, NGINX

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
VARIABLES = {
    str(field.validation_alias or f"{PREFIX}{name.upper()}")
    for name, field in Settings.model_fields.items()
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return loaded


def test_every_variable_of_the_containers_is_a_setting(compose: dict[str, Any]) -> None:
    texts = [(DEPLOY / name).read_text() for name in ("Dockerfile", "compose.yaml")]
    named = set(re.findall(r"STUDY_[A-Z_]+", " ".join(texts)))
    assert named
    assert named <= VARIABLES
    of_server = set(compose["services"]["server"]["secrets"])
    assert of_server <= set(compose["secrets"]) & VARIABLES
    set_for_server = set(compose["services"]["server"]["environment"])
    assert "STUDY_STIMULI_URL" in set_for_server
    assert set_for_server <= VARIABLES | storage_variables("").keys()


def test_compose_starts_nothing_before_what_it_needs(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert "healthcheck" in services["database"]
    assert services["upgrade"]["depends_on"]["database"]["condition"] == "service_healthy"
    waits = services["server"]["depends_on"]["upgrade"]["condition"]
    assert waits == "service_completed_successfully"
    assert "HEALTHCHECK" in (DEPLOY / "Dockerfile").read_text()  # which nginx waits for


def test_the_image_contains_what_a_wheel_is_built_from() -> None:
    kept = {
        line[1:].partition("/")[0]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    packages = {"analysis", "colorizer", "study_server", "templates", "static"}
    assert packages | {"pyproject.toml", "README.md", "LICENSE"} == kept
    assert all((ROOT / name).exists() for name in kept)


def run(*command: str | Path) -> None:
    program = Path(sys.executable).with_name(str(command[0]))
    subprocess.run([str(program), *map(str, command[1:])], check=True)


@pytest.mark.slow(0.4)
def test_the_schema_of_compose_accepts_the_services() -> None:
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml")


@pytest.mark.skipif(sys.platform != "linux", reason="hadolint is installed on Linux only")
def test_the_image_follows_the_rules_of_hadolint() -> None:
    run("hadolint", DEPLOY / "Dockerfile")


def server_block(text: str) -> list[str]:
    """Return the lines from the first limit of bodies on, without indentation and comments."""
    lines = [line.strip() for line in text[text.index("client_max_body_size") :].splitlines()]
    return [line for line in lines if line.strip("}")]


def test_nginx_in_a_container_serves_as_the_documented_one() -> None:
    documented = (ROOT / "docs" / "nginx.conf").read_text()
    adapted = documented.replace("/var/log/nginx/study.log", "/dev/stderr")
    assert server_block((DEPLOY / "nginx.conf").read_text()) == server_block(adapted)


SIZE = re.compile(r"(?:client_max_body_size|max_size) (\d+)(?:m;|MiB)")
UPLOAD = re.compile(r"(?:location ~|path_regexp) (\^\S+\$)")


@pytest.mark.slow(0.6)
@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        ("deploy/Caddyfile", ""),
        ("deploy/nginx.conf", ""),
        ("docs/nginx.conf", ""),
        ("docs/nginx-path.conf", "/study"),
    ],
)
def test_only_the_address_of_uploads_takes_a_whole_zip(path: str, prefix: str) -> None:
    text = (ROOT / path).read_text()
    (pattern,) = UPLOAD.findall(text)
    app = create_app(Settings(database_url="sqlite://", secret_key="x" * 16))
    admitted = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if re.search(pattern, prefix + re.sub(r"<[^>]+>", "x", rule.rule))
    }
    assert admitted == {"stimuli.upload"}
    limits = sorted(int(size) * 1024 * 1024 for size in SIZE.findall(text))
    of_zips = Settings(secret_key="x" * 16).max_upload_mb * 1_000_000 + FORM_BYTES
    assert [limits[0] >= MAX_TABLE_BYTES, limits[1] >= of_zips, len(limits)] == [True, True, 2]
    assert limits[0] < 4 * MAX_TABLE_BYTES


@pytest.mark.nginx
@NEEDS_NGINX
def test_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    assert NGINX is not None
    openssl = shutil.which("openssl")
    assert openssl is not None, "install openssl to test deploy/nginx.conf"
    key, certificate = tmp_path / "privkey.pem", tmp_path / "fullchain.pem"
    make = [
        openssl, "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=study",
        "-keyout", str(key), "-out", str(certificate),
    ]  # fmt: skip
    subprocess.run(make, check=True, capture_output=True)
    text = (DEPLOY / "nginx.conf").read_text()
    for written, here in {
        "/etc/nginx/certificates": str(tmp_path),
        "server server:8000": "server 127.0.0.1:8000",
        "events {": f"pid {tmp_path / 'pid'}; events {{",
    }.items():
        assert written in text
        text = text.replace(written, here)
    file = tmp_path / "nginx.conf"
    file.write_text(text)
    subprocess.run([NGINX, "-t", "-c", str(file), "-e", str(tmp_path / "log")], check=True)
