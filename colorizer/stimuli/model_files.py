"""Find the model files for the methods: given files, the newest runs, or the included models.

Also finds the color prior that weights the evaluation.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from colorizer.color.prior import ColorPrior, read_prior
from colorizer.errors import ColorizerError
from colorizer.networks.checkpoint import (
    ZHANG_RELEASE_SUFFIXES,
    find_newest_checkpoints,
    find_shipped_checkpoint,
    model_name,
    read_header,
    read_model_prior,
)
from colorizer.networks.models import OBJECTIVES
from colorizer.networks.zhang2016 import ZHANG2016
from colorizer.stimuli.decoding import DECODINGS


def find_models(
    methods: Sequence[str], model_files: dict[str, Path], runs: Path
) -> dict[str, Path]:
    """Find the file of every model that the methods need.

    A file in `model_files` comes first, then the newest run, then the included model. Raises
    ColorizerError if there is none, if a file has another model than its name says, or if it has no
    color prior although a method needs one.
    """
    needed = list(dict.fromkeys(DECODINGS[m].model for m in methods if m in DECODINGS))
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
    for method in methods:
        if method in DECODINGS and DECODINGS[method].calm:
            require_prior(files_by_name[DECODINGS[method].model], method)
    return files_by_name


def find_prior_file(written: Path, model_files: Sequence[Path]) -> Path | None:
    """Return the first file with a color prior, or None.

    written: where `colorizer prior` writes; it comes before the model files and the included
    models.
    """
    if written.exists():
        return written
    shipped = [find_shipped_checkpoint(name) for name in OBJECTIVES]
    candidates = [*model_files, *(path for path in shipped if path is not None)]
    return next((path for path in candidates if read_model_prior(path) is not None), None)


def read_prior_of(path: Path) -> ColorPrior:
    """Read the color prior of a model file or of a file that `colorizer prior` wrote.

    Raises ColorizerError if it has none.
    """
    if path.suffix not in {".safetensors", *ZHANG_RELEASE_SUFFIXES}:
        return read_prior(path)
    read_header(path)  # raises ColorizerError if the file is not a model
    return require_prior(path, "weighted AuC")


def describe_models(models: dict[str, Path]) -> Iterable[str]:
    """Yield one line per model with its file, epoch and validation loss."""
    for name, path in models.items():
        header, description = read_header(path), "as released"
        if path.suffix not in ZHANG_RELEASE_SUFFIXES:
            facts = (header.get("epoch", "unknown"), header.get("val_loss", "unknown"))
            epoch, loss = (f"{x:.5g}" if isinstance(x, int | float) else str(x) for x in facts)
            description = f"epoch {epoch}, val_loss {loss}"
        yield f"{name}: {path} ({description})"


def require_prior(path: Path, needed_by: str) -> ColorPrior:
    """Return the prior of a model file; raises ColorizerError if it has none."""
    prior = read_model_prior(path)
    if prior is None:
        raise ColorizerError(
            f"{path}: this model file has no color prior, which {needed_by} needs; use a file that "
            "`colorizer train` wrote"
        )
    return prior
