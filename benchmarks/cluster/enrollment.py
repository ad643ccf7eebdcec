"""Enrollment: what it takes to enroll a participant when tens of thousands are stored.

Participants with 50 planned trials each go directly into a database. Then people enroll in that
study and in an empty one, in turns. Target: a median below 20 ms on PostgreSQL and below 50 ms on
SQLite, on a quiet machine. On a busy one, compare the CPU time with that of the empty study, and
the work of the database: rows read on PostgreSQL, steps of the virtual machine on SQLite. Every
statement of an enrollment is listed with its plan, which must not scan a table of participants.
"""

import re
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import click
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.orm import Session

from benchmarks.faults import start_postgresql
from benchmarks.researcher_pages import PROTOCOL, add_plans
from study_server.participants.enrollment import enroll_participant
from study_server.protocol.model import Protocol
from study_server.storage.engine import PARTICIPANT_TABLES, open_engine, write_transaction
from study_server.storage.schema import ensure_current_schema
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, RecruitmentSource
from tests.conftest import write_stimuli
from tests.imported_studies import open_study

BARS_MS = {"SQLite": 50, "PostgreSQL": 20}
EMPTY = PROTOCOL.model_copy(update={"slug": "empty"})
ADD_IDENTITIES = """
INSERT INTO identity (participant_id, study_id, source, external_id_digest)
SELECT id, study_id, source, token FROM participant
"""
LET_SOME_BE_ACTIVE = """
UPDATE participant SET outcome = 'active', last_seen_at = CURRENT_TIMESTAMP,
  started_at = CURRENT_TIMESTAMP WHERE outcome = 'abandoned' AND id % 25 = 0
"""
GO_ON_COUNTING = "SELECT setval('trial_id_seq', (SELECT MAX(id) FROM trial))"
ROWS_READ = """
SELECT SUM(COALESCE(seq_tup_read, 0) + COALESCE(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables
"""
STEPS_PER_CALL = 100  # of SQLite's virtual machine


@dataclass
class Times:
    """The wall and CPU times of enrollments in ms, and the work of the database.

    cpu_ms: of this process and, on PostgreSQL, of the process that serves it.
    """

    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    work: list[int] = field(default_factory=list)


