"""The requests that a browser makes before the first trial."""

import re

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


def csrf_token(page: TestResponse) -> str:
    (token,) = re.findall(r'name="csrf_token" value="([^"]+)"', page.text)[:1]
    return str(token)


def consent(client: FlaskClient, entry: str = "/s/short") -> str:
    """Agree to take part; the participant's own address."""
    form = {"csrf_token": csrf_token(client.get(entry)), "consent": "yes"}
    answer = client.post(entry, data=form)
    assert answer.status_code == 303
    return answer.location
