"""Tests of the options that `analysis.power` takes from a protocol."""

import hashlib
import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from analysis.planning.protocol_options import read_protocol_options
from analysis.power import power_command
from tests.analysis.designs import make_design, write_json

PROTOCOL = {
    "task": "real_or_fake", "methods": ["l2", "mcl"], "assignment": "between", "trials": 30,
    "presentation": "sequential", "include_real": False,
}  # fmt: skip
MANIFEST = "image,method,file\n" + "".join(
    f"i{image},{method},{method}/i{image}.png\n"
    for image in range(60)
    for method in ("real", *["l2"] * (image < 40), *["mcl"] * (image >= 20), "foil")
)


def write_protocol(folder: Path, **changes: Any) -> Path:
    """Write study.toml. changes: keys with other values; None leaves a key out."""
    protocol = {key: value for key, value in (PROTOCOL | changes).items() if value is not None}
    path = folder / "study.toml"
    path.write_text("".join(f"{key} = {json.dumps(one)}\n" for key, one in protocol.items()))
    return path


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {},
            {
                "task": "real_or_fake",
                "methods": 2,
                "trials": 30,
                "design": "between",
                "unpaired": False,
            },
        ),
        (
            {"presentation": "single", "trials": 25},
            {
                "task": "real_or_fake",
                "methods": 2,
                "trials": 13,
                "design": "between",
                "unpaired": False,
            },
        ),
        (
            {"task": "rating", "assignment": "within", "include_real": True},
            {"task": "rating", "methods": 3, "trials": 30},
        ),
        (
            {"task": "best_worst", "assignment": "within"},
            {"task": "preference", "methods": 2, "trials": 30},
        ),
    ],
)
def test_a_protocol_supplies_task_methods_trials_and_assignment(
    changes: dict[str, Any], expected: dict[str, Any], tmp_path: Path
) -> None:
    assert read_protocol_options(write_protocol(tmp_path, **changes)).values == expected


@pytest.mark.parametrize("folder", [".", "outputs"])
def test_a_manifest_near_the_protocol_supplies_the_number_of_photographs(
    folder: str, tmp_path: Path
) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "manifest.csv").write_text(MANIFEST)
    found = read_protocol_options(write_protocol(tmp_path))
    assert (found.values["images"], found.values["unpaired"]) == (60, False)
    assert found.source.endswith("2 methods (between participants), 30 trials and 60 photographs")


def test_methods_without_common_photographs_are_unpaired(tmp_path: Path) -> None:
    assert read_protocol_options(write_protocol(tmp_path, paired=False)).values["unpaired"]
    (tmp_path / "manifest.csv").write_text(MANIFEST)
    found = read_protocol_options(write_protocol(tmp_path, methods=["l2", "zhang2016"]))
    assert (found.values["images"], found.values["unpaired"]) == (40, True)
    assert found.source.endswith("30 trials and 40 photographs (unpaired)")


@pytest.mark.parametrize(("is_imported", "images"), [(True, 60), (False, None)])
def test_a_design_takes_the_manifest_that_it_was_imported_from(
    is_imported: bool, images: int | None, tmp_path: Path
) -> None:
    (tmp_path / "manifest.csv").write_text(MANIFEST)
    design = make_design(PROTOCOL)
    if is_imported:
        design["manifest_sha256"] = hashlib.sha256(MANIFEST.encode()).hexdigest()
    path = write_json(tmp_path / "design.json", design)
    assert read_protocol_options(path).values.get("images") == images


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trials": None}, "trials is missing; add it, or use the study's design.json"),
        ({"task": "dance"}, "task is 'dance'; expected one of real_or_fake, preference"),
        ({"task": "rating"}, "assignment is between, but --task rating plans studies in which"),
        ({"assignment": "both"}, "assignment is 'both'; expected within or between"),
        ({"methods": ["l2"]}, "methods has one method; the command compares two of several"),
        ({"methods": "l2"}, "methods is 'l2'; expected a list of names"),
        ({"trials": "many"}, "trials is 'many'; expected a whole number above 0"),
    ],
)
def test_a_protocol_that_cannot_be_planned_from_is_refused(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(click.UsageError) as refused:
        read_protocol_options(write_protocol(tmp_path, **changes))
    assert message in str(refused.value)


def test_options_take_precedence_over_the_protocol(tmp_path: Path) -> None:
    protocol, out = write_protocol(tmp_path), tmp_path / "power.json"
    planned = ["--protocol", str(protocol), "--rate", "0.3", "--difference", "0.1"]
    done = CliRunner().invoke(power_command, [*planned, "--trials", "20", "--out", str(out)])
    assert done.exit_code == 0, done.output
    inputs = json.loads(out.read_text())["inputs"]
    assert (inputs["trials"], inputs["images"], inputs["design"]) == (20, 200, "between")
    assert inputs["protocol"] == str(protocol)
    assert done.output.startswith(f"{protocol}: task real_or_fake, 2 methods (between")
