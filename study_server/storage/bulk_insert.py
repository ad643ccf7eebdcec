"""Insert many rows at once.

The database receives the rows of a table as one JSON document, because a parameter for each value
takes longer, on PostgreSQL several times as long.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, text


class Insertion(NamedTuple):
    """Rows for a table, which name the same columns, with values that JSON has.

    on_conflict: a clause after the rows.
    """

    table: str
    rows: Sequence[Mapping[str, object]]
    on_conflict: str = ""


def insert_rows(db: Connection, *insertions: Insertion) -> None:
    """Insert rows into one or several tables, which do not refer to each other's new rows.

    PostgreSQL receives all of them in one statement, because several take longer.
    """
    given = [insertion for insertion in insertions if insertion.rows]
    statements = [_insertion_sql(db, one, f"rows_{number}") for number, one in enumerate(given)]
    documents = {f"rows_{number}": json.dumps(one.rows) for number, one in enumerate(given)}
    if db.dialect.name == "postgresql" and len(statements) > 1:
        *first, last = statements
        before = ", ".join(f"part_{number} AS ({part})" for number, part in enumerate(first))
        statements = [f"WITH {before} {last}"]
    for statement in statements:
        db.execute(text(statement), documents)


def insert_and_read(
    db: Connection, insertion: Insertion, columns: str
) -> Sequence[tuple[Any, ...]]:
    """Insert at least one row, and return these columns of the new rows, in any order."""
    statement = f"{_insertion_sql(db, insertion, 'rows')} RETURNING {columns}"
    rows = db.execute(text(statement), {"rows": json.dumps(insertion.rows)})
    return [tuple(row) for row in rows]


def _insertion_sql(db: Connection, insertion: Insertion, parameter: str) -> str:
    table, rows, on_conflict = insertion
    columns = ", ".join(rows[0])
    if db.dialect.name == "postgresql":
        values = columns
        source = f"json_populate_recordset(NULL::{table}, CAST(:{parameter} AS json))"
    else:
        values = ", ".join(f"json_extract(value, '$.{column}')" for column in rows[0])
        source = f"json_each(:{parameter}) WHERE true"  # otherwise ON would belong to a join
    return f"INSERT INTO {table} ({columns}) SELECT {values} FROM {source} {on_conflict}"
