"""A study somebody has answered."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from study_server.simulation.simulated_people import SimulatedPopulation
from tests.conftest import simulate
from tests.study_server.browsing import consent


@pytest.fixture
def engine_with_answers(app: Flask) -> Engine:
    """The short study, answered by two simulated people."""
    simulate(app, "short", 2, SimulatedPopulation({"l2": 0.226, "mcl": 0.301}))
    engine: Engine = app.extensions["engine"]
    return engine


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def base(client: FlaskClient) -> str:
    return consent(client)
