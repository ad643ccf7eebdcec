"""Fixtures of the tests of the analysis."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _coarse(coarse_figures: None) -> None:
    """Render figures in few pixels, except in tests.analysis.figures."""
