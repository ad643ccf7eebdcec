"""Starting and continuing a run of `colorizer train`, and its photographs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
import torch

from colorizer.color.prior import ColorPrior, read_prior
from colorizer.commands.options import PRIOR_FILE
from colorizer.commands.terminal import show_progress
from colorizer.errors import ColorizerError
from colorizer.networks.backbone import RANDOM_WEIGHTS
from colorizer.networks.checkpoint import file_sha256
from colorizer.photos.shards import find_shards
from colorizer.splits.split_file import SPLIT_FILE, Photograph, read_split, select_split
from colorizer.training import distributed
from colorizer.training.photo_cache import (
    PhotoCache,
    build_photo_cache,
    cached_side,
    divide_cache,
    leave_out_refused_elsewhere,
    open_photo_cache,
)
from colorizer.training.saves import find_newest_save, raise_everywhere, share_run
from colorizer.training.state import (
    TrainConfig,
    TrainingState,
    create_training_state,
    load_training_state,
)


def start_or_resume(
    config: TrainConfig,
    given: Mapping[str, Any],
    folder: Path,
    device: torch.device,
    *,
    resume: bool,
    quiet: bool,
) -> TrainingState:
    """Return the newest save of the run in `folder`, or a new run, in all processes.

    Each node has a folder of this path; one save on one of them is enough. given: the settings on
    the command line. Raises ColorizerError if there is a run and `resume` is False, if it cannot be
    continued with these settings, or if the batch is too small for the number of processes.
    """
    source = find_newest_save(folder)
    if source is None:
        run = share_run(0, lambda: start_run(config, device), device)
        if resume and not quiet:
            click.echo(f"{folder}: no run to resume; starting a new one", err=True)
        return run
    if not resume:
        raise_everywhere(
            f"{folder}: already contains a run; use --resume to continue it, or --out for "
            "another folder"
        )
    run = share_run(source, lambda: load_training_state(folder, device), device)
    distributed.call_on(0, lambda: require_unchanged(run, given, folder))
    run.config = replace(run.config, epochs=given.get("epochs", run.config.epochs))
    if not quiet:
        place = f"continuing after epoch {run.epochs_done} and {run.steps_done} steps"
        if run.is_finished:
            place = f"all {run.epochs_done} epochs are done; for more, use --epochs"
        click.echo(f"{folder}: {place}", err=True)
    return run


def start_run(config: TrainConfig, device: torch.device) -> TrainingState:
    """Return the state of a new run.

    Raises ColorizerError if the split, the prior or the initial weights cannot be used, or if the
    batch is too small.
    """
    require_batch_size(config)
    if config.weights == RANDOM_WEIGHTS:
        click.echo("the backbone starts untrained (--weights random); expect poor colors", err=True)
    run = create_training_state(config, read_prior_for(config), device)
    run.source_digests = hash_sources(config)
    return run


def require_unchanged(run: TrainingState, given: Mapping[str, Any], folder: Path) -> None:
    """Raise ColorizerError if a setting, the split or the prior of a saved run has changed.

    given: the settings on the command line; the number of epochs may change.
    """
    require_batch_size(run.config)
    for name, value in asdict(run.config).items():
        if name in given and name != "epochs" and given[name] != value:
            raise ColorizerError(
                f"{folder}: this run was started with {name} {value}, which --resume cannot change"
            )
    for file, digest in hash_sources(run.config).items():
        if digest != run.source_digests.get(file):
            raise ColorizerError(
                f"{file}: has changed since the run in {folder} was started; start again with "
                "another --out"
            )


def require_batch_size(config: TrainConfig) -> None:
    """Raise ColorizerError if the batch is too small for the number of processes."""
    if config.batch_size < 2 * distributed.world_size():
        raise ColorizerError(
            f"--batch-size {config.batch_size}: too small for {distributed.world_size()} "
            "processes; use at least 2 per process"
        )


def read_prior_for(config: TrainConfig) -> ColorPrior | None:
    """Read the color prior; for a regression, which does not need it, return None without one."""
    is_needed = config.objective == "mcl" or PRIOR_FILE.exists()
    return read_prior(PRIOR_FILE) if is_needed else None


def hash_sources(config: TrainConfig) -> dict[str, str]:
    """Return the SHA-256 of the split and, for a classification, of the prior, by file name."""
    read_split(SPLIT_FILE)  # raises ColorizerError if the file is invalid
    files = [SPLIT_FILE, PRIOR_FILE] if config.objective == "mcl" else [SPLIT_FILE]
    return {str(file): file_sha256(file) for file in files}


def read_photographs() -> dict[str, list[Photograph]]:
    """Return the photographs of the training and validation splits; rank 0 reads the file."""

    def read() -> dict[str, list[Photograph]]:
        rows = read_split(SPLIT_FILE)
        return {name: select_split(rows, name) for name in ("train", "val")}

    return distributed.call_on(0, read)


def cache_photographs(
    photographs: Mapping[str, Sequence[Photograph]],
    shards: Sequence[str],
    folder: Path,
    crop: int,
    device: torch.device,
    *,
    quiet: bool,
) -> dict[str, PhotoCache]:
    """Open the cache of the splits' photographs; one process for each disk decodes them first.

    shards: paths or URLs from which the photographs are read instead of from their files. A
    photograph that is refused on one node is left out on all. Raises ColorizerError if no
    photograph of a split is left.
    """
    rows, size = [row for part in photographs.values() for row in part], cached_side(crop)
    path = folder / f"photographs-{size}.npy"
    found = distributed.call_everywhere(lambda: find_shards(shards))
    builds = distributed.is_writer(folder)
    decoding = build_photo_cache(path, rows, size, crop, found) if builds else ()
    progress = show_progress(decoding, "decoding", len(rows), quiet)
    for _ in distributed.wait_for_all(progress):
        pass
    own = distributed.call_everywhere(lambda: open_photo_cache(path, rows, device))
    shared = leave_out_refused_elsewhere(own, rows)
    return distributed.call_everywhere(lambda: divide_cache(shared, photographs))
