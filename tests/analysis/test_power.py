"""The power command: its output, its files, a pilot's effects, and its error messages."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from analysis.power import power_command

PLANNED = ("--difference", "0.075", "--rate", "0.301")
SMALL = ("--difference", "-0.022", "--rate", "0.301")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(power_command, [str(argument) for argument in arguments])


def plan(folder: Path, *arguments: str) -> dict[str, Any]:
    done = run(*arguments, "--out", folder / "power.json")
    assert done.exit_code == 0, done.output
    written: dict[str, Any] = json.loads((folder / "power.json").read_text())
    return written


@pytest.mark.slow(0.3)
def test_the_terminal_json_and_csv_agree(tmp_path: Path) -> None:
    written = plan(tmp_path, *PLANNED)
    assert written["schema"] == "hue-and-eye/power/2"
    assert written["participants"] == {"80": 38, "90": 52}
    assert written["reason"] is None
    assert written["inputs"]["effects"] == "typical"
    assert written["inputs"]["sd_image"] == 0.8
    with (tmp_path / "power.csv").open(newline="") as file:
        rows = {(row["trials"], row["images"]): row for row in csv.DictReader(file)}
    assert len(rows) == len(written["table"]) == 15
    planned = rows["40", "200"]
    assert (planned["participants_80"], planned["participants_90"]) == ("38", "52")
    printed = run(*PLANNED).output
    assert "80% power: 38 participants" in printed
    assert "90% power: 52 participants" in printed
    (line,) = (line for line in printed.splitlines() if line.startswith("   40 trials"))
    assert [cell.strip() for cell in line.split("  ") if cell][1:3] == ["44 / 66", "38 / 52"]


def test_the_curve_passes_through_the_answer_and_is_drawn(tmp_path: Path) -> None:
    written = plan(tmp_path, *PLANNED)
    power_of = {point["participants"]: point["power"] for point in written["curve"]}
    assert power_of[36] < 0.8 <= power_of[38]
    assert list(power_of.values()) == sorted(power_of.values())
    drawing = (tmp_path / "power.svg").read_text()
    assert "38 participants" in drawing
    assert "any number" not in drawing
    ElementTree.fromstring(drawing)
    assert (tmp_path / "power.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow(1)
def test_too_few_images_are_reported_with_a_number_that_suffices(tmp_path: Path) -> None:
    written = plan(tmp_path, *SMALL, "--images", "200")
    assert written["participants"] is None
    assert written["reason"].startswith(
        "No number of participants gives 80% and 90% power: with 200"
    )
    assert written["reason"] in run(*SMALL, "--images", "200").output
    assert "limit for any number of participants" in (tmp_path / "power.svg").read_text()
    some = plan(tmp_path, *SMALL, "--images", "400")
    assert some["participants"]["80"] > 2000
    assert some["participants"]["90"] is None
    assert some["reason"].startswith("No number of participants gives 90% power")


@pytest.mark.slow(0.6)
def test_the_same_question_gives_the_same_bytes(tmp_path: Path) -> None:
    names = ("power.json", "power.csv", "power.svg", "power.png")
    written = []
    for _ in range(2):
        plan(tmp_path, *PLANNED, "--simulate", "20")
        written.append([(tmp_path / name).read_bytes() for name in names])
    assert written[0] == written[1]


@pytest.mark.slow(1)
def test_simulated_studies_agree_with_the_formula(tmp_path: Path) -> None:
    written = plan(tmp_path, *PLANNED, "--simulate", "100")
    assert written["simulated"]["80"] == pytest.approx(0.8, abs=0.12)
    assert written["simulated"]["90"] == pytest.approx(0.9, abs=0.12)


def test_a_margin_plans_an_equivalence_test(tmp_path: Path) -> None:
    """100 participants and 400 images give 80% power for 5 points."""
    written = plan(tmp_path, "--rate", "0.301", "--margin", "0.05", "--images", "400")
    assert written["participants"]["80"] == pytest.approx(100, rel=0.05)


@pytest.mark.slow(0.8)
@pytest.mark.parametrize(
    ("options", "people", "question"),
    [
        (
            ("--task", "preference", "--rate", "0.6", "--methods", "4", "--images", "60"),
            {"80": 91, "90": 157},
            "one method is preferred to another in 60.0% of trials: 40 trials",
        ),
        (
            ("--task", "rating", "--difference", "-0.4", "--trials", "20", "--images", "40"),
            {"80": 25, "90": 37},
            "a difference of 0.40 points between two mean scores: 20 trials",
        ),
    ],
)
def test_judged_tasks_are_planned(
    options: tuple[str, ...], people: dict[str, int], question: str, tmp_path: Path
) -> None:
    written = plan(tmp_path, *options)
    assert written["participants"] == people
    assert written["inputs"]["task"] == options[1]
    assert written["inputs"]["design"] is None
    assert question in run(*options).output
    more = plan(tmp_path, *options, "--sd-image", "0.6")
    assert more["inputs"]["sd_image"] == 0.6
    assert more["participants"]["80"] > people["80"]


@pytest.mark.slow(0.4)
def test_methods_without_common_photographs_need_more_participants(tmp_path: Path) -> None:
    written = plan(tmp_path, *PLANNED, "--unpaired")
    assert written["participants"]["80"] == 68
    assert written["inputs"]["unpaired"] is True
    assert all(row["images"] >= row["trials"] for row in written["table"])
    assert "on 200 photographs, 100 for each method" in run(*PLANNED, "--unpaired").output


def write_pilot(folder: Path, **methods: object) -> Path:
    path = folder / "report.json"
    path.write_text(json.dumps({"methods": methods}))
    return path


@pytest.mark.slow(0.4)
def test_a_pilot_supplies_the_effects(tmp_path: Path) -> None:
    pilot = write_pilot(
        tmp_path,
        l2={"mixed": {"sd_participant": 0.7, "sd_image": 1.1}},
        mcl={"mixed": {"sd_participant": 0.9, "sd_image": 1.3}},
        foil={"mixed": None},
    )
    written = plan(tmp_path, *PLANNED, "--effects", str(pilot))
    assert written["inputs"]["sd_participant"] == pytest.approx(0.8)
    assert written["participants"] == plan(tmp_path, *PLANNED, "--effects", "high")["participants"]


@pytest.mark.slow(0.6)
def test_a_pilot_supplies_the_correlations_unless_they_are_given(tmp_path: Path) -> None:
    models = [
        {"mixed": {"correlation_participant": 0.5, "correlation_image": -0.4}},
        {"mixed": {"correlation_participant": 0.7, "correlation_image": None}},
        {"mixed": None},
    ]
    effects = {"l2": {"mixed": {"sd_participant": 0.5, "sd_image": 0.8}}}
    pilot = tmp_path / "report.json"
    pilot.write_text(json.dumps({"methods": effects, "differences": models}))
    inputs = plan(tmp_path, *PLANNED, "--effects", str(pilot))["inputs"]
    assert inputs["participant_correlation"] == pytest.approx(0.6)
    assert inputs["image_correlation"] == 0
    given = ("--effects", str(pilot), "--image-correlation", "0.3")
    assert plan(tmp_path, *PLANNED, *given)["inputs"]["image_correlation"] == 0.3
    usual = plan(tmp_path, *PLANNED)["inputs"]
    assert (usual["participant_correlation"], usual["image_correlation"]) == (0.8, 0.5)


@pytest.mark.slow(0.6)
def test_several_methods_are_planned_for_holms_correction(tmp_path: Path) -> None:
    three = (*PLANNED, "--methods", "3", "--images", "400")
    written = plan(tmp_path, *three)
    assert written["inputs"]["alpha"] == pytest.approx(0.05 / 3)
    assert written["participants"] == {"80": 69, "90": 87}
    assert "sees all 3 methods; Holm-corrected for 3 pairs of methods" in run(*three).output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "use --rate"),
        (["--rate", "0.3"], "use --difference"),
        (["--task", "rating", *PLANNED], "--rate does not apply to --task rating"),
        (["--task", "rating"], "use --difference"),
        (["--task", "preference", "--rate", "0.5"], "0.5 is no difference"),
        (["--task", "preference", *PLANNED], "--difference does not apply"),
        (["--rate", "0.3", "--difference", "0"], "use --difference"),
        (["--rate", "0.3", "--difference", "0.4"], "not between 0 and 1"),
        (
            ["--rate", "0.3", "--difference", "0.1", "--margin", "0.05"],
            "must be smaller than --margin",
        ),
        ([*PLANNED, "--trials", "300"], "no participant sees a photograph twice"),
        ([*PLANNED, "--trials", "2", "--methods", "3"], "too few to show 3 methods"),
        (
            [*PLANNED, "--unpaired", "--design", "between", "--images", "60"],
            "--images 60 is too few for 2 methods that share no photographs; give at least 80",
        ),
        (["--task", "rating", "--difference", "1", "--unpaired"], "--unpaired does not apply"),
        ([*PLANNED, "--effects", "huge"], "use none, low, typical, high"),
        ([*PLANNED, "--rate", "1.5"], "--rate"),
        (["--rate", "nan", "--margin", "0.1"], "--rate is nan; give a finite number"),
        (["--task", "rating", "--difference", "inf"], "--difference is inf; give a finite"),
        ([*PLANNED, "--simulate", "2", "--seed", "-1"], "--seed"),
        ([*PLANNED, "--out", "plan.csv"], "name a .json file"),
    ],
)
def test_wrong_options_are_refused_with_a_remedy(options: list[str], message: str) -> None:
    done = run(*options)
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a report.json"),
        ("[]", "not a report.json"),
        ('{"methods": {"l2": {"mixed": {"sd_image": null}}}}', "not a report.json"),
        ('{"methods": {"l2": {"mixed": null}}}', "--mixed"),
    ],
)
def test_a_pilot_without_effects_is_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(content)
    done = run(*PLANNED, "--effects", tmp_path / "report.json")
    assert (done.exit_code, message in " ".join(done.output.split())) == (2, True)


@pytest.mark.slow(1)
def test_an_error_is_one_line_in_the_shell() -> None:
    command = [sys.executable, "-m", "analysis.power", "--rate", "0.3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
