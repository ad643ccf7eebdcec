import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from colorizer.cli import main
from colorizer.color.bins import bin_centers
from colorizer.color.spaces import from_bytes, rgb_to_lab
from colorizer.networks.checkpoint import write_tensors
from colorizer.networks.models import build_colorizer
from tests.colorizer.onnx_models import Shape, write_convolution
from tests.colorizer.pictures import draw, truncate, write_pictures

QUICK = (
    *("--backbone", "resnet50v2", "--weights", "random"),
    *("--crop", "32", "--batch-size", "4", "--minutes", "0.002"),
)


INTERRUPTED = """
from pathlib import Path
from colorizer.cli import main
Path("started").touch()
main(["split", "photos"])
"""


class Shell:
    """Runs commands in a temporary folder."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command; return exit status, stdout and stderr."""
        with pytest.raises(SystemExit) as exit_info:
            main(arguments)
        out, err = self.capsys.readouterr()
        assert isinstance(exit_info.value.code, int)
        return exit_info.value.code, out, err


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(capsys)


@pytest.mark.usefixtures("_little_networks")
@pytest.mark.slow(5)
def test_twelve_photographs_are_split_trained_on_and_made_into_stimuli(shell: Shell) -> None:
    write_pictures(Path("photos"), 12)
    assert shell("split", "photos", "--test", "3", "--val", "2")[0] == 0
    assert shell("prior")[0] == 0
    for objective in ("l2", "mcl"):
        code, _, err = shell("train", "--objective", objective, *QUICK)
        assert code == 0
        assert "starts untrained" in err
        assert "epoch 1, steps" in err
    code, out, err = shell("batch", "--split", "test", "--size", "64", "--json")
    assert code == 0
    assert "l2: runs/l2/best.safetensors (epoch 1, val_loss" in err
    assert json.loads(out) == {
        "images": 3,
        "stimuli": 12,
        "refused": 0,
        "file": "outputs/manifest.csv",
    }
    with Path("outputs/manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows[:4]] == ["real", "l2", "mcl", "foil"]

    code, _, err = shell("train", "--objective", "l2", *QUICK)
    assert (code, err.count("\n")) == (2, 1)
    assert "already contains a run; use --resume to continue it" in err
    code, _, err = shell("train", "--objective", "l2", "--resume", "--crop", "48")
    assert (code, err.count("\n")) == (2, 1)
    assert "this run was started with crop 32, which --resume cannot change" in err
    code, _, err = shell("train", "--objective", "l2", "--resume", "--minutes", "0.002")
    assert code == 0
    assert "runs/l2: continuing after epoch 1" in err
    assert "epoch 2, steps" in err
    code, _, err = shell("train", "--objective", "l2", "--resume", "--epochs", "2")
    assert (code, err) == (0, "runs/l2: all 2 epochs are done; for more, use --epochs\n")


@pytest.mark.slow(3)
def test_the_command_that_starts_a_run_also_continues_it(shell: Shell) -> None:
    write_pictures(Path("photos"), 12)
    assert shell("split", "photos", "--test", "3", "--val", "2")[0] == 0
    fine_tuning = ("train", "--from", "l2", *QUICK[4:], "--resume")
    code, _, err = shell(*fine_tuning)
    assert code == 0
    assert "runs/l2: no run to resume; starting a new one" in err
    code, _, err = shell(*fine_tuning)
    assert code == 0
    assert "runs/l2: continuing after epoch 1" in err


@pytest.mark.usefixtures("_little_networks")
@pytest.mark.slow(4)
def test_shards_train_like_the_folder_that_was_packed(shell: Shell) -> None:
    write_pictures(Path("photos"), 12)
    truncate(Path("photos/03.jpg"))
    assert shell("split", "photos", "--test", "3", "--val", "2")[0] == 1
    code, out, err = shell("shard", "photos", "--out", "shards", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"photographs": 12, "shards": 1, "written": 1, "file": "shards"}
    train = ("train", "--objective", "l2", *QUICK)
    assert shell(*train)[0] == 0
    Path("photos").rename("elsewhere")
    options = ("--shards", "shards/{000000..000000}.tar", "--cache", "cache", "--out", "runs/two")
    code, _, err = shell(*train, *options)
    assert code == 0, err
    one, two = (np.load(Path(folder, "photographs-47.npy")) for folder in ("data/cache", "cache"))
    assert np.array_equal(one, two)

    Path("shards/000000.tar").unlink()
    code, _, err = shell(*train, "--cache", "new", "--out", "runs/three", *options[:2])
    *_, line = err.splitlines()
    assert code == 2
    assert line == "colorizer: shards/000000.tar: no such shard; check --shards"
    assert not Path("new").exists()
    assert not Path("runs/three").exists()


@pytest.mark.usefixtures("_little_networks")
@pytest.mark.slow(2)
def test_classification_is_unweighted_with_lambda_1(shell: Shell) -> None:
    write_pictures(Path("photos"), 12)
    assert shell("split", "photos", "--test", "3", "--val", "2")[0] == 0
    code, out, _ = shell("prior", "--lambda", "1", "--json")
    assert code == 0
    result = json.loads(out)
    assert result["weight_min"] == pytest.approx(1)
    assert result["weight_max"] == pytest.approx(1)
    assert shell("train", "--objective", "mcl", *QUICK)[0] == 0
    with Path("runs/mcl/log.csv").open() as file:
        (row,) = csv.DictReader(file)
    for split in ("train", "val"):
        assert float(row[f"{split}_loss"]) == pytest.approx(float(row[f"{split}_unweighted"]))


def test_a_split_is_extended_and_refused_photographs_are_counted(shell: Shell) -> None:
    write_pictures(Path("photos"), 12)
    truncate(Path("photos/03.jpg"))
    code, out, err = shell("split", "photos", "--test", "3", "--json")
    assert code == 1
    assert json.loads(out) == {
        "train": 7,
        "val": 1,
        "test": 3,
        "gray": 0,
        "new": 11,
        "new_one_hue": 0,
        "refused": 1,
        "file": "data/split.csv",
    }
    (line,) = err.splitlines()
    assert line.startswith("refused 03.jpg: image file is truncated")

    before = Path("data/split.csv").read_text().splitlines()
    write_pictures(Path("photos/more"), 2)
    assert "new 2" in shell("split", "photos", "--test", "3")[1]
    assert Path("data/split.csv").read_text().splitlines()[: len(before)] == before


def test_stimuli_are_made_from_a_folder_without_a_split(shell: Shell) -> None:
    write_pictures(Path("photos"), 3)
    gray = Path("photos/gray.png")
    Image.new("RGB", (64, 64), "gray").save(gray)
    code, out, err = shell("batch", "--photos", "photos", "--methods", "real,foil", "--size", "64")
    assert code == 1
    assert err == "refused gray.png: gray photograph; there are no colors to remove\n"
    assert out == "outputs/manifest.csv: images 3, stimuli 6, refused 1\n"


def test_an_onnx_model_of_your_own_is_a_method(shell: Shell) -> None:
    write_pictures(Path("photos"), 2)
    free: Shape = ["n", 1, "h", "w"]
    write_convolution(Path("m.onnx"), free, ["n", 2, "h", "w"], [[0.0], [0.0]], [30, 20])
    command = ("batch", "--photos", "photos", "--size", "32", "--methods")
    assert shell(*command, "real,mine=m.onnx")[:2] == (
        0,
        "outputs/manifest.csv: images 2, stimuli 4, refused 0\n",
    )
    rows = list(csv.DictReader(Path("outputs/manifest.csv").read_text().splitlines()))
    digest = hashlib.sha256(Path("m.onnx").read_bytes()).hexdigest()[:16]
    assert [(row["method"], row["checkpoint"]) for row in rows] == [
        ("real", ""),
        ("mine", digest),
    ] * 2
    pixels = np.asarray(Image.open("outputs/mine/00.png"))[None]
    lab = rgb_to_lab(from_bytes(torch.tensor(pixels)))
    assert lab[0, 1].median() == pytest.approx(30, abs=2)
    assert lab[0, 2].median() == pytest.approx(20, abs=2)

    write_convolution(Path("m.onnx"), ["n", 4, "h", "w"], free, [[0.0] * 4], [0])
    for methods, message in (
        ("mine=m.onnx", "m.onnx: expected one image input with 1 (L) or 3 (RGB) channels"),
        ("mine=absent.onnx", "absent.onnx: no such file"),
        ("mine=photos/00.jpg", "photos/00.jpg: not an ONNX model"),
        ("l2=m.onnx", "a model of your own needs a name of its own"),
        ("My model=m.onnx", "a model of your own needs a name of its own"),
    ):
        code, out, err = shell(*command, methods)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert message in err


def test_shards_by_option_and_by_rank_make_each_image_once(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pictures(Path("photos"), 5)
    command = ("batch", "--photos", "photos", "--methods", "real,foil", "--size", "32")
    assert shell(*command, "--out", "alone")[0] == 0
    assert (
        "shared/manifest-1-of-2.csv: images 3"
        in shell(*command, "--out", "shared", "--shard", "1/2")[1]
    )
    monkeypatch.setenv("RANK", "1")  # set by torchrun
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "shared/manifest.csv: images 2" in shell(*command, "--out", "shared")[1]
    manifests = [Path(out, "manifest.csv").read_bytes() for out in ("alone", "shared")]
    assert manifests[0] == manifests[1]


def test_of_near_duplicates_only_the_first_becomes_a_stimulus(shell: Shell) -> None:
    write_pictures(Path("photos"), 6)
    for name in ("02", "04"):  # the same picture, smaller and recompressed
        with Image.open(f"photos/{name}.jpg") as image:
            image.resize((72, 72)).save(f"photos/{name}-again.jpg", quality=60)
    assert shell("split", "photos", "--test", "6", "--val", "0")[0] == 0
    rows = csv.DictReader(Path("data/split.csv").read_text().splitlines())
    test_images = {row["image"] for row in rows if row["split"] == "test"}
    repeated = sorted(name for name in ("02", "04") if {name, f"{name}-again"} <= test_images)
    assert repeated
    command = ("batch", "--methods", "real,foil", "--size", "32")
    code, out, err = shell(*command)
    kept = len(test_images) - len(repeated)
    assert (code, out) == (
        0,
        f"outputs/manifest.csv: images {kept}, stimuli {2 * kept}, refused 0\n",
    )
    assert err.splitlines() == [
        f"skipped {name}.jpg: near-duplicate of {name}-again.jpg" for name in repeated
    ]
    assert shell(*command, "--shard", "2/2")[2] == ""  # only the first shard reports them


def test_split_counts_one_hue_photographs_as_gray(shell: Shell) -> None:
    write_pictures(Path("photos"), 4)
    gray = Image.fromarray(draw(9, 256)).convert("L")
    ImageOps.colorize(gray, "#1a0f05", "#faf0dc", "#8c6e4b").save("photos/sepia.png")
    code, out, _ = shell("split", "photos", "--test", "1", "--val", "0")
    assert (code, out) == (
        0,
        "data/split.csv: train 3, val 0, test 1, gray 1, new 5, new_one_hue 1, refused 0\n",
    )
    rows = csv.DictReader(Path("data/split.csv").read_text().splitlines())
    assert {row["image"]: row["split"] for row in rows if row["gray"] == "1"} == {"sepia": ""}


def test_split_reports_the_default_number_of_test_photographs(shell: Shell) -> None:
    write_pictures(Path("photos"), 12)
    code, out, err = shell("split", "photos")
    assert code == 0
    expected = (
        "test 1: in proportion to the source report (1600 of 200000), for 12 color photographs"
    )
    assert expected in err
    assert "train 10, val 1, test 1" in out
    assert shell("split", "photos")[2] == ""


def write_model_with_nan(path: Path) -> None:
    """Write an L2 model whose last layer has a NaN."""
    tensors = build_colorizer("resnet50v2", "l2", bin_centers()).state_dict()
    tensors["head.project.bias"][0] = float("nan")
    write_tensors(path, tensors, {"objective": "l2", "backbone": "resnet50v2"})


@pytest.mark.slow(0.4)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["split", "absent"], "'absent' does not exist"),
        (["split", "empty"], "no photographs in this folder"),
        (["split", "broken"], "no photograph can be used; 1 refused"),
        (["split", "photos"], "leave none for training"),
        (["split", "photos", "--test", "1", "--val", "0", "--out", "photos/00.jpg/x"], "photos/00"),
        (["prior"], "run `colorizer split PHOTOS` first"),
        (["train"], "Missing option '--objective'"),
        (["train", "--objective", "mcl"], "run `colorizer prior` first"),
        (
            ["train", "--objective", "l2", "--backbone", "resnet50v2", "--weights", "absent.pth"],
            "no such file",
        ),
        (["batch", "--split", "test", "--photos", "photos"], "use either --split or --photos"),
        (["shard", "absent", "--out", "out"], "'absent' does not exist"),
        (["shard", "empty", "--out", "out"], "no photographs in this folder"),
        (["shard", "photos", "--out", "photos/out"], "--out photos/out: this folder is inside"),
        (["batch", "--shard", "3/2"], "must be between 1/2 and 2/2"),
        (["batch", "--shard", "half"], "is not I/N, such as 2/4"),
        (["batch", "--split", "test", "--methods", "zhang2016"], "no zhang2016 model in runs"),
        (["batch", "--split", "test", "--methods", "real,pix2pix"], "unknown method 'pix2pix'"),
        (["batch", "--split", "test", "--models", "l2"], "is not NAME=FILE"),
        (["batch", "--split", "test", "--models", "l2=absent"], "not a checkpoint"),
        (["batch", "--split", "test", "--methods", "real"], "run `colorizer split PHOTOS` first"),
        (
            ["batch", "--photos", "photos", "--methods", "real", "--out", "photos/out"],
            "--out photos/out: this folder is inside",
        ),
        (
            ["batch", "--photos", "photos", "--methods", "real", "--out", "."],
            "--out .: this folder contains",
        ),
        (
            ["colorize", "photos", "--models", "mcl=photos/00.jpg"],
            "photos/00.jpg: not a checkpoint, or incomplete",
        ),
        (
            ["colorize", "photos", "--model", "zhang2016", "--models", "zhang2016=junk.pth"],
            "junk.pth: not a weights file, or damaged",
        ),
        (
            ["batch", "--photos", "photos", "--methods", "l2", "--models", "l2=nan.safetensors"],
            "nan.safetensors: 1 of",
        ),
        (["colorize", "photos", "--out", "photos"], "--out photos: this folder is photos, the"),
        (["colorize", "photos", "--out", "."], "--out .: this folder contains photos, the folder"),
    ],
)
def test_an_error_is_one_line_and_exit_status_2(
    arguments: list[str], message: str, shell: Shell
) -> None:
    Path("empty").mkdir()
    write_pictures(Path("photos"), 2)
    write_pictures(Path("broken"), 1)
    truncate(Path("broken/00.jpg"))
    Path("junk.pth").write_bytes(b"junk")
    if "l2=nan.safetensors" in arguments:
        write_model_with_nan(Path("nan.safetensors"))
    before = sorted(Path().rglob("*"))
    code, out, err = shell(*arguments)
    assert (code, out) == (2, "")
    *notes, line = err.splitlines()
    assert line.startswith("colorizer: ")
    assert message in line
    assert all(note.startswith(("refused ", "l2: ", "mcl: ", "zhang2016: ")) for note in notes)
    assert sorted(Path().rglob("*")) == before


