"""Read the design of a study, frozen or not, and the analysis plan, in the design or alone."""

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

DESIGN_SCHEMA, DRAFT_SCHEMA = "hue-and-eye/design/1", "hue-and-eye/draft/1"
PLAN_KEYS = ("hypotheses", "exclusions", "margin", "participants", "stopping", "covariates")
STAIRCASE_KEYS = ("start_ms", "up_ms", "down_ms", "right_in_a_row", "min_ms", "max_ms")
PROPORTION_TEXT, COUNT_TEXT, TIME_TEXT, BOOLEAN_TEXT = (
    "a share from 0 to 1",
    "a whole number",
    "milliseconds",
    "true or false",
)


class DesignError(Exception):
    """A design or plan that cannot be used; the message says where, what, and what to do."""


@dataclass(frozen=True)
class ExclusionRules:
    """The numbers of the exclusion rules, named as in a plan; None: the rule does not apply.

    planned_trials: test trials and attention checks per participant, without repeats; if None, only
    participants whose outcome is `complete` have answered all. attention_checks_planned: if None,
    the number that complete participants have seen. attention_checks_min_correct: if None, 80%; if
    0, the rule does not apply; with fewer planned than `attention_checks_min_planned`, failures are
    flagged only. min_answers: rules about shares need at least this many answers.
    """

    min_completed_fraction: float | None = 0.9
    planned_trials: int | None = None
    attention_checks_min_correct: int | None = None
    attention_checks_planned: int | None = None
    attention_checks_min_planned: int | None = 8
    fast_ms: float | None = 200
    max_fast_fraction: float | None = 0.25
    slow_ms: float | None = 60_000
    side_max_fraction: float | None = 0.9
    alternation_max_fraction: float | None = 0.95
    flagged_max_fraction: float | None = 0.5
    min_answers: int | None = 10
    allow_repeated: bool | None = False


@dataclass(frozen=True)
class Plan:
    """The decisions that are made before the data are collected; None: left open.

    margin: the equivalence margin. participants: the planned number of participants who complete
    the study. covariates: the variables whose levels are compared (`inputs/covariates.py`).
    """

    rules: ExclusionRules = field(default_factory=ExclusionRules)
    margin: float | None = None
    participants: int | None = None
    covariates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Design:
    """The content of design.json, or of draft.json before the freeze.

    sha256: of its canonical JSON, also in every row of the responses. manifest_sha256: of the
    manifest that the stimuli were imported from; empty if the file does not say. is_frozen: whether
    a study can deviate from it.
    """

    sha256: str
    study: str
    protocol: Mapping[str, Any]
    plan: Plan
    manifest_sha256: str = ""
    is_frozen: bool = True

    @property
    def staircase(self) -> Mapping[str, Any] | None:
        """The staircase of the protocol; None if exposures do not follow the answers."""
        return self.protocol.get("staircase")


def read_design(path: Path) -> Design:
    """Read design.json or draft.json. Raises DesignError if the file is not a design."""
    design = read_settings(path)
    if design.get("schema") not in (DESIGN_SCHEMA, DRAFT_SCHEMA):
        raise DesignError(f"{path}: schema is {design.get('schema')!r}, expected {DESIGN_SCHEMA}")
    for key, kind in (("study", str), ("protocol", dict), ("plan", dict)):
        if not isinstance(design.get(key), kind):
            raise DesignError(
                f"{path}: {key} is missing; use the design.json written by `study freeze`"
            )
    protocol = design["protocol"]
    _check_staircase(f"{path}: protocol", protocol.get("staircase"))
    plan = parse_plan(str(path), design["plan"], protocol)
    manifest_sha256 = str(design.get("manifest_sha256") or "")
    is_frozen = design["schema"] == DESIGN_SCHEMA
    sha256 = hash_canonical(design)
    return Design(sha256, design["study"], protocol, plan, manifest_sha256, is_frozen)


def _check_staircase(name: str, staircase: Any) -> None:
    if staircase is None:
        return
    if not isinstance(staircase, Mapping):
        raise DesignError(f"{name}: staircase is {staircase!r}, expected a table")
    for key in STAIRCASE_KEYS:
        if not staircase.get(key):
            raise DesignError(
                f"{name}: staircase has no {key}; use the design.json as it was frozen"
            )
        _check_value(f"{name}: staircase", key, staircase[key], COUNT_TEXT)