@click.command(help=__doc__)
@click.option("--people", default=50_000, show_default=True, help="Participants who are stored.")
@click.option("--enrollments", default=100, show_default=True, help="Measured, in each study.")
@click.option("--database", type=click.Choice(list(BARS_MS)), help="Only this one.")
def enrollment(people: int, enrollments: int, database: str | None) -> None:
    with tempfile.TemporaryDirectory(prefix="enrollment-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        manifest = write_stimuli(folder / "stimuli", images=120, size=16)
        for title in [database] if database else BARS_MS:
            with open_database(title, folder) as url:
                measure(title, url, folder / title, manifest, people, enrollments)


@contextmanager
def open_database(title: str, folder: Path) -> Iterator[str]:
    if title == "SQLite":
        yield f"sqlite:///{folder / 'study.sqlite'}"
        return
    with start_postgresql(folder) as url:
        yield url


def measure(
    title: str, url: str, folder: Path, manifest: Path, people: int, enrollments: int
) -> None:
    """Print the times of enrollments in a full and in an empty study, and their statements."""
    engine = open_engine(url)
    ensure_current_schema(engine)
    open_study(engine, PROTOCOL, manifest, folder)
    with write_transaction(engine) as db:
        add_plans(db.connection(), people)
        for statement in (ADD_IDENTITIES, LET_SOME_BE_ACTIVE):
            db.execute(text(statement))
    tidy(engine)
    open_study(engine, EMPTY, manifest, folder)
    times = {PROTOCOL: Times(), EMPTY: Times()}
    for number in range(enrollments + 1):
        for protocol, taken in times.items():
            enroll_one(engine, protocol, taken if number else Times())  # the first warms up
    print_times(title, times, people)
    print_statements(engine)
    engine.dispose()


def tidy(engine: Engine) -> None:
    """Let PostgreSQL do at once what its autovacuum does after such an import."""
    if engine.dialect.name == "postgresql":
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            for statement in (GO_ON_COUNTING, "VACUUM ANALYZE", "CHECKPOINT"):
                connection.execute(text(statement))


def enroll_one(engine: Engine, protocol: Protocol, taken: Times) -> None:
    """Time one enrollment, and count the work of another, because counting takes time, too."""
    started = time.perf_counter()
    with write_transaction(engine) as db:
        enroll(db, protocol)
    taken.wall_ms.append(1000 * (time.perf_counter() - started))
    cpu_ms = measure_cpu_ms(engine)
    with write_transaction(engine) as db, counted_work(db.connection()) as work:
        enroll(db, protocol)
    taken.cpu_ms.append(measure_cpu_ms(engine) - cpu_ms)
    taken.work.append(work[0])


def enroll(db: Session, protocol: Protocol) -> None:
    study = find_study(db, protocol.slug)
    enroll_participant(db, study, secrets.token_hex(8), Mode.LIVE, RecruitmentSource.LINK)


def measure_cpu_ms(engine: Engine) -> float:
    """Return the CPU time so far of this process, and of PostgreSQL's process for it."""
    own_ms = 1000 * time.process_time()
    if engine.dialect.name == "sqlite":
        return own_ms
    with engine.connect() as connection:
        backend = connection.scalar(text("SELECT pg_backend_pid()"))
    ns = Path(f"/proc/{backend}/schedstat").read_text().split()[0]
    return own_ms + int(ns) / 1e6


@contextmanager
def counted_work(connection: Connection) -> Iterator[list[int]]:
    """Yield a list that gets the work of the database for this transaction."""
    work: list[int] = []
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "postgresql":
        earlier = int(connection.scalar(text(ROWS_READ)))  # of transactions not yet added up
        yield work
        work.append(int(connection.scalar(text(ROWS_READ))) - earlier)
        return
    calls = Counter[str]()
    driver.set_progress_handler(lambda: calls.update(["call"]), STEPS_PER_CALL)
    yield work
    driver.set_progress_handler(None, 0)
    work.append(calls["call"] * STEPS_PER_CALL)


def print_times(title: str, times: dict[Protocol, Times], people: int) -> None:
    unit = {"SQLite": "steps", "PostgreSQL": "rows read"}[title]
    bar = BARS_MS[title]
    print(f"\n{f'{title}: enrollments, in turns; median':52}    wall     CPU  {unit:>10}")
    labels = {PROTOCOL.slug: f"{people:,} participants stored", EMPTY.slug: "an empty study"}
    for protocol, taken in times.items():
        print(
            f"{labels[protocol.slug]:52}{median(taken.wall_ms):5.1f} ms{median(taken.cpu_ms):5.1f}"
            f" ms  {median(taken.work):10,.0f}"
        )
    print(f"target: below {bar} ms on a quiet machine", flush=True)


def print_statements(engine: Engine) -> None:
    """Print the statements of one enrollment, how the database finds its rows, and full scans."""
    run: list[tuple[str, Any]] = []

    def remember(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        run.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", remember)
    with write_transaction(engine) as db:
        enroll(db, PROTOCOL)
    event.remove(engine, "before_cursor_execute", remember)
    scanned = set()
    print("\ntimes  statement, and how its rows are found")
    repeated = Counter(statement for statement, _ in run)
    with engine.connect() as connection:
        for statement, parameters in {statement: (statement, p) for statement, p in run}.values():
            if "advisory" in statement:
                continue
            steps = list(explain(connection, statement, parameters))
            scanned |= {step for step in steps if is_full_scan(step)}
            print(f"{repeated[statement]:5}  {shorten(statement)}")
            for step in steps:
                print(f"         {step}")
    print(f"full scans of tables of participants: {', '.join(sorted(scanned)) or 'none'}")


def explain(connection: Connection, statement: str, parameters: Any) -> Iterator[str]:
    """Yield how each table of a statement is read."""
    if connection.dialect.name == "postgresql":
        (plan,) = connection.exec_driver_sql(
            f"EXPLAIN (FORMAT JSON) {statement}", parameters
        ).scalar_one()
        yield from walk(plan["Plan"])
        return
    values = parameters[0] if isinstance(parameters, list) else parameters
    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values):
        if row.detail.startswith(("SCAN", "SEARCH")):
            yield row.detail


def walk(node: dict[str, Any]) -> Iterator[str]:
    """Yield the scans of a plan of PostgreSQL."""
    if "Relation Name" in node and "Scan" in node["Node Type"]:
        index = f" using {node['Index Name']}" if "Index Name" in node else ""
        yield f"{node['Node Type']} on {node['Relation Name']}{index}"
    elif "Index Name" in node:
        yield f"{node['Node Type']} using {node['Index Name']}"
    for child in node.get("Plans", ()):
        yield from walk(child)


def is_full_scan(step: str) -> bool:
    """Return whether a step reads all rows of a table that grows with the participants."""
    found = re.match(r"(?:Seq Scan on|SCAN) (\w+)(?! USING)", step)
    return found is not None and found[1] in PARTICIPANT_TABLES


def shorten(statement: str) -> str:
    words = " ".join(statement.split())
    rest = words.partition(" FROM ")[2]
    return (f"SELECT ... FROM {rest}" if words.startswith("SELECT") and rest else words)[:110]
