import io
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch.nn.utils import convert_conv2d_weight_memory_format

from colorizer.color.bins import bin_centers
from colorizer.errors import ColorizerError
from colorizer.networks.backbone import read_state_dict
from colorizer.networks.checkpoint import (
    Header,
    find_newest_checkpoints,
    load_colorizer,
    read_header,
    short_sha256,
    write_tensors,
)
from colorizer.networks.models import build_colorizer
from tests.colorizer.conftest import CPU


def header(**changes: str) -> Header:
    return {"objective": "l2", "backbone": "resnet50v2", "trained_at": "2026-01-01", **changes}


@pytest.mark.slow(0.5)
def test_a_written_model_is_read_back_unchanged(tmp_path: Path) -> None:
    model = build_colorizer("resnet50v2", "mcl", bin_centers()).eval()
    convert_conv2d_weight_memory_format(model, torch.channels_last)
    write_tensors(tmp_path / "m.safetensors", model.state_dict(), header(objective="mcl"))
    loaded = load_colorizer(tmp_path / "m.safetensors", CPU)
    lightness = torch.rand(1, 1, 32, 32) * 100
    with torch.no_grad():
        assert torch.equal(loaded(lightness), model(lightness))
    assert not loaded.training


def test_a_checkpoint_has_the_written_header(tmp_path: Path) -> None:
    write_tensors(tmp_path / "m.safetensors", {"x": torch.zeros(1)}, header())
    assert read_header(tmp_path / "m.safetensors") == {
        "schema": "hue-and-eye/checkpoint/1",
        **header(),
    }


def test_the_newest_run_of_each_objective_is_found_by_its_header(tmp_path: Path) -> None:
    for run, objective, day in (("a", "l2", 3), ("b", "l2", 1), ("c", "mcl", 2)):
        written = header(objective=objective, trained_at=f"2026-01-0{day}")
        write_tensors(tmp_path / run / "best.safetensors", {"x": torch.zeros(1)}, written)
    assert find_newest_checkpoints(tmp_path) == {
        "l2": tmp_path / "a" / "best.safetensors",
        "mcl": tmp_path / "c" / "best.safetensors",
    }
    assert find_newest_checkpoints(tmp_path / "absent") == {}


def test_a_file_that_is_not_a_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with pytest.raises(ColorizerError, match="not a checkpoint"):
        read_header(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ColorizerError, match="not a checkpoint"):
        read_header(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ColorizerError, match="not a checkpoint of `colorizer train`"):
        read_header(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("not JSON", "no hue-and-eye/checkpoint/1 header"),
        ("[1]", "no hue-and-eye/checkpoint/1 header"),
        ('{"schema": "hue-and-eye/checkpoint/1"}', "unknown model: None with None"),
        (
            '{"schema": "hue-and-eye/checkpoint/1", "objective": "l2", "backbone": {}}',
            "unknown model: {} with l2",
        ),
    ],
)
def test_a_header_that_says_something_else_is_refused(
    text: str, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "m.safetensors"
    save_file({"x": torch.zeros(1)}, path, {"header": text})
    with pytest.raises(ColorizerError, match=reason):
        read_header(path)


@pytest.mark.slow(0.4)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused(value: float, tmp_path: Path) -> None:
    model = build_colorizer("resnet50v2", "l2", bin_centers())
    tensors = model.state_dict()
    tensors["head.project.bias"][0] = value
    write_tensors(tmp_path / "m.safetensors", tensors, header())
    with pytest.raises(ColorizerError, match=r"1 of \d+ tensors have NaN or infinite values"):
        load_colorizer(tmp_path / "m.safetensors", CPU)


def pickle_of(value: object) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


@pytest.mark.slow(0.3)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nothing of the kind",
        b"PK\x03\x04 a damaged zip file",
        b"\x80\x02c__builtin__\nexec\n.",
        pickle_of({"x": torch.zeros(8)})[:200],
        pickle_of([torch.zeros(1)]),
        pickle_of({0: torch.zeros(1)}),
        pickle_of({"x": "no tensor"}),
        b"PK" + bytes(range(256)) * 20,
        b"\x80\x04" + bytes(range(256)) * 20,
    ],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_of_something_else_is_refused(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"m{suffix}"
    path.write_bytes(content)
    with pytest.raises(ColorizerError, match=r"not a (weights file|checkpoint|state)"):
        load_colorizer(path, CPU)
    with pytest.raises(ColorizerError, match=r"not a (weights file|state dict)"):
        read_state_dict(path)


@pytest.mark.slow(0.4)
def test_tensors_that_do_not_fit_their_header_are_refused(tmp_path: Path) -> None:
    model = build_colorizer("resnet50v2", "l2", bin_centers())
    write_tensors(tmp_path / "m.safetensors", model.state_dict(), header(objective="mcl"))
    with pytest.raises(ColorizerError, match="weights do not fit this network"):
        load_colorizer(tmp_path / "m.safetensors", CPU)


def test_short_sha256_is_the_start_of_the_files_sha256(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert short_sha256(path) == "ba7816bf8f01cfea"  # FIPS 180-2, its first example
