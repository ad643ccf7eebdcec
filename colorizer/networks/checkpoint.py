"""A checkpoint that describes itself: safetensors with a JSON header."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from torch.nn.utils import convert_conv2d_weight_memory_format

from colorizer.color.bins import bin_centers
from colorizer.errors import ColorizerError
from colorizer.files import atomic_write
from colorizer.networks.backbone import load_state_dict_strictly, read_state_dict
from colorizer.networks.models import ARCHITECTURES, OBJECTIVES, Colorizer, build_colorizer
from colorizer.networks.zhang2016 import ZHANG2016, Zhang2016, fold_released_temperature

CHECKPOINT_SCHEMA = "hue-and-eye/checkpoint/1"
# docs/experiment tells how they were trained
PRETRAINED_FOLDER = Path(__file__).parents[1] / "pretrained"
# Zhang et al.'s own file; every checkpoint of ours is .safetensors
ZHANG_RELEASE_SUFFIXES = {".pth", ".pt"}

# schema, objective, backbone, trained_at, config; epoch, val_loss and metrics, its row of the log;
# sources, the SHA-256 of split and prior; torch, the version
Header = dict[str, Any]


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Header) -> None:
    """Store named tensors and what they are, whole or not at all."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_write(path) as temporary:
        # Not save_file, which makes a file that nobody else may read.
        temporary.write_bytes(
            save(plain, {"header": json.dumps({"schema": CHECKPOINT_SCHEMA, **header})})
        )


def read_header(path: Path) -> Header:
    """What a checkpoint says of itself.

    Raises ColorizerError where it is absent or somebody else's.
    """
    if path.suffix in ZHANG_RELEASE_SUFFIXES:
        return {"schema": CHECKPOINT_SCHEMA, "objective": "mcl", "backbone": ZHANG2016}
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ColorizerError(f"{path}: not a checkpoint, or not a whole one ({error})") from error
    header: Header = json.loads(metadata.get("header", "{}"))
    if header.get("schema") != CHECKPOINT_SCHEMA:
        raise ColorizerError(
            f"{path}: not a checkpoint of `colorizer train` (no {CHECKPOINT_SCHEMA} header)"
        )
    if header["backbone"] not in ARCHITECTURES or header["objective"] not in OBJECTIVES:
        raise ColorizerError(
            f"{path}: {header['backbone']} with {header['objective']} is unknown here"
        )
    return header


def model_name(header: Header) -> str:
    """l2, mcl or zhang2016: what commands call the model with this header."""
    return ZHANG2016 if header["backbone"] == ZHANG2016 else str(header["objective"])


def read_tensors(path: Path, prefix: str = "") -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    with safe_open(path, "pt") as file:
        names = [name for name in sorted(file.keys()) if name.startswith(prefix)]
        return {name.removeprefix(prefix): file.get_tensor(name) for name in names}


def load_colorizer(path: Path, device: torch.device) -> Colorizer:
    """The model of a checkpoint, ready to predict. Raises ColorizerError where it does not fit.

    A file of ZHANG_RELEASE_SUFFIXES is taken for Zhang et al.'s release.
    """
    header = read_header(path)
    model = build_colorizer(header["backbone"], header["objective"], bin_centers())
    is_zhang_release = path.suffix in ZHANG_RELEASE_SUFFIXES
    load_state_dict_strictly(
        model, read_state_dict(path) if is_zhang_release else read_tensors(path), str(path)
    )
    if is_zhang_release and isinstance(model, Zhang2016):
        fold_released_temperature(model)
    return convert_conv2d_weight_memory_format(model.eval().to(device), torch.channels_last)


def find_shipped_checkpoint(name: str) -> Path | None:
    """The model of this name that comes with the project, where there is one."""
    path = PRETRAINED_FOLDER / f"{name}.safetensors"
    return path if path.exists() else None


def find_newest_checkpoints(runs: Path) -> dict[str, Path]:
    """The most recently trained best checkpoint of each model name below a folder of runs."""
    newest: dict[str, tuple[str, Path]] = {}
    for path in sorted(runs.glob("*/best.safetensors")):
        header = read_header(path)
        candidate, name = (header["trained_at"], path), model_name(header)
        newest[name] = max(newest.get(name, candidate), candidate)
    return {name: path for name, (_, path) in newest.items()}


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def short_sha256(path: Path) -> str:
    """The first 16 hex digits of a file's SHA-256."""
    return file_sha256(path)[:16]
