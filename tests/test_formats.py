"""Tests that docs/formats.md, which describes the files between packages, matches the code."""

import json
import re
from dataclasses import fields
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.compute
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.csv_cells import FORMULA_START
from analysis.findings.monitor_data import assemble_monitor
from analysis.findings.report_data import ReportOptions
from analysis.inputs import changes, questionnaire, responses, row_checks
from analysis.inputs.manifest_table import read_manifest_table
from analysis.inputs.responses import ResponsesError
from analysis.inputs.sources import GUARDED_PATTERNS, read_responses
from analysis.planning.formulas import EFFECT_PRESETS, PowerScenario
from analysis.planning.power_json import assemble_power_json
from analysis.planning.protocol_options import read_protocol_options
from analysis.report_files import make_report
from analysis.report_output.csv_files import render_images_csv
from colorizer.stimuli import manifest
from study_server import vocabulary as words
from study_server.csv_cells import FORMULA_START as EXPORT_FORMULA_START
from study_server.csv_cells import guard_formulas
from study_server.export import codebook
from study_server.protocol.presets import PRESETS
from study_server.protocol.study_toml import create_protocol, format_toml
from study_server.stimuli import manifest as manifests
from tests.analysis.rows import make_study, write_csv

FORMATS = (Path(__file__).parent.parent / "docs" / "formats.md").read_text()


def section(title: str) -> str:
    (text,) = re.findall(rf"^## {re.escape(title)}.*?\n(.*?)(?=^## |\Z)", FORMATS, re.M | re.S)
    return str(text)


def table(title: str) -> dict[str, str]:
    """Return the meaning of each column. A row of the table may name several columns."""
    rows = re.findall(r"^\| ([a-z0-9_, ]+) \| (.+) \|$", section(title), re.M)
    return {
        column: text for names, text in rows if names != "column" for column in names.split(", ")
    }


def vocabulary(meaning: str) -> list[str]:
    return re.findall(r"`([a-z0-9_]+)`", meaning)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_power_command_reads_the_study_toml_of_every_preset(
    preset: str, tmp_path: Path
) -> None:
    protocol = create_protocol("trees", preset)
    (tmp_path / "study.toml").write_text(format_toml(protocol))
    options = read_protocol_options(tmp_path / "study.toml").values
    assert options["trials"] == protocol.trials // (1 + (protocol.has_truth and protocol.is_single))
    assert options["methods"] == len(protocol.methods) + protocol.include_real


def test_manifest_columns() -> None:
    columns = list(table("manifest.csv"))
    assert columns == list(manifests.MANIFEST_COLUMNS)
    assert columns == [field.name for field in fields(manifest.ManifestRow)]


def test_responses_columns() -> None:
    columns = list(table("responses.csv"))
    assert columns == list(codebook.RESPONSE_COLUMNS)
    assert columns == list(responses.RESPONSE_COLUMNS)


def test_judgments_columns() -> None:
    assert list(table("judgments.csv")) == list(codebook.JUDGMENT_COLUMNS)


def test_timing_columns() -> None:
    assert list(table("timing.csv")) == list(codebook.TIMING_COLUMNS)


def test_incidents_columns() -> None:
    assert list(table("incidents.csv")) == list(codebook.INCIDENT_COLUMNS)


def test_questionnaire_columns() -> None:
    columns = list(table("questionnaire.csv"))
    assert (
        columns == list(codebook.QUESTIONNAIRE_COLUMNS) == list(questionnaire.QUESTIONNAIRE_COLUMNS)
    )
    listed = vocabulary(table("questionnaire.csv")["type"])
    assert listed == list(words.QuestionType) == list(questionnaire.ANSWER_TYPES)


def test_link_parameters_columns() -> None:
    assert list(table("link_parameters.csv")) == list(codebook.LINK_PARAMETER_COLUMNS)


def test_unblinding_columns() -> None:
    assert list(table("unblinding.csv")) == list(codebook.UNBLINDING_COLUMNS)


def test_changes_columns() -> None:
    columns = list(table("changes.csv"))
    assert columns == list(codebook.CHANGE_COLUMNS) == list(changes.CHANGE_COLUMNS)


def test_participants_columns() -> None:
    listed = section("participants.csv").split("\n\n")[0].strip().rstrip(".")
    columns = [column.partition(" (")[0] for column in re.split(r", (?![^(]*\))", listed)]
    assert columns == list(codebook.PARTICIPANT_COLUMNS)


