"""Tests of the roles: a viewer sees every page and changes nothing."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from study_server.vocabulary import Role
from tests.study_server.browsing import csrf_token, sign_in

# One database is enough: the services are tested on both, and views only call services.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PASSWORD = "correct horse battery"
VALUES = {"slug": "short", "name": "responses.csv", "kind": "report", "token": "none", "number": 1}
PUBLIC = {"check_login", "redeem_login_link", "logout"}


@pytest.fixture(params=[*Role, None], ids=[*Role, "nobody"])
def client(request: pytest.FixtureRequest, app: Flask) -> FlaskClient:
    """Return a browser of a researcher with each role, and of a person who is not signed in."""
    return app.test_client() if request.param is None else sign_in(app, role=request.param)


def routes(app: Flask, method: str) -> list[str]:
    """Return the addresses of all researcher pages that accept a method."""
    adapter = app.url_map.bind("localhost")
    return [
        adapter.build(rule.endpoint, {name: VALUES[name] for name in rule.arguments}, method)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/researcher")
        and method in (rule.methods or ())
        and rule.endpoint.partition(".")[2] not in PUBLIC
    ]


def role_of(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.id)


@pytest.mark.slow(0.8)
def test_every_change_needs_the_role_of_an_owner(
    client: FlaskClient, app: Flask, request: pytest.FixtureRequest
) -> None:
    with client:
        token = csrf_token(client.get("/researcher/login"))
    addresses = routes(app, "POST")
    assert len(addresses) >= 2
    for address in addresses:
        status = client.post(address, data={"csrf_token": token}).status_code
        if "viewer" in role_of(request):
            assert status == 403, address
        elif "nobody" in role_of(request):
            assert status == 302, address
        else:
            assert status not in (302, 403, 500), address


@pytest.mark.slow(0.3)
def test_every_page_can_be_seen_by_both_roles_and_by_nobody_else(
    client: FlaskClient, app: Flask, request: pytest.FixtureRequest
) -> None:
    for address in routes(app, "GET"):
        if address.startswith(("/researcher/login", "/researcher/enter")):
            continue
        reply = client.get(address)
        reply.close()
        if "nobody" in role_of(request):
            assert reply.location == "/researcher/login", address
        else:
            assert reply.status_code in (200, 303, 404), address
