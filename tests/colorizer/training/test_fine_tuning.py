from pathlib import Path

import pytest
import torch

from colorizer.cli import main
from colorizer.networks.checkpoint import (
    file_sha256,
    find_shipped_checkpoint,
    load_colorizer,
    read_header,
    write_tensors,
)
from colorizer.networks.models import Colorizer, pretrained_module
from colorizer.splits.split_file import Photograph
from colorizer.training.fine_tuning import read_model_settings
from colorizer.training.prior import count_target_colors, estimate_prior
from colorizer.training.state import TrainConfig, create_training_state
from tests.colorizer.conftest import CPU
from tests.colorizer.pictures import write_pictures

pytestmark = pytest.mark.slow(12)


@pytest.mark.parametrize("name", ["l2", "mcl"])
def test_fine_tuning_starts_from_the_whole_model_at_the_usual_rates(
    name: str, photographs: list[Photograph]
) -> None:
    counts = [x for x in count_target_colors(photographs, CPU) if isinstance(x, torch.Tensor)]
    prior = estimate_prior(torch.stack(counts).sum(dim=0), len(counts))
    config = TrainConfig(**read_model_settings(name), crop=32)  # type: ignore[arg-type]  # of strings
    run = create_training_state(config, prior, CPU)
    shipped = find_shipped_checkpoint(name)
    assert shipped is not None
    expected = load_colorizer(shipped, CPU).state_dict()
    for model in (run.model, run.ema_model):
        assert model.state_dict().keys() == expected.keys()
        assert all(torch.equal(x, expected[key]) for key, x in model.state_dict().items())
    assert run.prior is prior  # the user's own, not that of the shipped model
    assert [group["peak"] for group in run.optimizer.param_groups] == [1e-4, 1e-3]


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    assert isinstance(exit_info.value.code, int)
    return exit_info.value.code


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a folder with photographs and the weights of a backbone."""
    folder = tmp_path_factory.mktemp("fine-tuning")
    write_pictures(folder / "photos", 12)
    backbone = pretrained_module(load_colorizer(read_path("l2"), CPU))
    write_tensors(folder / "trunk.safetensors", backbone.state_dict(), {})
    return folder


def read_path(name: str) -> Path:
    path = find_shipped_checkpoint(name)
    assert path is not None
    return path


QUICK = ("--crop", "32", "--batch-size", "4", "--minutes", "0.01", "--quiet")


def test_a_model_is_fine_tuned_by_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert run("split", "photos", "--test", "3", "--val", "2", "--quiet") == 0
    assert run("prior", "--quiet") == 0
    assert run("train", "--from", "mcl", *QUICK) == 0
    header = read_header(Path("runs/mcl/best.safetensors"))
    assert (header["objective"], header["backbone"]) == ("mcl", "resnet50v2")
    assert header["config"]["epochs"] == 5
    assert header["config"]["from_sha256"] == file_sha256(read_path("mcl"))
    assert "from_model mcl" in header["card"]


def test_low_learning_rates_keep_the_weights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert run("split", "photos", "--test", "3", "--val", "2", "--quiet") == 0
    for rates in (("1e-3", "1e-4"), ("1e-9", "1e-9")):
        out = f"runs/{rates[0]}"
        options = ("--decoder-lr", rates[0], "--encoder-lr", rates[1], "--out", out)
        assert run("train", "--from", "l2", *options, *QUICK) == 0
    start = load_colorizer(read_path("l2"), CPU)
    usual, low = (
        load_colorizer(Path(f"runs/{rate}/best.safetensors"), CPU) for rate in ("1e-3", "1e-9")
    )
    assert furthest(usual, start) > 1e-4
    assert furthest(low, start) < 1e-6


def furthest(one: Colorizer, other: Colorizer) -> float:
    """Return the largest difference between parameters of two networks."""
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return max(float((a - b).detach().abs().max()) for a, b in pairs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "trunk.safetensors"], "not a colorizer; to start from the weights of a back"),
        (["--from", "trunk.safetensors"], "use --weights trunk.safetensors"),
        (["--from", "absent.safetensors"], "absent.safetensors: no such model file"),
        (["--from", "l2", "--weights", "trunk.safetensors"], "use either --from or --weights"),
        (["--from", "l2", "--plain-weights"], "--plain-weights: needs --objective mcl"),
        (["--objective", "l2", "--plain-weights"], "--plain-weights: needs --objective mcl"),
        (["--from", "l2", "--objective", "mcl"], "its objective is l2; omit --objective mcl"),
        (["--from", "l2", "--backbone", "zhang2016"], "its backbone is resnet50v2; omit"),
        (["--objective", "l2", "--weights", "{l2}"], "to continue from it, use --from"),
        (["--from", "l2", "--crop", "200"], "its short side has 96 px, less than the crop of 200"),
    ],
)
def test_a_wrong_start_is_refused_in_one_line(
    arguments: list[str],
    message: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    assert run("split", "photos", "--test", "3", "--val", "2", "--quiet") == 0
    given = [argument.format(l2=read_path("l2")) for argument in arguments]
    assert run("train", *given, "--out", "wrong") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("colorizer: ")
    assert message in line
    assert not Path("wrong").exists()
