"""Read and write checkpoints: safetensors files with a JSON header that describes the model."""

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
from colorizer.color.prior import ColorPrior, from_tensors, to_tensors
from colorizer.errors import ColorizerError
from colorizer.files import atomic_write
from colorizer.networks.backbone import load_state_dict_strictly, read_state_dict
from colorizer.networks.models import (
    ARCHITECTURES,
    OBJECTIVES,
    Colorizer,
    PyramidColorizer,
    RebalancedHead,
    build_colorizer,
)
from colorizer.networks.zhang2016 import ZHANG2016, Zhang2016, fold_released_temperature

CHECKPOINT_SCHEMA = "hue-and-eye/checkpoint/1"
# The included models; docs/experiment describes their training.
PRETRAINED_FOLDER = Path(__file__).parents[1] / "pretrained"
# A file with one of these suffixes is the release of Zhang et al.; ours are all .safetensors.
ZHANG_RELEASE_SUFFIXES = {".pth", ".pt"}

PRIOR_PREFIX = "prior."  # begins the names of the tensors of the color prior

# Keys: schema, objective, backbone, trained_at and config; epoch, val_loss and metrics (the epoch's
# row of the log); sources (SHA-256 of the split and the prior); photographs (their number by
# split); card (the model card in Markdown); torch (its version).
Header = dict[str, Any]


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Header) -> None:
    """Write named tensors and their header atomically."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_write(path) as temporary:
        # Not save_file, because only the owner may read the files it creates.
        temporary.write_bytes(
            save(plain, {"header": json.dumps({"schema": CHECKPOINT_SCHEMA, **header})})
        )


def write_model(
    path: Path, tensors: Mapping[str, Tensor], prior: ColorPrior | None, header: Header
) -> None:
    """Write a model and, if there is one, the color prior of its training photographs."""
    stored = {} if prior is None else to_tensors(prior)
    write_tensors(
        path, {**tensors, **{PRIOR_PREFIX + name: x for name, x in stored.items()}}, header
    )


def read_model_prior(path: Path) -> ColorPrior | None:
    """Return the color prior in a model file, or None if it has none.

    Raises ColorizerError if the file is damaged or the prior is invalid.
    """
    if path.suffix in ZHANG_RELEASE_SUFFIXES:
        return None
    tensors = read_tensors(path, PRIOR_PREFIX)
    return from_tensors(tensors, str(path)) if tensors else None


def read_header(path: Path) -> Header:
    """Read the header of a checkpoint.

    Raises ColorizerError if the file is missing or is not a checkpoint of this project.
    """
    if path.suffix in ZHANG_RELEASE_SUFFIXES:
        return {"schema": CHECKPOINT_SCHEMA, "objective": "mcl", "backbone": ZHANG2016}
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ColorizerError(f"{path}: not a checkpoint, or incomplete ({error})") from error
    header = _parse_header(metadata.get("header", "{}"))
    if header.get("schema") != CHECKPOINT_SCHEMA:
        raise ColorizerError(
            f"{path}: not a checkpoint of `colorizer train` (no {CHECKPOINT_SCHEMA} header); use "
            "another file"
        )
    backbone, objective = header.get("backbone"), header.get("objective")
    if backbone not in ARCHITECTURES or objective not in OBJECTIVES:
        raise ColorizerError(
            f"{path}: unknown model: {backbone} with {objective}; use another file"
        )
    return header


def _parse_header(text: str) -> Header:
    """Return the header in a JSON text, or an empty one."""
    try:
        header = json.loads(text)
    except ValueError:
        return {}
    return header if isinstance(header, dict) else {}


def model_name(header: Header) -> str:
    """Return the name that commands use for the model with this header: l2, mcl or zhang2016."""
    return ZHANG2016 if header["backbone"] == ZHANG2016 else str(header["objective"])


def read_tensors(path: Path, prefix: str = "") -> dict[str, Tensor]:
    """Read the tensors whose names start with a prefix; the prefix is removed from the names.

    Raises ColorizerError if the file is damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            names = [name for name in sorted(file.keys()) if name.startswith(prefix)]
            return {name.removeprefix(prefix): file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise ColorizerError(f"{path}: not a checkpoint, or incomplete ({error})") from error


def load_colorizer(path: Path, device: torch.device) -> Colorizer:
    """Load the model of a checkpoint in evaluation mode.

    Files with one of ZHANG_RELEASE_SUFFIXES are read as the release of Zhang et al.
    Raises ColorizerError if the file is not a checkpoint, or if its tensors do not fit the header
    or are not finite.
    """
    header = read_header(path)
    model = build_colorizer(header["backbone"], header["objective"], bin_centers())
    is_zhang_release = path.suffix in ZHANG_RELEASE_SUFFIXES
    stored = read_state_dict(path) if is_zhang_release else read_tensors(path)
    weights = {name: x for name, x in stored.items() if not name.startswith(PRIOR_PREFIX)}
    load_state_dict_strictly(model, weights, str(path))
    if is_zhang_release and isinstance(model, Zhang2016):
        fold_released_temperature(model)
    prior = read_model_prior(path)
    if isinstance(model, PyramidColorizer) and isinstance(model.head, RebalancedHead):
        model.head.bin_weight = None if prior is None else prior.weight
    return convert_conv2d_weight_memory_format(model.eval().to(device), torch.channels_last)


def find_model_file(model: str) -> Path:
    """Return the path of an included model by its name, or else `model` as a path.

    Raises ColorizerError if there is no such file.
    """
    shipped = find_shipped_checkpoint(model) if model in OBJECTIVES else None
    path = shipped or Path(model)
    if not path.is_file():
        raise ColorizerError(f"{model}: no such model file; use a file, {' or '.join(OBJECTIVES)}")
    return path


def is_model_file(path: Path) -> bool:
    """Return whether a file is a colorizer that this project wrote."""
    try:
        read_header(path)
    except ColorizerError:
        return False
    return path.suffix not in ZHANG_RELEASE_SUFFIXES


def find_shipped_checkpoint(name: str) -> Path | None:
    """Return the path of the included model with this name, or None if there is none."""
    path = PRETRAINED_FOLDER / f"{name}.safetensors"
    return path if path.exists() else None


def find_newest_checkpoints(runs: Path) -> dict[str, Path]:
    """Find the most recently trained best checkpoint of each model name in a folder of runs."""
    newest: dict[str, tuple[str, Path]] = {}
    for path in sorted(runs.glob("*/best.safetensors")):
        header = read_header(path)
        candidate, name = (str(header.get("trained_at", "")), path), model_name(header)
        newest[name] = max(newest.get(name, candidate), candidate)
    return {name: path for name, (_, path) in newest.items()}


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def short_sha256(path: Path) -> str:
    """Return the first 16 hex digits of a file's SHA-256."""
    return file_sha256(path)[:16]
