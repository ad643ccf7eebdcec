"""A study that is long enough for fast participants to be interrupted."""

from pathlib import Path

import pytest

from study_server.protocol.model import Protocol
from tests.conftest import short_protocol, write_stimuli


@pytest.fixture(scope="package")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stimuli(tmp_path_factory.mktemp("many"), images=30, size=16)


@pytest.fixture
def protocol() -> Protocol:
    """Return a protocol of 22 trials per participant."""
    return short_protocol(practice=1, trials=20, attention_checks=1)
