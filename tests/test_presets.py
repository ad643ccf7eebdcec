"""Tests of every preset with simulated participants, from import to report, on both databases."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from analysis.report import report
from study_server.app import create_app
from study_server.export.csv_files import export_study
from study_server.protocol.model import Protocol, task_of
from study_server.protocol.presets import PRESETS
from study_server.protocol.study_toml import create_protocol
from study_server.settings import Settings
from study_server.simulation.simulated_people import SimulatedPopulation
from study_server.storage.engine import write_transaction
from study_server.studies.design import AnalysisPlan, PlannedExclusions, freeze_study
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode
from tests.conftest import SECRET, simulate, write_stimuli
from tests.imported_studies import open_study

pytestmark = [pytest.mark.slow(40), pytest.mark.usefixtures("coarse_figures")]

PEOPLE = 2  # an interval needs two
NO_EXCLUSIONS = AnalysisPlan(exclusions=PlannedExclusions(attention_checks_min_correct=0))
STRENGTHS = {"l2": 0.0, "mcl": 0.4, "mcl-annealed": 0.6, "zhang2016": 0.5}
POPULATION = SimulatedPopulation({"l2": 0.15, "mcl": 0.2}, STRENGTHS, participant_sd=0)
METHODS = ("real", *STRENGTHS, "gray", "foil")
TRUE_PRESETS = [name for name in PRESETS if task_of(create_protocol("s", name)).HAS_TRUTH]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a manifest for the longest preset, with 200 images per participant."""
    return write_stimuli(tmp_path_factory.mktemp("stimuli"), 200, 16, METHODS)


