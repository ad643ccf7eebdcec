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

from colorizer.atomic import replacing
from colorizer.bins import bin_centers
from colorizer.errors import Mistake
from colorizer.models import Colorizer, build_colorizer

SCHEMA = "hue-and-eye/checkpoint/1"

Header = dict[str, Any]  # schema, objective, backbone, epoch, val_loss, trained_at, config


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Header) -> None:
    """Store named tensors and what they are, whole or not at all."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with replacing(path) as temporary:
        # Not save_file, which makes a file that nobody else may read.
        temporary.write_bytes(save(plain, {"header": json.dumps({"schema": SCHEMA, **header})}))


def read_header(path: Path) -> Header:
    """What a checkpoint says of itself. Raises Mistake where it is absent or somebody else's."""
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise Mistake(f"{path}: not a checkpoint ({error})") from error
    header: Header = json.loads(metadata.get("header", "{}"))
    if header.get("schema") != SCHEMA:
        raise Mistake(f"{path}: not a checkpoint of `colorizer train` (no {SCHEMA} header)")
    return header


def read_tensors(path: Path, prefix: str = "") -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    with safe_open(path, "pt") as file:
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118  # not a dict
        return {name.removeprefix(prefix): file.get_tensor(name) for name in names}


def load_colorizer(path: Path, device: torch.device) -> Colorizer:
    """The model of a checkpoint, ready to predict. Raises Mistake where it does not fit."""
    header = read_header(path)
    model = build_colorizer(header["backbone"], header["objective"], bin_centers())
    try:
        model.load_state_dict(read_tensors(path), strict=True)
    except RuntimeError as error:
        detail = " ".join(str(error).split())[:300]
        raise Mistake(f"{path}: its tensors are not its header's model: {detail}") from error
    return model.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]  # torch's stub lacks this overload


def newest_checkpoints(runs: Path) -> dict[str, Path]:
    """The most recently trained best checkpoint of each objective below a folder of runs."""
    newest: dict[str, tuple[str, Path]] = {}
    for path in sorted(runs.glob("*/best.safetensors")):
        header = read_header(path)
        candidate = (header["trained_at"], path)
        newest[header["objective"]] = max(newest.get(header["objective"], candidate), candidate)
    return {objective: path for objective, (_, path) in newest.items()}


def short_sha256(path: Path) -> str:
    """The first 16 hex digits of a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
