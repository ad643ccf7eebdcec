"""Find the model files for the methods: given files, the newest runs, or the included models."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from colorizer.errors import ColorizerError
from colorizer.networks.checkpoint import (
    ZHANG_RELEASE_SUFFIXES,
    find_newest_checkpoints,
    find_shipped_checkpoint,
    model_name,
    read_header,
)
from colorizer.networks.zhang2016 import ZHANG2016
from colorizer.stimuli.methods import METHOD_MODELS


def find_models(
    methods: Sequence[str], model_files: dict[str, Path], runs: Path
) -> dict[str, Path]:
    """Find the file of every model that the methods need.

    A file in `model_files` comes first, then the newest run, then the included model. Raises
    ColorizerError if there is none, or if a file has another model than its name says.
    """
    needed = list(dict.fromkeys(METHOD_MODELS[m][0] for m in methods if m in METHOD_MODELS))
    trained = find_newest_checkpoints(runs) if set(needed) - set(model_files) else {}
    files_by_name = {}
    for name in needed:
        path = model_files.get(name) or trained.get(name) or find_shipped_checkpoint(name)
        if path is None:
            options = f"mcl --backbone {name}" if name == ZHANG2016 else name
            raise ColorizerError(
                f"no {name} model in {runs}; train one with `colorizer train --objective "
                f"{options}`, or use --models {name}=FILE"
            )
        if model_name(read_header(path)) != name:
            raise ColorizerError(
                f"{path}: this is a {model_name(read_header(path))} model, not {name}"
            )
        files_by_name[name] = path
    return files_by_name


def describe_models(models: dict[str, Path]) -> Iterable[str]:
    """Yield one line per model with its file, epoch and validation loss."""
    for name, path in models.items():
        header, description = read_header(path), "as released"
        if path.suffix not in ZHANG_RELEASE_SUFFIXES:
            facts = (header.get("epoch", "unknown"), header.get("val_loss", "unknown"))
            epoch, loss = (f"{x:.5g}" if isinstance(x, int | float) else str(x) for x in facts)
            description = f"epoch {epoch}, val_loss {loss}"
        yield f"{name}: {path} ({description})"
