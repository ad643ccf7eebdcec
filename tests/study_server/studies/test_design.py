"""The frozen design: created before the first participant and never changed."""

import hashlib
import json
import shutil
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from study_server.cli import commands
from study_server.errors import StudyError
from study_server.participants import enrollment
from study_server.settings import find_resource_folder
from study_server.storage.engine import write_transaction
from study_server.storage.models import AcceptedWarning, Wording
from study_server.studies.design import (
    AnalysisPlan,
    PlannedExclusions,
    format_default_plan,
    freeze_study,
    hash_wording,
    open_recruitment,
    read_plan,
)
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, RecruitmentSource, StudyState, WordingPart
from study_server.wording.checks import find_unfilled_places
from study_server.wording.files import compose_wording
from study_server.wording.stored import store_wording
from tests.conftest import short_protocol
from tests.imported_studies import open_study

WORDING = "ab" * 32


@pytest.fixture
def draft(engine: Engine, manifest: Path, tmp_path: Path) -> Engine:
    """The short study as it is after its import."""
    open_study(engine, short_protocol(), manifest, tmp_path / "instance")
    with write_transaction(engine) as db:
        find_study(db, "short").state = StudyState.DRAFT
    return engine


def test_the_design_is_canonical_and_its_hash_is_in_every_row(draft: Engine) -> None:
    with write_transaction(draft) as db:
        study = find_study(db, "short")
        accepted = [AcceptedWarning(study_id=study.id, number=n, message=f"w{n}") for n in (1, 0)]
        db.add_all(accepted)
        plan = AnalysisPlan(
            hypotheses=("mcl fools more often than l2",), participants=60, margin=0.05
        )
        design = freeze_study(db, study, plan, WORDING)
        participant = enrollment.enroll_participant(
            db, study, "somebody", Mode.LIVE, RecruitmentSource.LINK
        )
        db.execute(
            text("UPDATE trial SET started_at = :now"), {"now": participant.started_at.isoformat()}
        )
        carried = set(db.scalars(text("SELECT design_sha256 FROM responses_export")))
        seed_sha256 = hashlib.sha256(study.schedule_seed.encode()).hexdigest()
    assert carried == {hashlib.sha256(design.encode()).hexdigest()}
    content = json.loads(design)
    assert design == json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert content["schema"] == "hue-and-eye/design/1"
    assert (content["study"], content["schedule_seed_sha256"]) == ("short", seed_sha256)
    assert (content["protocol"]["trials"], content["wording_sha256"]) == (4, WORDING)
    assert content["accepted_warnings"] == ["w0", "w1"]
    assert content["plan"]["participants"] == 60
    assert content["plan"]["exclusions"]["fast_ms"] == 200


def test_a_design_is_frozen_once(draft: Engine) -> None:
    with write_transaction(draft) as db:
        freeze_study(db, find_study(db, "short"), AnalysisPlan(), WORDING)
    with pytest.raises(StudyError, match="is already frozen; to change it"):
        freeze_again(draft)


def freeze_again(engine: Engine) -> None:
    with write_transaction(engine) as db:
        freeze_study(db, find_study(db, "short"), AnalysisPlan(participants=1), WORDING)


@pytest.mark.parametrize(("mode", "refused"), [(Mode.LIVE, True), (Mode.SIMULATED, False)])
def test_a_design_comes_before_the_first_live_participant(
    mode: Mode, refused: bool, draft: Engine
) -> None:
    with write_transaction(draft) as db:
        enrollment.enroll_participant(
            db, find_study(db, "short"), "somebody", mode, RecruitmentSource.LINK
        )
    if not refused:
        freeze_again(draft)
        return
    with pytest.raises(StudyError, match="already has live participants"):
        freeze_again(draft)