def read_plan(path: Path, protocol: Mapping[str, Any] | None = None) -> Plan:
    """Read a separate plan, as TOML or JSON. protocol: that of the design, if there is one."""
    return parse_plan(str(path), read_settings(path), protocol or {})


def parse_plan(source: str, plan: Mapping[str, Any], protocol: Mapping[str, Any]) -> Plan:
    """Check the values of a plan. source: the file's name, for messages."""
    _refuse_unknown(source, plan, PLAN_KEYS)
    for key, expected in (("margin", PROPORTION_TEXT), ("participants", COUNT_TEXT)):
        _check_value(source, key, plan.get(key), expected)
    rules = _parse_rules(source, plan.get("exclusions", {}), protocol)
    covariates = _parse_covariates(source, plan.get("covariates", []))
    return Plan(rules, plan.get("margin"), plan.get("participants"), covariates)


def hash_canonical(design: Mapping[str, Any]) -> str:
    """SHA-256 of the JSON with sorted keys and no spaces, as UTF-8: layout does not matter."""
    canonical = json.dumps(design, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def read_settings(path: Path) -> dict[str, Any]:
    """Read a JSON file, or a TOML file. Raises DesignError if it is neither."""
    try:
        text = path.read_text("utf-8")
        parsed = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise DesignError(f"{path}: {error.strerror}; check the path") from error
    except ValueError as error:  # not JSON, not TOML, not UTF-8
        raise DesignError(
            f"{path}: {error}; use JSON, or TOML in a file with the suffix .toml"
        ) from error
    if not isinstance(parsed, dict):
        raise DesignError(
            f"{path}: not a JSON object; use the design.json written by `study freeze`"
        )
    return parsed


def _parse_rules(name: str, numbers: Any, protocol: Mapping[str, Any]) -> ExclusionRules:
    """Build the exclusion rules; numbers of trials missing in the plan come from the protocol."""
    if not isinstance(numbers, Mapping):
        raise DesignError(f"{name}: exclusions is {numbers!r}, expected a table of rules")
    _refuse_unknown(f"{name}: exclusions", numbers, [rule.name for rule in fields(ExclusionRules)])
    for key, value in numbers.items():
        _check_value(f"{name}: exclusions", key, value, _expected_text(key))
    return ExclusionRules(**{**_planned_trials(name, protocol), **numbers})


def _parse_covariates(source: str, names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DesignError(f"{source}: covariates is {names!r}, expected a list of names")
    if len(set(names)) < len(names):
        raise DesignError(f"{source}: covariates names one twice; name each once")
    return tuple(names)


def _planned_trials(name: str, protocol: Mapping[str, Any]) -> dict[str, int]:
    trials, attention_checks = protocol.get("trials"), protocol.get("attention_checks")
    if trials is None or attention_checks is None:
        return {}
    for key in ("trials", "attention_checks"):
        _check_value(f"{name}: protocol", key, protocol[key], COUNT_TEXT)
    return {
        "planned_trials": trials + attention_checks,
        "attention_checks_planned": attention_checks,
    }


def _expected_text(rule: str) -> str:
    for ending, expected in (
        ("_fraction", PROPORTION_TEXT),
        ("_ms", TIME_TEXT),
        ("_repeated", BOOLEAN_TEXT),
    ):
        if rule.endswith(ending):
            return expected
    return COUNT_TEXT


def _check_value(name: str, key: str, value: Any, expected: str) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {
        PROPORTION_TEXT: number and 0 <= value <= 1,
        TIME_TEXT: number and value >= 0,
        COUNT_TEXT: number and isinstance(value, int) and value >= 0,
        BOOLEAN_TEXT: isinstance(value, bool),
    }
    if value is not None and not fits[expected]:
        raise DesignError(f"{name}: {key} is {value!r}, expected {expected}")


def _refuse_unknown(name: str, table: Mapping[str, Any], allowed: Sequence[str]) -> None:
    unknown = [key for key in table if key not in allowed]
    if unknown:
        raise DesignError(f"{name}: unknown key {unknown[0]!r}; known: {', '.join(allowed)}")
