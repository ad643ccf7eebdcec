"""Fixtures of the tests of figures."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _coarse() -> None:
    """Render figures in all their pixels, as the commands do."""
