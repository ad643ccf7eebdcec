"""Rows are inserted into several tables at once, on both databases."""

from sqlalchemy import Engine, text

from study_server.storage.bulk_insert import Insertion, insert_and_read, insert_rows
from study_server.storage.engine import write_transaction

CREATE = ("CREATE TABLE one (a INTEGER PRIMARY KEY, b TEXT)", "CREATE TABLE two (c INTEGER)")
ADD = "ON CONFLICT (a) DO UPDATE SET b = excluded.b"


def test_rows_of_several_tables_are_inserted_and_empty_ones_skipped(engine: Engine) -> None:
    with write_transaction(engine) as session:
        db = session.connection()
        for statement in CREATE:
            db.execute(text(statement))
        insert_rows(db)
        insert_rows(db, Insertion("one", []), Insertion("two", []))
        (row,) = insert_and_read(db, Insertion("one", [{"a": 1, "b": "old"}]), "b, a")
        assert row == ("old", 1)
        insert_rows(
            db,
            Insertion("one", [{"a": 1, "b": "it's"}, {"a": 2, "b": None}], ADD),
            Insertion("one", []),
            Insertion("two", [{"c": 3}, {"c": 3}]),
        )
        assert list(db.execute(text("SELECT a, b FROM one ORDER BY a"))) == [(1, "it's"), (2, None)]
        assert list(db.execute(text("SELECT c FROM two"))) == [(3,), (3,)]
        for table in ("one", "two"):
            db.execute(text(f"DROP TABLE {table}"))
