import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from colorizer.errors import ColorizerError
from colorizer.networks.checkpoint import read_header, read_tensors, write_tensors
from colorizer.networks.models import pretrained_module
from colorizer.training.loop import build_loss, train
from colorizer.training.photo_cache import PhotoCache
from colorizer.training.state import (
    RESUME_FILE,
    TrainConfig,
    TrainingState,
    create_training_state,
    load_training_state,
)
from tests.colorizer import little_training
from tests.colorizer.conftest import CPU
from tests.colorizer.little_networks import little_networks
from tests.colorizer.little_training import LITTLE

PROJECT = Path(__file__).parents[3]


def same_tensors(one: Path, other: Path) -> bool:
    ours, theirs = read_tensors(one), read_tensors(other)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)


def start_training(folder: Path) -> subprocess.Popen[bytes]:
    module = "tests.colorizer.little_training"
    return subprocess.Popen([sys.executable, "-m", module, str(folder)], cwd=PROJECT)


@pytest.mark.slow(12)
def test_a_killed_and_resumed_run_ends_with_the_same_model(tmp_path: Path) -> None:
    little_training.main(tmp_path / "whole")

    process = start_training(tmp_path / "killed")
    saved = tmp_path / "killed" / RESUME_FILE
    while not (saved.exists() and read_header(saved)["steps_done"] == 1):
        assert process.poll() is None
        time.sleep(0.005)
    process.kill()
    process.wait()
    again = load_training_state(tmp_path / "killed", CPU)
    assert (again.epochs_done, again.steps_done) in {(0, 1), (0, 2), (0, 3)}
    pictures, loss = little_training.pictures(), build_loss(None, CPU)
    list(train(again, pictures, pictures, loss, tmp_path / "killed"))

    for name in ("last.safetensors", RESUME_FILE):
        assert same_tensors(tmp_path / "whole" / name, tmp_path / "killed" / name)
    whole, killed = (read_header(tmp_path / run / RESUME_FILE) for run in ("whole", "killed"))
    for ours, theirs in zip(whole["log_rows"], killed["log_rows"], strict=True):
        assert {**ours, "images_per_s": 0} == {**theirs, "images_per_s": 0}


@pytest.fixture(scope="module")
def saved(squares: PhotoCache, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a saved run."""
    folder = tmp_path_factory.mktemp("saved")
    with little_networks():
        run = create_training_state(LITTLE, None, CPU)
        list(train(run, squares, squares, build_loss(None, CPU), folder))
    return folder / RESUME_FILE


@pytest.mark.usefixtures("_little_networks")
@pytest.mark.parametrize("damage", ["cut", "another version", "another network"])
def test_a_damaged_run_is_not_resumed(damage: str, saved: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(saved, tmp_path))
    header, tensors = read_header(path), read_tensors(path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-1000])
    elif damage == "another version":
        write_tensors(path, tensors, {**header, "config": {**header["config"], "momentum": 0.9}})
    else:
        write_tensors(path, tensors, {**header, "config": {**header["config"], "objective": "mcl"}})
    with pytest.raises(ColorizerError, match=r"or incomplete|saved by an incompatible version"):
        load_training_state(tmp_path, CPU)


def encoder_and_decoder_peaks(run: TrainingState) -> list[float]:
    return [group["peak"] for group in run.optimizer.param_groups]


@pytest.mark.usefixtures("_little_networks")
def test_a_pretrained_backbone_has_a_lower_learning_rate(tmp_path: Path) -> None:
    untrained = create_training_state(LITTLE, None, CPU)
    assert encoder_and_decoder_peaks(untrained) == [1e-3, 1e-3]
    write_tensors(
        tmp_path / "trunk.safetensors", pretrained_module(untrained.model).state_dict(), {}
    )
    pretrained = replace(LITTLE, weights=str(tmp_path / "trunk.safetensors"))
    assert encoder_and_decoder_peaks(create_training_state(pretrained, None, CPU)) == [1e-4, 1e-3]


@pytest.mark.slow(0.3)
def test_zhang2016_has_no_stages_to_freeze() -> None:
    with pytest.raises(ColorizerError, match="omit --frozen-stages"):
        create_training_state(TrainConfig("mcl", "zhang2016", frozen_stages=1), None, CPU)