def play(
    engine: Engine,
    url: str,
    manifest: Path,
    folder: Path,
    protocol: Protocol,
    population: SimulatedPopulation = POPULATION,
) -> list[dict[str, str]]:
    """Import, freeze, simulate and export a study; return the rows of responses.csv."""
    open_study(engine, protocol, select_stimuli(manifest, protocol), folder / "instance")
    with write_transaction(engine) as db:
        freeze_study(db, find_study(db, protocol.slug), NO_EXCLUSIONS, "0" * 64)
    app = create_app(
        Settings(database_url=url, instance_folder=folder / "instance", secret_key=SECRET), engine
    )
    simulate(app, protocol.slug, PEOPLE, population)
    with write_transaction(engine) as db:
        study = find_study(db, protocol.slug)
        export_study(db, study, folder / "responses.csv", tuple(Mode), blinded=False)
    with (folder / "responses.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def select_stimuli(manifest: Path, protocol: Protocol) -> Path:
    """Write a manifest of the methods and about as many images as the protocol needs."""
    methods = {"real", "foil", *protocol.methods, protocol.reference}
    images = {f"photo-{number:03}" for number in range(2 * protocol.different_trials)}
    header, *rows = manifest.read_text().splitlines()
    chosen = [row for row in rows if row.split(",")[1] in methods and row.split(",")[0] in images]
    path = manifest.with_name(f"{protocol.preset}.csv")
    path.write_text("\n".join([header, *chosen, ""]))
    return path


def make_report(folder: Path) -> dict[str, Any]:
    design = "--design", str(folder / "design.json")
    arguments = [str(folder / "responses.csv"), *design, "--out", str(folder / "report")]
    done = CliRunner().invoke(report, arguments, standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    contents: dict[str, Any] = json.loads((folder / "report" / "report.json").read_text())
    return contents


def shorten(protocol: Protocol) -> Protocol:
    """Return the protocol with two blocks of 20 trials, if it is a staircase."""
    if protocol.staircase is None:
        return protocol
    staircase = protocol.staircase.model_copy(update={"blocks": 2, "trials_per_block": 20})
    return protocol.model_copy(update={"staircase": staircase, "trials": staircase.trials})


@pytest.mark.parametrize("preset", TRUE_PRESETS)
def test_a_preset_runs_from_import_to_report(
    preset: str, engine: Engine, database_url: str, manifest: Path, tmp_path: Path
) -> None:
    protocol = shorten(create_protocol("s", preset))
    rows = play(engine, database_url, manifest, tmp_path, protocol)
    for person in {row["participant"] for row in rows}:
        own = [row for row in rows if row["participant"] == person]
        planned = {str(kind): count for kind, count in protocol.planned_trials.items() if count}
        assert Counter(row["kind"] for row in own) == planned
        assert {row["outcome"] for row in own} == {"complete"}
        images = [image for row in own for image in {row["image"], row["real_image"]} - {""}]
        assert len(set(images)) == len(images)
    exposures = {str(exposure or "") for exposure in protocol.exposures_ms}
    shown = {row["exposure_ms"] for row in rows}
    assert shown > exposures if protocol.staircase else shown == exposures
    assert {(row["presentation"], row["question"]) for row in rows} == {
        (protocol.presentation, protocol.question)
    }
    results = make_report(tmp_path)
    assert results["input"]["participants"] == PEOPLE
    assert (results["design"]["verdict"], results["design"]["deviations"]) == ("match", [])
    assert set(results["methods"]) == {"l2", "mcl"}
    fakes = PEOPLE * protocol.trials // (2 if protocol.is_single else 1)
    assert sum(method["trials"] for method in results["methods"].values()) == fakes
    assert (results["hype_time"] is not None) == (preset == "hype_time")
    if preset in ("hype_inf", "hype_time"):  # real images count with the fakes of one method
        errors = [method["error"]["trials"] for method in results["methods"].values()]
        assert errors == [protocol.trials] * 2


@pytest.mark.parametrize("preset", sorted(set(PRESETS) - set(TRUE_PRESETS)))
def test_a_comparison_or_rating_runs_from_import_to_report(
    preset: str, engine: Engine, database_url: str, manifest: Path, tmp_path: Path
) -> None:
    protocol = create_protocol("s", preset)
    rows = play(engine, database_url, manifest, tmp_path, protocol)
    assert {row["outcome"] for row in rows} == {"complete"}
    assert len(rows) == PEOPLE * sum(protocol.planned_trials.values())
    results = make_report(tmp_path)
    assert (results["task"], results["design"]["verdict"]) == (protocol.task, "match")
    competing = {*protocol.methods, *(["real"] if protocol.include_real else [])}
    assert set(results["methods"]) == competing
    judged = [
        estimate["trials"]
        for method in results["methods"].values()
        for estimate in [
            *method.get("mean_opinion", {}).values(),
            method.get("win_rate"),
            method.get("share_best"),
        ]
        if estimate
    ]
    assert sum(judged) == PEOPLE * protocol.trials * protocol.candidate_count
    checks = results["attention_checks"]
    assert checks["answers"] == PEOPLE * protocol.attention_checks
    assert checks["correct"] >= 0.8 * checks["answers"]
    with write_transaction(engine) as db:
        export_study(db, find_study(db, "s"), tmp_path / "responses.csv", tuple(Mode), blinded=True)


def test_unqualified_participants_are_screened_out_and_free_their_place(
    engine: Engine, database_url: str, manifest: Path, tmp_path: Path
) -> None:
    """Participants fooled by most fakes fail the qualification of HYPE."""
    protocol = create_protocol("s", "hype_inf")
    population = SimulatedPopulation({"l2": 0.8, "mcl": 0.8}, participant_sd=0)
    rows = play(engine, database_url, manifest, tmp_path, protocol, population)
    assert {row["outcome"] for row in rows} == {"screened_out"}
    assert Counter(row["kind"] for row in rows) == {"qualification": 100 * PEOPLE}
    assert {row["truth"] for row in rows} == {"fake", "real"} == {row["answer"] for row in rows}


@pytest.mark.parametrize("presentation", ["sequential", "simultaneous"])
def test_unpaired_trials_show_another_photograph_beside_a_fake(
    presentation: str, engine: Engine, database_url: str, manifest: Path, tmp_path: Path
) -> None:
    order = "random" if presentation == "sequential" else "left_first"
    changes = {"paired": False, "presentation": presentation, "order": order, "repeats": 8}
    protocol = Protocol.model_validate(create_protocol("s", "isola2017").model_dump() | changes)
    rows = play(engine, database_url, manifest, tmp_path, protocol)
    assert all(row["image"] != row["real_image"] for row in rows)
    seconds = {row["second_ms"] != "" for row in rows}
    assert seconds == {presentation == "sequential"}
    by_place = {(row["participant"], row["position"]): row for row in rows}
    again = [row for row in rows if row["repeat_of"]]
    assert len(again) == 8 * PEOPLE
    for row in again:
        original = by_place[row["participant"], row["repeat_of"]]
        assert (original["image"], original["method"]) == (row["image"], row["method"])
    with (tmp_path / "timing.csv").open(newline="") as file:
        first = Counter(row["first_slot"] for row in csv.DictReader(file))
    assert set(first) == (
        {"0", "1"} if order == "random" else {"0"} if presentation == "sequential" else {""}
    )
    assert make_report(tmp_path)["design"]["verdict"] == "match"
