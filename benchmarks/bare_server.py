"""The peer of benchmarks/load.py: Flask, SQLAlchemy and waitress, one insert a request, no more.

With the durability of ours: WAL, synchronous=FULL, BEGIN IMMEDIATE. Two arguments: PORT FILE.
"""

import sys

from flask import Flask, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from waitress import serve

from study_server.storage.engine import open_engine, write_session


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
    serve(bare_app(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), threads=6)  # as ours