def test_a_folder_whose_photographs_are_all_below_out_is_refused_with_the_reason(
    shell: Shell,
) -> None:
    write_pictures(Path("photos/out"), 1)
    code, out, err = shell("colorize", "photos", "--out", "photos/out")
    assert (code, out) == (2, "")
    assert err == (
        "colorizer: photos: all photographs are in --out photos/out, where only outputs are "
        "expected; use another folder for the outputs\n"
    )


@pytest.mark.slow(2)
def test_commands_say_how_many_files_of_other_kinds_a_folder_has(shell: Shell) -> None:
    write_pictures(Path("photos"), 3)
    for name in ("a.jxl", "b.JXL", "c.psd", "d.txt", "e.xmp", "f.cr2", "g.svg", "h.pdf", "README"):
        Path("photos", name).touch()
    expected = (
        "photos: skipped 9 files of other kinds: 2 .jxl, 1 without a suffix, 1 .cr2, 1 .pdf, "
        "1 .psd, 1 .svg, 1 .txt, 1 .xmp"
    )
    for command in (
        ("split", "photos", "--test", "1"),
        ("batch", "--photos", "photos", "--methods", "real", "--size", "32"),
        ("evaluate", "--photos", "photos", "--methods", "gray", "--size", "32"),
        ("colorize", "photos"),
    ):
        code, _, err = shell(*command)
        assert code == 0
        assert err.splitlines().count(expected) == 1
        assert expected not in shell(*command, "--quiet")[2]


def test_quiet_commands_print_nothing(shell: Shell) -> None:
    write_pictures(Path("photos"), 6)
    assert shell("split", "photos", "--test", "2", "--quiet") == (0, "", "")
    assert shell("prior", "--quiet") == (0, "", "")


@pytest.mark.slow(3)
def test_an_interrupt_exits_with_130_and_leaves_no_partial_files(tmp_path: Path) -> None:
    write_pictures(tmp_path / "photos", 1)
    for number in range(400):
        os.link(tmp_path / "photos" / "00.jpg", tmp_path / "photos" / f"again-{number}.jpg")
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    started = tmp_path / "started"
    while not started.exists():
        time.sleep(0.05)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not (tmp_path / "data").exists()
