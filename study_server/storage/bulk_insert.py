"""Insert many rows at once."""

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text


def insert_rows(
    db: Connection, table: str, rows: Sequence[Mapping[str, object]], on_conflict: str = ""
) -> None:
    """Insert rows that name the same columns, with values that JSON has.

    PostgreSQL receives them as one JSON document: a statement with a parameter for each value, or a
    statement for each row, takes several times as long. on_conflict: a clause after the rows.
    """
    if not rows:
        return
    columns = ", ".join(rows[0])
    into = f"INSERT INTO {table} ({columns})"
    if db.dialect.name == "postgresql":
        source = (
            f"SELECT {columns} FROM json_populate_recordset(NULL::{table}, CAST(:rows AS json))"
        )
        db.execute(text(f"{into} {source} {on_conflict}"), {"rows": json.dumps(rows)})
    else:
        values = ", ".join(f":{column}" for column in rows[0])
        db.execute(text(f"{into} VALUES ({values}) {on_conflict}"), rows)
