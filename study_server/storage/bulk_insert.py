"""Insert many rows at once."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

Row = Mapping[str, object]


class Insertion(NamedTuple):
    """Rows for a table, which name the same columns, with values that JSON has.

    on_conflict: a clause after the rows.
    """

    table: str
    rows: Sequence[Row]
    on_conflict: str = ""


def insert_rows(db: Connection, *insertions: Insertion) -> None:
    """Insert rows into one or several tables, which do not refer to each other's new rows.

    PostgreSQL receives all of them in one statement, a JSON document for each table: a statement
    with a parameter for each value, or several statements, take several times as long.
    """
    given = [insertion for insertion in insertions if insertion.rows]
    if db.dialect.name == "postgresql" and given:
        documents = {f"rows_{number}": json.dumps(one.rows) for number, one in enumerate(given)}
        *first, last = map(_insert_from_json, given, documents)
        before = ", ".join(f"part_{number} AS ({part})" for number, part in enumerate(first))
        db.execute(text(f"WITH {before} {last}" if first else last), documents)
        return
    for table, rows, on_conflict in given:
        columns, values = ", ".join(rows[0]), ", ".join(f":{column}" for column in rows[0])
        db.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({values}) {on_conflict}"), rows)


def _insert_from_json(insertion: Insertion, parameter: str) -> str:
    table, rows, on_conflict = insertion
    columns = ", ".join(rows[0])
    source = f"json_populate_recordset(NULL::{table}, CAST(:{parameter} AS json))"
    return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {source} {on_conflict}"