def test_only_a_frozen_study_with_its_own_wording_opens(draft: Engine) -> None:
    with write_transaction(draft) as db:
        study = find_study(db, "short")
        with pytest.raises(StudyError, match="not frozen; run `study freeze short`"):
            open_recruitment(study, WORDING)
        freeze_study(db, study, AnalysisPlan(), WORDING)
        with pytest.raises(StudyError, match="pages have changed since it was frozen"):
            open_recruitment(study, "cd" * 32)
        open_recruitment(study, WORDING)
        assert study.state is StudyState.OPEN


def test_a_changed_word_changes_the_hash(draft: Engine, tmp_path: Path) -> None:
    shutil.copytree(find_resource_folder("templates"), tmp_path / "templates")
    with write_transaction(draft) as db:
        study = find_study(db, "short")
        before = hash_wording(db, study, find_resource_folder("templates"))
        assert before == hash_wording(db, study, tmp_path / "templates")
        page = tmp_path / "templates" / "participant" / "withdraw.html"
        page.write_text(page.read_text() + "<p>One word more</p>")
        assert hash_wording(db, study, tmp_path / "templates") != before
        text = db.get_one(Wording, (study.id, "en", WordingPart.DEBRIEF))
        text.text += " more"
        assert hash_wording(db, study, find_resource_folder("templates")) != before


def test_every_text_that_must_be_filled_in_is_named_before_a_freeze(draft: Engine) -> None:
    with write_transaction(draft) as db:
        study = find_study(db, "short")
        store_wording(db, study, compose_wording(short_protocol()))
        with pytest.raises(StudyError, match=r"fill in: .*then run `study reword") as refused:
            freeze_study(db, study, AnalysisPlan(), WORDING)
    texts = compose_wording(short_protocol()).values()
    unfilled = sum(len(find_unfilled_places(text)) for text in texts)
    assert str(refused.value).count("[...") == unfilled > 1


def test_the_defaults_that_a_new_study_shows_are_a_plan(tmp_path: Path) -> None:
    shown = [line.removeprefix("# ") for line in format_default_plan().splitlines()]
    words = [line for line in shown if " = " in line or line.startswith("[")]
    (tmp_path / "plan.toml").write_text("\n".join(words))
    assert read_plan(tmp_path / "plan.toml") == AnalysisPlan()
    rules = set(tomllib.loads("\n".join(words))["exclusions"])
    assert rules == set(PlannedExclusions().model_dump(exclude_none=True))


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ("margin = 5", "plan.toml: margin = 5: "),
        ("colour = 1", "plan.toml: colour = 1: "),
        ("[exclusions]\nfast_ms = -1", "exclusions.fast_ms = -1: "),
        ("[exclusions]\nallow_repeated = 1", "exclusions.allow_repeated = 1: "),
        ("participants = ", "cannot be read as TOML"),
    ],
)
def test_an_invalid_plan_is_an_error_with_its_key(plan: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(plan)
    with pytest.raises(StudyError) as refused:
        read_plan(tmp_path / "plan.toml")
    assert words in str(refused.value)


def test_the_command_writes_the_file_and_opens_after_it(
    draft: Engine, database_url: str, tmp_path: Path
) -> None:
    out = tmp_path / "design.json"
    settings = {"STUDY_DATABASE_URL": database_url, "STUDY_INSTANCE": str(tmp_path)}

    def study(*words: str) -> str:
        done = CliRunner().invoke(commands, words, env=settings)
        if done.exception:
            raise done.exception
        return done.output

    with pytest.raises(StudyError, match="not frozen"):
        study("open", "short")
    digest = study("freeze", "short", "--out", str(out)).split("SHA-256 ")[1][:64]
    assert hashlib.sha256(out.read_bytes()).hexdigest() == digest
    assert study("open", "short").startswith("short: open; http")
    study("export", "short", "--out", str(tmp_path / "answers" / "responses.csv"))
    assert (tmp_path / "answers" / "design.json").read_bytes() == out.read_bytes()
    with pytest.raises(StudyError, match="already exists"):
        study("freeze", "short", "--out", str(out))
