"""Tests that the server and the analysis agree on design.json, as docs/formats.md describes it."""

import hashlib
import re
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import Engine

from analysis.inputs.design import PLAN_KEYS, ExclusionRules, read_design
from study_server.storage.engine import write_transaction
from study_server.studies.design import DESIGN_SCHEMA, AnalysisPlan, PlannedExclusions, freeze_study
from study_server.studies.lookup import find_study
from tests.conftest import short_protocol
from tests.imported_studies import open_study

FORMATS = (Path(__file__).parent.parent / "docs" / "formats.md").read_text()


def test_both_packages_have_the_same_rules_and_defaults() -> None:
    assert PlannedExclusions().model_dump() == asdict(ExclusionRules())
    assert sorted(AnalysisPlan.model_fields) == sorted(PLAN_KEYS)


def test_the_documentation_names_every_rule() -> None:
    section = FORMATS.split("## design.json")[1].split("\n## ")[0]
    described = set(re.findall(r"`([a-z_]+)`", section))
    assert set(PlannedExclusions.model_fields) <= described
    assert f'"{DESIGN_SCHEMA}"' in section


def test_the_report_reads_what_the_server_froze(
    engine: Engine, manifest: Path, tmp_path: Path
) -> None:
    open_study(engine, short_protocol(title="Größe"), manifest, tmp_path / "instance")
    rules = PlannedExclusions(fast_ms=150, attention_checks_min_correct=1)
    with write_transaction(engine) as db:
        plan = AnalysisPlan(participants=60, margin=0.05, exclusions=rules)
        design = freeze_study(db, find_study(db, "short"), plan, "ab" * 32)
    (tmp_path / "design.json").write_text(design, encoding="utf-8")
    read = read_design(tmp_path / "design.json")
    assert read.sha256 == hashlib.sha256(design.encode()).hexdigest()
    assert (read.study, read.plan.margin, read.plan.participants) == ("short", 0.05, 60)
    changed = {"fast_ms": 150, "attention_checks_min_correct": 1}
    followed = {"planned_trials": 5, "attention_checks_planned": 1}  # from the protocol
    assert asdict(read.plan.rules) == asdict(ExclusionRules()) | changed | followed