@pytest.mark.parametrize(
    ("column", "of_the_server"),
    [
        ("outcome", words.Outcome),
        ("mode", words.Mode),
        ("kind", words.TrialKind),
        ("presentation", None),
        ("question", None),
    ],
)
def test_values_of_the_responses(column: str, of_the_server: type[StrEnum] | None) -> None:
    listed = vocabulary(table("responses.csv")[column])
    assert listed == list(row_checks.ALLOWED_VALUES[column])
    if of_the_server:
        assert listed == list(of_the_server)


def test_values_of_flags_and_answers() -> None:
    columns = table("responses.csv")
    assert vocabulary(columns["flags"]) == list(words.TrialFlag) == list(row_checks.FLAGS)
    for column in ("truth", "answer"):
        assert set(vocabulary(columns[column])) <= {
            *row_checks.PAIR_ANSWERS,
            *row_checks.SINGLE_ANSWERS,
        }
    assert vocabulary(columns["truth"]) == [*row_checks.PAIR_ANSWERS, *row_checks.SINGLE_ANSWERS]


@pytest.mark.slow(3)
def test_every_key_of_a_report_is_described(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "responses.csv", make_study())
    make_report(
        read_responses(str(source)), tmp_path / "report", ReportOptions(bootstrap_replicates=10)
    )
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    described = set(re.findall(r'"([a-z0-9_]+)"', section("report.json")))
    exclusions = report["exclusions"]
    named = {*report["methods"], *report["software"], *report["timing"]["flags"]}
    named |= {*exclusions["leave_one_rule_out"], *exclusions["by_reason"]}
    assert keys(report) - named <= described


def test_every_key_of_monitor_and_power_json_is_described(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "responses.csv", make_study())
    responses = read_responses(str(source))
    monitor = assemble_monitor(str(source), responses, "trees", None, datetime.now(UTC))
    described = set(re.findall(r'"([a-z0-9_]+)"', section("monitor.json")))
    values = {"stop", "equal", "continue", "people", "images"}
    assert keys(monitor) - set(monitor["methods"]) == described - {"mcl"} - values
    study = PowerScenario((0.3, 0.2), EFFECT_PRESETS["typical"], trials=40, images=200)
    described = set(re.findall(r'"([a-z0-9_]+)"', section("power.json")))
    assert (
        keys(assemble_power_json(study, {"simulate": 1, "seed": 0})) - {"simulate", "seed"}
        == described
    )


def keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*(keys(inner) for inner in value.values()))
    if isinstance(value, list):
        return set().union(*(keys(inner) for inner in value))
    return set()


def test_methods_and_sources() -> None:
    assert vocabulary(table("manifest.csv")["method"])[:2] == [words.REAL_METHOD, words.FOIL_METHOD]
    assert vocabulary(section("participants.csv"))[:4] == list(words.RecruitmentSource)


def test_the_documentation_names_the_codebook_version() -> None:
    assert f"`{codebook.FORMAT_VERSION}`" in FORMATS


@given(st.text("=+-@\t\r\n;,'\"a ", max_size=12))
def test_the_report_removes_exactly_the_guards_of_the_export(text: str) -> None:
    guarded = pa.array([guard_formulas(text)])
    for pattern, unguarded in GUARDED_PATTERNS:
        guarded = pyarrow.compute.replace_substring_regex(guarded, pattern, unguarded)
    assert guarded.to_pylist() == [text]


def test_the_tables_of_the_report_have_no_formulas_either() -> None:
    assert FORMULA_START.pattern == EXPORT_FORMULA_START.pattern
    rows = [{"image": "a;=1+1", "method": "=l2", "rate": -0.5}]
    assert render_images_csv(rows) == (b'"image","method","rate"\n"a;\'=1+1","\'=l2",-0.5\n')


@pytest.mark.parametrize("separator", [";", "\t"])
def test_responses_saved_by_a_spreadsheet_are_refused(separator: str, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "responses.csv", make_study())
    file.write_text(file.read_text().replace(",", separator))
    with pytest.raises(ResponsesError, match="saved by a spreadsheet, which may have changed num"):
        read_responses(str(file))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_manifest_saved_by_a_spreadsheet_is_read(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "manifest.csv"
    line = ";".join(["Kühe", "real", "a.png", "0" * 64, "32", "32", "test", ""])
    file.write_text(f"{';'.join(manifests.MANIFEST_COLUMNS)}\r\n{line}\r\n", encoding=encoding)
    (row,) = manifests.read_manifest(file)
    (listed,) = read_manifest_table(tmp_path)
    assert row.image == listed["image"] == "Kühe"
