"""Histories: the counters of what was planned, counted again after random histories.

In each history, up to twelve live and simulated people come to a new study, answer, reload, leave,
return, time out, lose images and withdraw, in random order. Afterwards every counter by which
enrollment balances methods and images must equal a new count. The four kinds of study take turns.
Target: no difference.
"""

import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

import click
from sqlalchemy import select

from study_server.participants.enrollment import WithdrawnError
from study_server.storage.engine import open_engine, write_session
from study_server.storage.models import Participant
from study_server.storage.plan_counts import find_differences
from study_server.studies.lookup import find_study
from tests.conftest import write_stimuli
from tests.databases import open_prepared
from tests.imported_studies import open_study
from tests.study_server.storage.test_plan_counts import STUDIES, act, create_protocol


@click.command(help=__doc__)
@click.option("--count", default=2000, show_default=True, help="Histories.")
@click.option("--steps", default=20, show_default=True, help="What happens in each.")
def histories(count: int, steps: int) -> None:
    began, outcomes, wrong = time.process_time(), Counter[str](), 0
    with tempfile.TemporaryDirectory(prefix="histories-") as name:
        folder = Path(name)
        manifest = write_stimuli(folder / "stimuli", images=12)
        templates = [create_template(folder, kind, manifest) for kind in STUDIES]
        for number in range(count):
            file = folder / "history.sqlite"
            shutil.copyfile(templates[number % len(templates)], file)
            differences = live_through(file, steps, Random(number), outcomes)
            wrong += bool(differences)
            for line in differences:
                print(f"history {number}: {line}", flush=True)
    people = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items()))
    print(f"{count:,} histories of {steps} steps; participants at their ends: {people}")
    print(f"histories whose counters differ from a new count: {wrong} (target: 0)")
    print(f"{time.process_time() - began:.0f} s of CPU")


def create_template(folder: Path, kind: str, manifest: Path) -> Path:
    """Write a SQLite file with an open study of a kind and nobody in it."""
    file = folder / f"{kind}.sqlite"
    engine = open_prepared(f"sqlite:///{file}")
    open_study(engine, create_protocol(kind), manifest, folder / "instance")
    engine.dispose()
    return file


def live_through(file: Path, steps: int, rng: Random, outcomes: Counter[str]) -> list[str]:
    """Let things happen in a study, and return what its counters get wrong."""
    engine = open_engine(f"sqlite:///{file}")
    for _ in range(steps):
        with write_session(engine) as db:
            try:
                act(db, find_study(db, "kept"), rng)
            except WithdrawnError:
                continue
            db.commit()
    with write_session(engine) as db:
        outcomes.update(str(outcome) for outcome in db.scalars(select(Participant.outcome)))
        differences = find_differences(db, find_study(db, "kept"))
    engine.dispose()
    return differences
