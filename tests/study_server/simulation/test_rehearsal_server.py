"""A rehearsal has a server of its own."""

from pathlib import Path

import httpx
import pytest
from flask import Flask

from study_server.simulation.rehearsal_server import rehearsal_server
from study_server.simulation.simulated_people import SimulatedPopulation
from study_server.simulation.simulated_study import simulate_participants
from tests.conftest import SECRET

RATES = {"l2": 0.226, "mcl": 0.301}


@pytest.mark.slow(3)
def test_a_rehearsal_runs_its_own_server(
    app: Flask, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDY_DATABASE_URL", database_url)
    monkeypatch.setenv("STUDY_INSTANCE", str(tmp_path / "instance"))
    monkeypatch.setenv("STUDY_PUBLIC_URL", "https://study.example.org")  # its cookies want https
    engine = app.extensions["engine"]
    with rehearsal_server() as server:
        assert server.secret_key != SECRET
        assert simulate_participants(server, engine, "short", 1, SimulatedPopulation(RATES)) == 1
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.address}/healthz")
