"""Tests of the commands that use trained models: evaluate, colorize, figures."""

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer.cli import main
from colorizer.networks.checkpoint import read_header, read_tensors, write_tensors
from tests.colorizer.pictures import draw, truncate, write_pictures

pytestmark = pytest.mark.slow(8)

QUICK = (
    *("--backbone", "resnet50v2", "--weights", "random"),
    *("--crop", "32", "--batch-size", "4", "--minutes", "0.002", "--quiet"),
)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    assert isinstance(exit_info.value.code, int)
    return exit_info.value.code


@pytest.fixture(scope="module")
def trained(_little_networks_in_module: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a folder with photographs, a split, a prior and two runs of little networks."""
    folder, before = tmp_path_factory.mktemp("trained"), Path.cwd()
    os.chdir(folder)
    try:
        write_pictures(Path("photos"), 12)
        assert run("split", "photos", "--test", "3", "--val", "2", "--quiet") == 0
        assert run("prior", "--quiet") == 0
        for objective in ("l2", "mcl"):
            assert run("train", "--objective", objective, *QUICK) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture(autouse=True)
def _inside(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[None]:
    monkeypatch.chdir(trained)
    capsys.readouterr()
    yield
    for folder in ("outputs", "colorized", "figures", "scans"):
        shutil.rmtree(folder, ignore_errors=True)


def test_evaluate_uses_the_test_split_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("evaluate", "--size", "64") == 0
    out, err = capsys.readouterr()
    assert "l2: runs/l2/best.safetensors" in err
    assert "LPIPS, FID and KID are not included" in out
    assert out.endswith("outputs/metrics/metrics.json: images 3, methods 8, refused 0\n")
    written = json.loads(Path("outputs/metrics/metrics.json").read_text())
    assert list(written) == [
        *("gray", "foil", "l2", "l2-vivid", "mcl", "mcl-calm", "mcl-annealed", "real")
    ]
    assert written["real"]["auc_rebalanced"]["mean"] == pytest.approx(1)
    assert written["gray"]["images"] == 3
    low, high = written["gray"]["ciede2000"]["ci95"]
    assert low < written["gray"]["ciede2000"]["mean"] < high


def test_a_model_file_alone_is_enough_for_weighted_auc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pictures(tmp_path / "photos", 2)
    models = f"mcl={Path('runs/mcl/best.safetensors').resolve()}"
    command = ("evaluate", "--photos", "photos", "--size", "64", "--methods", "mcl,mcl-calm")
    expected = run_and_read_auc(*command, "--photos", tmp_path / "photos", "--models", models)
    monkeypatch.chdir(tmp_path)  # a folder without data/prior.npz
    capsys.readouterr()
    assert run_and_read_auc(*command, "--models", models) == expected
    assert "weighted AuC: prior of 7 photographs from" in capsys.readouterr().err


def run_and_read_auc(*arguments: str | Path) -> float:
    assert run(*map(str, arguments)) == 0
    written = json.loads(Path("outputs/metrics/metrics.json").read_text())
    return float(written["mcl-calm"]["auc_balanced"]["mean"])


def test_a_model_without_a_prior_cannot_weight_the_auc(
    capsys: pytest.CaptureFixture[str],
) -> None:
    header, tensors = (
        read(Path("runs/mcl/best.safetensors")) for read in (read_header, read_tensors)
    )
    Path("scans").mkdir()
    weights = {name: x for name, x in tensors.items() if not name.startswith("prior.")}
    write_tensors(Path("scans/m.safetensors"), weights, header)
    for arguments, needed_by in (
        (["--methods", "gray", "--prior", "scans/m.safetensors"], "weighted AuC"),
        (["--methods", "mcl-calm", "--models", "mcl=scans/m.safetensors"], "mcl-calm"),
    ):
        assert run("evaluate", *arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        reason = f"this model file has no color prior, which {needed_by} needs"
        assert line.startswith(f"colorizer: scans/m.safetensors: {reason}; use")


def test_the_card_of_a_model_has_its_data_recipe_figures_and_limits(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("card", "runs/mcl/best.safetensors") == 0
    card = capsys.readouterr().out
    assert card.startswith("# Model card: mcl\n")
    digest = hashlib.sha256(Path("data/split.csv").read_bytes()).hexdigest()
    for part in ("**Data.** Photographs by split: 7 (train), 2 (val)", digest):
        assert part in card
    for part in ("**Recipe.** objective mcl", "**Figures.** epoch 1", "**Limits.** The colors"):
        assert part in card


def test_repeated_evaluations_write_the_same_files() -> None:
    for out in ("outputs/one", "outputs/two"):
        assert run("evaluate", "--size", "64", "--methods", "gray,foil", "--out", out) == 0
    for name in ("metrics.json", "metrics.csv", "metrics.txt"):
        one, two = (Path("outputs", out, name).read_bytes() for out in ("one", "two"))
        assert one == two


def test_evaluate_refuses_the_gray_photographs_of_a_folder(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_pictures(Path("scans"), 2)
    Image.new("RGB", (64, 64), "gray").save("scans/gray.png")
    truncate(Path("scans/01.jpg"))
    assert run("evaluate", "--photos", "scans", "--size", "64", "--methods", "gray") == 1
    refusals = [line for line in capsys.readouterr().err.splitlines() if "refused" in line]
    assert [line.partition(":")[0] for line in refusals] == [
        "refused 01.jpg",
        "refused gray.png",
    ]
    with Path("outputs/metrics/metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["images"] for row in rows} == {"1"}
    assert {row["ci95_low"] for row in rows} == {""}


def test_photographs_of_every_kind_are_colorized_at_their_size(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("scans/old").mkdir(parents=True)
    Image.fromarray(draw(0, 300)[:200]).save("scans/a photograph.jpg")
    Image.fromarray(draw(1)[..., 0]).save("scans/old/gray.tiff")
    Image.new("RGB", (1, 1), "orange").save("scans/one.png")
    frames = [Image.fromarray(draw(n)) for n in (2, 3)]
    frames[0].save("scans/moving.gif", save_all=True, append_images=frames[1:])
    Path("scans/letter.jpg").write_text("dear sir")
    assert run("colorize", "scans", "--saturation", "1.2") == 1
    out, err = capsys.readouterr()
    assert "refused scans/letter.jpg: " in err
    assert out == "colorized: images 4, refused 1\n"
    sizes = {}
    for path in Path("colorized").rglob("*"):
        if path.is_file():
            with Image.open(path) as image:
                sizes[path.relative_to("colorized").as_posix()] = image.size
    assert sizes == {
        "a photograph.png": (300, 200),
        "old/gray.png": (96, 96),
        "one.png": (1, 1),
        "moving.png": (96, 96),
    }


def test_a_sheet_is_written_next_to_the_colorized_photograph() -> None:
    assert run("colorize", "photos/00.jpg", "--sheet", "--model", "mcl-annealed", "--quiet") == 0
    assert sorted(path.name for path in Path("colorized").iterdir()) == ["00-sheet.png", "00.png"]
    with Image.open("colorized/00-sheet.png") as sheet:
        assert sheet.width == 7 * (96 + 6) - 6  # BW, 2 of L2, 3 of MCL, ORG


def test_the_default_temperature_of_mcl_is_1() -> None:
    assert run("colorize", "photos/00.jpg", "--quiet") == 0
    assert run("colorize", "photos/00.jpg", "--temperature", "1", "--out", "scans", "--quiet") == 0
    first, second = (np.asarray(Image.open(f"{out}/00.png")) for out in ("colorized", "scans"))
    assert np.array_equal(first, second)


def test_figures_of_every_run_are_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("figures", "--rows", "2") == 0
    assert capsys.readouterr().out == "figures: figures 6\n"
    pairs = ("losses-l2", "losses-mcl", "network-l2", "network-mcl", "weights")
    expected = {f"{name}.{kind}" for name in pairs for kind in ("svg", "png")}
    assert {path.name for path in Path("figures").iterdir()} == {*expected, "comparison.png"}
    with Image.open("figures/comparison.png") as sheet:
        assert sheet.width == 6 * (256 + 6) - 6


def test_figures_that_cannot_be_drawn_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree("runs", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    assert run("figures", "--run", "runs/l2") == 1
    weights, comparison = capsys.readouterr().err.splitlines()
    assert weights.startswith("refused weights: data/prior.npz: ")
    assert comparison.startswith("refused comparison: data/split.csv: ")
    assert len(list(Path("figures").iterdir())) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "--split", "test", "--photos", "photos"], "not both"),
        (["evaluate", "--methods", "gray,pix2pix"], "unknown method 'pix2pix'"),
        (["colorize"], "Missing argument 'IN...'"),
        (["colorize", "absent.jpg"], "'absent.jpg' does not exist"),
        (["colorize", "runs"], "no photographs in this folder"),
        (["colorize", "data/split.csv"], "nothing colorized"),
        (
            ["colorize", "photos", "--model", "l2", "--temperature", "0.4"],
            "regression models have none",
        ),
        (["colorize", "photos", "--temperature", "0"], "not in the range x>0"),
        (["figures", "--run", "photos"], "not a checkpoint"),
    ],
)
def test_an_error_is_one_line_and_writes_no_files(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(Path().rglob("*"))
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    *_, line = err.splitlines()
    assert out == ""
    assert line.startswith("colorizer: ")
    assert message in line
    assert sorted(Path().rglob("*")) == before
