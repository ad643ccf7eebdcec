"""A bare server that benchmarks/load.py compares: Flask and SQLAlchemy with one insert per request.

It runs in the same server and with the same durability as ours: WAL, synchronous=FULL, BEGIN
IMMEDIATE. Arguments: PORT FILE.
"""

import sys
from functools import partial

from flask import Flask, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from study_server.commands.run import DEFAULT_THREADS
from study_server.storage.engine import open_engine, write_session
from study_server.wsgi import run_server


class Base(DeclarativeBase):
    pass


class Answer(Base):
    __tablename__ = "answer"

    id: Mapped[int] = mapped_column(primary_key=True)
    trial: Mapped[str]
    answer: Mapped[str]
    rt_ms: Mapped[int]
    first_ms: Mapped[float]
    second_ms: Mapped[float]


def bare_app(file: str) -> Flask:
    engine = open_engine(f"sqlite:///{file}")
    with engine.execution_options(writes=True).begin() as connection:
        Base.metadata.create_all(connection)
    app = Flask(__name__)

    @app.post("/<trial>/response")
    def respond(trial: str) -> ResponseReturnValue:
        body = request.get_json()
        body.pop("id")
        with write_session(engine) as db:
            db.add(Answer(trial=trial, **body))
            db.commit()
        return {"saved": True}

    @app.get("/healthz")
    def health() -> ResponseReturnValue:
        return {"status": "ok"}

    return app


if __name__ == "__main__":
    factory = partial(bare_app, sys.argv[2])
    run_server("127.0.0.1", int(sys.argv[1]), workers=1, threads=DEFAULT_THREADS, factory=factory)
