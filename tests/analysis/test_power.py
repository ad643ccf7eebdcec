"""The command: what it says and writes, a pilot's effects, and how mistakes are told."""

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

ASKED = ("--difference", "0.075", "--rate", "0.301")
CLOSE = ("--difference", "-0.022", "--rate", "0.301")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(power_command, [str(argument) for argument in arguments])


def plan(folder: Path, *arguments: str) -> dict[str, Any]:
    done = run(*arguments, "--out", folder / "power.json")
    assert done.exit_code == 0, done.output
    written: dict[str, Any] = json.loads((folder / "power.json").read_text())
    return written


def test_the_answer_is_the_same_in_words_json_and_table(tmp_path: Path) -> None:
    found = plan(tmp_path, *ASKED)
    assert found["schema"] == "hue-and-eye/power/1"
    assert found["participants"] == {"80": 38, "90": 52}
    assert found["reason"] is None
    assert found["inputs"]["effects"] == "typical"
    assert found["inputs"]["sd_image"] == 0.8
    with (tmp_path / "power.csv").open(newline="") as file:
        rows = {(row["trials"], row["images"]): row for row in csv.DictReader(file)}
    assert len(rows) == len(found["table"]) == 15
    asked = rows["40", "200"]
    assert (asked["participants_80"], asked["participants_90"]) == ("38", "52")
    said = run(*ASKED).output
    assert "80 % power: 38 people" in said
    assert "90 % power: 52 people" in said
    (line,) = (line for line in said.splitlines() if line.startswith("   40 trials"))
    assert [cell.strip() for cell in line.split("  ") if cell][1:3] == ["44 / 66", "38 / 52"]


def test_the_curve_passes_through_the_answer_and_is_drawn(tmp_path: Path) -> None:
    found = plan(tmp_path, *ASKED)
    power_of = {point["participants"]: point["power"] for point in found["curve"]}
    assert power_of[36] < 0.8 <= power_of[38]
    assert list(power_of.values()) == sorted(power_of.values())
    drawing = (tmp_path / "power.svg").read_text()
    assert "38 people" in drawing
    assert "any number" not in drawing
    ElementTree.fromstring(drawing)
    assert (tmp_path / "power.png").read_bytes().startswith(b"\x89PNG")


def test_where_images_cap_power_it_says_so_and_how_many_would_do(tmp_path: Path) -> None:
    found = plan(tmp_path, *CLOSE, "--images", "200")
    assert found["participants"] is None
    assert found["reason"].startswith("No number of people gives 80 and 90 % power: 200 photo")
    assert found["reason"] in run(*CLOSE, "--images", "200").output
    assert "with any number of people" in (tmp_path / "power.svg").read_text()
    some = plan(tmp_path, *CLOSE, "--images", "400")
    assert some["participants"]["80"] > 2000
    assert some["participants"]["90"] is None
    assert some["reason"].startswith("No number of people gives 90 % power")


def test_the_same_question_gives_the_same_bytes(tmp_path: Path) -> None:
    names = ("power.json", "power.csv", "power.svg", "power.png")
    written = []
    for _ in range(2):
        plan(tmp_path, *ASKED, "--simulate", "20")
        written.append([(tmp_path / name).read_bytes() for name in names])
    assert written[0] == written[1]


def test_simulated_studies_stand_beside_the_formula(tmp_path: Path) -> None:
    found = plan(tmp_path, *ASKED, "--simulate", "100")
    assert found["simulated"]["80"] == pytest.approx(0.8, abs=0.12)
    assert found["simulated"]["90"] == pytest.approx(0.9, abs=0.12)


def test_a_margin_asks_for_equivalence(tmp_path: Path) -> None:
    """100 people and 400 images: 80 % power for 5 points."""
    found = plan(tmp_path, "--rate", "0.301", "--margin", "0.05", "--images", "400")
    assert found["participants"]["80"] == pytest.approx(100, rel=0.05)


def write_pilot(folder: Path, **methods: object) -> Path:
    path = folder / "report.json"
    path.write_text(json.dumps({"methods": methods}))
    return path


def test_a_pilot_brings_its_own_effects(tmp_path: Path) -> None:
    pilot = write_pilot(
        tmp_path,
        l2={"mixed": {"sd_participant": 0.7, "sd_image": 1.1}},
        mcl={"mixed": {"sd_participant": 0.9, "sd_image": 1.3}},
        foil={"mixed": None},
    )
    found = plan(tmp_path, *ASKED, "--effects", str(pilot))
    assert found["inputs"]["sd_participant"] == pytest.approx(0.8)
    assert found["participants"] == plan(tmp_path, *ASKED, "--effects", "high")["participants"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rate", "0.3"], "give --difference"),
        (["--rate", "0.3", "--difference", "0"], "give --difference"),
        (["--rate", "0.3", "--difference", "0.4"], "not between 0 and 1"),
        (["--rate", "0.3", "--difference", "0.1", "--margin", "0.05"], "not inside of --margin"),
        ([*ASKED, "--trials", "300"], "nobody sees a photograph twice"),
        ([*ASKED, "--trials", "2", "--methods", "3"], "cannot show 3 methods"),
        ([*ASKED, "--effects", "huge"], "give none, low, typical, high"),
        ([*ASKED, "--rate", "1.5"], "--rate"),
    ],
)
def test_a_mistake_says_what_to_do(options: list[str], message: str) -> None:
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
def test_a_pilot_that_says_nothing_of_effects_is_a_mistake(
    content: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "report.json").write_text(content)
    done = run(*ASKED, "--effects", tmp_path / "report.json")
    assert (done.exit_code, message in " ".join(done.output.split())) == (2, True)


def test_by_the_shell_a_mistake_is_one_line() -> None:
    command = [sys.executable, "-m", "analysis.power", "--rate", "0.3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
