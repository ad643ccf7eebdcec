"""Studies with answers, to publish."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from study_server.protocol.model import Protocol
from study_server.settings import Settings
from study_server.simulation.simulated_people import SimulatedPopulation
from study_server.storage.engine import write_transaction
from study_server.studies.design import AnalysisPlan, PlannedExclusions, freeze_study
from study_server.studies.lookup import find_study
from tests.apps import open_app
from tests.conftest import SECRET, short_protocol, simulate, write_stimuli
from tests.databases import open_prepared
from tests.imported_studies import open_study

METHODS = ("l2", "mcl", "gan")
POPULATION = SimulatedPopulation(
    {"l2": 0.2, "mcl": 0.3, "gan": 0.4}, {"l2": 0.0, "mcl": 0.3, "gan": 0.5}, participant_sd=0
)
PEOPLE = 6
PLAN = AnalysisPlan(exclusions=PlannedExclusions(attention_checks_min_correct=0))


@contextmanager
def answered_study(folder: Path, protocol: Protocol) -> Iterator[Engine]:
    """Make an open study with simulated answers in a folder, and use it in the commands."""
    manifest = write_stimuli(folder / "stimuli", 40, 16, ("real", *METHODS, "foil"))
    url, instance = f"sqlite:///{folder / 'study.sqlite'}", folder / "instance"
    engine = open_prepared(url)
    open_study(engine, protocol, manifest, instance)
    with write_transaction(engine) as db:
        freeze_study(db, find_study(db, protocol.slug), PLAN, "0" * 64)
    app = open_app(Settings(database_url=url, instance_folder=instance, secret_key=SECRET), engine)
    simulate(app, protocol.slug, PEOPLE, POPULATION)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDY_DATABASE_URL", url)
        patch.setenv("STUDY_INSTANCE", str(instance))
        patch.chdir(folder)
        yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Return the database of an open study of three methods, which simulated people answered."""
    folder = tmp_path_factory.mktemp("answered")
    protocol = short_protocol("faces", methods=METHODS, trials=12, title="Three colorizers")
    with answered_study(folder, protocol) as engine:
        yield engine
