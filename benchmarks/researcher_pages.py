"""Pages: how long researchers wait for those of a study with thousands of participants.

Each participant has answered 50 trials; one in five has stopped early. The rows go directly into a
database. The overview is requested while nothing is counted; then every page of the study, with
the counts of participants stored as `study serve` stores them once a minute. Target: each within a
second.
"""

import gc
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

import click
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, insert, select, text

from benchmarks.faults import create_database, start_postgresql
from study_server.app import create_app
from study_server.clock import now
from study_server.settings import Settings
from study_server.storage.engine import open_engine, write_transaction
from study_server.storage.models import Participant, Stimulus, Study
from study_server.storage.plan_counts import add_participants
from study_server.storage.schema import ensure_current_schema
from study_server.studies.stored_counts import store_counts
from study_server.vocabulary import Mode, Outcome, RecruitmentSource
from tests.conftest import SECRET, short_protocol, write_stimuli
from tests.imported_studies import open_study
from tests.study_server.browsing import sign_in

TRIALS = 50
PROTOCOL = short_protocol("many", practice=0, trials=46, attention_checks=4, assignment="within")
QUERIES = ("sort=disturbed", "flag=any_rule&sort=-minutes", "search=00&page=2", "mode=simulated")
NOT_PAGES = ("preview", "files")  # a redirect, and downloads
ADD_TRIALS = """
INSERT INTO trial (id, participant_id, place, attempt, kind, block, token, exposure_ms, started_at,
  voided)
WITH RECURSIVE places(place) AS (
  SELECT 0 UNION ALL SELECT place + 1 FROM places WHERE place + 1 < :trials
)
SELECT participant.id * :trials + place, participant.id, place, 0,
  CASE WHEN place % 12 = 11 THEN 'attention' ELSE 'test' END, 0,
  'trial-' || (participant.id * :trials + place), 1000,
  CASE WHEN participant.outcome = 'complete' OR place < participant.id % :trials
    THEN participant.started_at END, FALSE
FROM participant CROSS JOIN places
"""
ADD_STIMULI = """
INSERT INTO trial_stimulus (trial_id, slot, stimulus_id, role, appears)
SELECT trial.id, (trial.id + {of_real}) % 2, {column}, 'candidate', (trial.id + {of_real}) % 2
FROM trial JOIN image_pair ON image_pair.number = trial.id % :images
"""
ADD_RESPONSES = """
INSERT INTO response (trial_id, rt_ms, first_ms, second_ms, input, hidden, blurred, resized,
  slow_frame, late, received_at, attention_passed)
SELECT id, 150 + id % 2000 * 7 % 2000, 1000 + id * 31 % 40 / 10.0, 1000, 'mouse', FALSE,
  id % 29 = 0, FALSE, id % 41 = 0, FALSE, started_at,
  CASE WHEN kind = 'attention' THEN id % 7 > 0 END
FROM trial WHERE started_at IS NOT NULL
"""
ADD_JUDGMENTS = """
INSERT INTO judgment (trial_id, slot, scale, value)
SELECT trial_stimulus.trial_id, slot, 'real', (trial_stimulus.trial_id / 3 + slot) % 2
FROM trial_stimulus JOIN response ON response.trial_id = trial_stimulus.trial_id
"""


@click.command(help=__doc__)
@click.option("--people", default=10_000, show_default=True, help="Participants in the study.")
@click.option("--database", type=click.Choice(["SQLite", "PostgreSQL"]), help="Only this one.")
@click.option("--rounds", default=5, show_default=True, help="Requests of each page.")
def main(people: int, database: str | None, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="pages-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        manifest = write_stimuli(folder / "stimuli", images=120, size=16)
        server = stack.enter_context(start_postgresql(folder))
        databases = {
            "SQLite": f"sqlite:///{folder / 'study.sqlite'}",
            "PostgreSQL": create_database(server, "pages"),
        }
        for title, url in databases.items():
            if database in (None, title):
                measure(title, url, folder / title, manifest, people, rounds)


def measure(title: str, url: str, folder: Path, manifest: Path, people: int, rounds: int) -> None:
    """Print the times of all pages on one database."""
    engine = open_engine(url)
    ensure_current_schema(engine)
    open_study(engine, PROTOCOL, manifest, folder)
    app = create_app(Settings(database_url=url, instance_folder=folder, secret_key=SECRET), engine)
    with write_transaction(engine) as db:
        add_people(db.connection(), people)
    if engine.dialect.name == "postgresql":
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("ANALYZE"))
    client = sign_in(app)
    gc.freeze()  # as study_server/wsgi.py does
    overview = f"/researcher/studies/{PROTOCOL.slug}"
    head = f"{title}, {people:,} participants with {TRIALS} trials; ms"
    print(f"\n{head:60}  median   worst     CPU")
    print_times("overview, nothing stored", client, overview, 1)
    began = time.perf_counter()
    store_counts(engine)
    print(f"{'storing all counts, once':60}{1000 * (time.perf_counter() - began):8.0f}")
    for address in list_pages(app, client):
        print_times(address.removeprefix(overview) or "overview", client, address, rounds)
    engine.dispose()


