"""The frozen design is read, hashed, and refused if it is wrong."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from analysis.inputs.design import (
    DesignError,
    ExclusionRules,
    Plan,
    hash_canonical,
    read_design,
    read_plan,
)
from tests.analysis.designs import make_design, write_json

CANONICAL = (
    '{"plan":{},"protocol":{"title":"Which one is gefälscht?"},"schema":"s","study":"trees"}'
)


def test_the_hash_does_not_depend_on_the_layout(tmp_path: Path) -> None:
    known = hashlib.sha256(CANONICAL.encode()).hexdigest()
    assert hash_canonical(json.loads(CANONICAL)) == known
    design = make_design()
    plain, pretty = tmp_path / "plain.json", tmp_path / "pretty.json"
    write_json(plain, design)
    pretty.write_text(json.dumps(dict(reversed(design.items())), indent=2))
    assert read_design(plain) == read_design(pretty)
    changed = make_design(plan={"margin": 0.06})
    assert read_design(write_json(plain, changed)).sha256 != read_design(pretty).sha256


def test_planned_trials_come_from_the_protocol(tmp_path: Path) -> None:
    design = read_design(write_json(tmp_path / "design.json", make_design()))
    assert design.plan.rules == ExclusionRules(planned_trials=44, attention_checks_planned=4)
    assert (design.plan.margin, design.plan.participants) == (0.05, 2)


def test_the_plan_overrides_the_protocol_and_the_defaults(tmp_path: Path) -> None:
    plan = {"exclusions": {"planned_trials": 50, "fast_ms": None, "side_max_fraction": 0.8}}
    path = write_json(tmp_path / "design.json", make_design(plan=plan))
    expected = ExclusionRules(
        planned_trials=50, attention_checks_planned=4, fast_ms=None, side_max_fraction=0.8
    )
    assert read_design(path).plan.rules == expected


def test_a_plan_may_be_a_file_of_its_own(tmp_path: Path) -> None:
    toml = tmp_path / "plan.toml"
    toml.write_text("margin = 0.1\n[exclusions]\nattention_checks_min_correct = 3\n")
    plan = {"margin": 0.1, "exclusions": {"attention_checks_min_correct": 3}}
    expected = Plan(ExclusionRules(attention_checks_min_correct=3), margin=0.1)
    assert read_plan(toml) == read_plan(write_json(tmp_path / "plan.json", plan)) == expected
    assert read_plan(toml, make_design()["protocol"]).rules.planned_trials == 44


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": "hue-and-eye/design/2"}, "schema is 'hue-and-eye/design/2', expected"),
        ({"plan": []}, "plan is missing"),
        ({"study": None}, "study is missing"),
        ({"plan": {"margins": 0.1}}, "unknown key 'margins'; known: hypotheses"),
        ({"plan": {"margin": 5}}, "margin is 5, expected a share from 0 to 1"),
        ({"plan": {"participants": "60"}}, "participants is '60', expected a whole number"),
        ({"plan": {"exclusions": {"to_fast": 1}}}, "exclusions: unknown key 'to_fast'"),
        ({"plan": {"exclusions": {"fast_ms": -1}}}, "exclusions: fast_ms is -1, expected milli"),
        ({"plan": {"exclusions": {"allow_repeated": 1}}}, "is 1, expected true or false"),
        ({"plan": {"exclusions": {"side_max_fraction": True}}}, "is True, expected a share"),
        ({"plan": {"exclusions": {"min_answers": 2.5}}}, "is 2.5, expected a whole number"),
        ({"plan": {"exclusions": "none"}}, "exclusions is 'none', expected a table of rules"),
        (
            {"protocol": {"trials": "40", "attention_checks": 4}},
            "protocol: trials is '40', expected a",
        ),
    ],
)
def test_an_error_is_one_line_that_names_the_file(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = write_json(tmp_path / "design.json", make_design() | changes)
    with pytest.raises(DesignError) as caught:
        read_design(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.json", None),
        ("cut.json", b'{"schema": '),
        ("cut.toml", b"margin = "),
        ("list.json", b"[]"),
        ("latin.json", b'{"a": "\xe4"}'),
    ],
)
def test_an_unreadable_file_is_refused(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DesignError, match=name) as caught:
        read_plan(path)
    assert "\n" not in str(caught.value)
