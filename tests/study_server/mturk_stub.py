"""A stub of MTurk's sandbox, which botocore checks requests against."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.stub import Stubber

from study_server.recruitment import mturk


@contextmanager
def stubbed_mturk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """Let everything that asks for MTurk's client get a stub."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    client = mturk.create_client(sandbox=True)
    monkeypatch.setattr(mturk, "create_client", lambda sandbox: client)
    with Stubber(client) as stubber:
        yield stubber
    client.close()