def print_times(label: str, client: FlaskClient, address: str, rounds: int) -> None:
    times_ms, cpu_ms = [], []
    for _ in range(rounds):
        began, cpu_began = time.perf_counter(), time.process_time()
        reply = client.get(address)
        times_ms.append(1000 * (time.perf_counter() - began))
        cpu_ms.append(1000 * (time.process_time() - cpu_began))
        assert reply.status_code == 200, (address, reply.status_code)
    columns = median(times_ms), max(times_ms), median(cpu_ms)
    print(f"{label:60}" + "".join(f"{ms:8.0f}" for ms in columns), flush=True)


def list_pages(app: Flask, client: FlaskClient) -> Iterator[str]:
    """Yield the addresses of all pages of the study that exist."""
    study = f"/researcher/studies/{PROTOCOL.slug}"
    yield "/researcher"
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        is_page = rule.arguments == {"slug"} and "GET" in (rule.methods or ())
        if (
            is_page
            and rule.rule.startswith("/researcher")
            and rule.rule.split("/")[-1] not in NOT_PAGES
        ):
            address = rule.rule.replace("<slug>", PROTOCOL.slug)
            if client.get(address).status_code == 200:
                yield address
    yield from (f"{study}/participants?{query}" for query in QUERIES)
    with app.extensions["engine"].connect() as connection:
        name = connection.scalar(select(Participant.public_id).limit(1))
    yield f"{study}/participants/{name}"


def add_people(db: Connection, people: int) -> None:
    """Insert participants, 50 trials each, their answers and some comments."""
    add_plans(db, people)
    fill(db, ADD_RESPONSES)
    fill(db, ADD_JUDGMENTS)


def add_plans(db: Connection, people: int) -> None:
    """Insert participants of the last 30 days, 50 trials each, and count them."""
    study = db.execute(select(Study.id)).scalar_one()
    moment, step = now() - timedelta(days=30), timedelta(days=30) / people
    db.execute(
        insert(Participant),
        [make_participant(study, number, moment + number * step) for number in range(people)],
    )
    images = add_image_pairs(db)
    fill(db, ADD_TRIALS, trials=TRIALS)
    for of_real, column in ((0, "fake_id"), (1, "real_id")):
        fill(db, ADD_STIMULI.format(of_real=of_real, column=column), images=images)
    db.execute(text("DROP TABLE image_pair"))
    add_participants(db, study, db.execute(select(Participant.id)).scalars().all())


def fill(db: Connection, statement: str, **values: int) -> None:
    """Fill a table, and let PostgreSQL know how many rows it has, for the next statement."""
    db.execute(text(statement), values)
    if db.dialect.name == "postgresql":
        db.execute(text("ANALYZE"))


def make_participant(study_id: int, number: int, moment: datetime) -> dict[str, object]:
    is_complete = number % 5 > 0
    return {
        "study_id": study_id, "public_id": f"p{number:012x}", "token": secrets.token_urlsafe(16),
        "mode": Mode.LIVE, "source": RecruitmentSource.PROLIFIC, "consent_version": "1",
        "outcome": Outcome.COMPLETE if is_complete else Outcome.ABANDONED,
        "comment": "It was hard to see." if number % 20 == 1 else "",
        "started_at": moment, "last_seen_at": moment + timedelta(minutes=9),
        "finished_at": moment + timedelta(minutes=9, seconds=number % 400) if is_complete else None,
    }  # fmt: skip


def add_image_pairs(db: Connection) -> int:
    """Create a table of the fakes, each with its photograph; return how many there are."""
    db.execute(text("CREATE TABLE image_pair (number INTEGER, fake_id INTEGER, real_id INTEGER)"))
    stimuli = db.execute(select(Stimulus.image, Stimulus.method, Stimulus.id)).all()
    ids = {(row.image, row.method): row.id for row in stimuli}
    fakes = [(image, method) for image, method in sorted(ids) if method in PROTOCOL.methods]
    rows = [
        {"number": number, "fake": ids[key], "real": ids[key[0], "real"]}
        for number, key in enumerate(fakes)
    ]
    db.execute(text("INSERT INTO image_pair VALUES (:number, :fake, :real)"), rows)
    return len(rows)


if __name__ == "__main__":
    main()
