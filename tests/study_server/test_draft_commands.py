"""Tests of the commands `study revise` and `study unfreeze`, as a user runs them."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from study_server.cli import commands
from study_server.errors import StudyError
from study_server.participants import enrollment
from study_server.protocol.model import parse_stored_protocol
from study_server.protocol.study_toml import format_toml
from study_server.storage.engine import write_transaction
from study_server.studies.action_log import list_actions
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, RecruitmentSource, StudyState
from tests.conftest import short_protocol
from tests.imported_studies import open_study


@pytest.fixture
def draft(engine: Engine, tmp_path: Path, manifest: Path) -> Engine:
    """Return a database with a draft in which one simulated participant has taken part."""
    open_study(engine, short_protocol(), manifest, tmp_path / "instance")
    with write_transaction(engine) as db:
        study = find_study(db, "short")
        study.state = StudyState.DRAFT
        enrollment.enroll_participant(db, study, "x", Mode.SIMULATED, RecruitmentSource.LINK)
    return engine


def run(database_url: str, folder: Path, *words: str, typed: str = "") -> Result:
    settings = {"STUDY_DATABASE_URL": database_url, "STUDY_INSTANCE": str(folder / "instance")}
    done = CliRunner().invoke(commands, words, env=settings, input=typed)
    if isinstance(done.exception, StudyError):
        raise done.exception
    return done


def logged(engine: Engine) -> list[tuple[str, str]]:
    with write_transaction(engine) as db:
        return [(one.done_by, one.action) for one in list_actions(db, "short")]


def test_a_protocol_is_revised_after_a_question(
    draft: Engine, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "study.toml"
    file.write_text(format_toml(short_protocol(trials=5)))
    with pytest.raises(StudyError, match="nothing was changed"):
        run(database_url, tmp_path, "revise", str(file), typed="n\n")
    done = run(database_url, tmp_path, "revise", str(file), typed="y\n")
    assert "Delete 1 simulated participant, who took part under the old protocol?" in done.output
    assert done.output.endswith(
        "short: Saved: trials. Deleted: 1 simulated participant, who took part under the old "
        "protocol\n"
    )
    with write_transaction(draft) as db:
        assert parse_stored_protocol(find_study(db, "short").protocol).trials == 5
    assert logged(draft) == [
        (
            "command line",
            "changed trials of the protocol, which deleted 1 simulated participant",
        )
    ]
    assert run(database_url, tmp_path, "revise", str(file)).output == "short: Nothing was changed\n"


@pytest.mark.slow(0.5)
def test_a_freeze_is_undone_by_a_command(draft: Engine, database_url: str, tmp_path: Path) -> None:
    design = tmp_path / "design.json"
    frozen = run(database_url, tmp_path, "freeze", "short", "--out", str(design)).output
    sha256 = frozen.split("SHA-256 ")[1][:64]
    undone = run(database_url, tmp_path, "unfreeze", "short").output
    assert undone == "short: draft; change it, then run `study freeze short` again\n"
    assert logged(draft)[0] == (
        "command line",
        f"returned the study to draft; its design had the SHA-256 {sha256}",
    )
    with pytest.raises(StudyError, match="is not frozen"):
        run(database_url, tmp_path, "unfreeze", "short")
