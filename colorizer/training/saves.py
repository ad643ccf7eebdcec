"""The saves of a run on several nodes: finding the newest one, and sending its state to all."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from colorizer.errors import ColorizerError
from colorizer.networks.checkpoint import read_header
from colorizer.training import distributed
from colorizer.training.state import (
    RESUME_FILE,
    TrainConfig,
    TrainingState,
    restore_state,
    state_header,
    state_tensors,
)


class Save(NamedTuple):
    """A save in the folder of one process.

    identity: the run's settings, except for the number of epochs, and the SHA-256 of its sources.
    """

    epochs_done: int
    steps_done: int
    identity: tuple[TrainConfig, dict[str, str]]


def find_newest_save(folder: Path) -> int | None:
    """Return the lowest rank whose folder has the newest save of a run; None if no folder has one.

    Raises ColorizerError if a save is damaged or if the folders contain different runs.
    """
    saves = distributed.gather_objects(distributed.call_everywhere(lambda: _read_save(folder)))
    found = {number: save for number, save in enumerate(saves) if save is not None}
    if not found:
        return None
    newest = max(found, key=lambda number: (*found[number][:2], -number))
    for number, save in found.items():
        if save.identity != found[newest].identity:
            raise_everywhere(
                f"{folder}: the folders of processes {newest} and {number} contain different runs; "
                "remove one, or use --out for another folder"
            )
    return newest


def raise_everywhere(message: str) -> None:
    """Raise ColorizerError on rank 0 and exit on the others; all must call it."""

    def fail() -> None:
        raise ColorizerError(message)

    distributed.call_on(0, fail)


def share_run(
    source: int, load: Callable[[], TrainingState], device: torch.device
) -> TrainingState:
    """Return the state that load() returns on one rank to all processes.

    Only that rank needs the files that load() reads. If it raises an error, all processes end.
    """
    if distributed.world_size() == 1:
        return load()
    is_source = distributed.rank() == source
    run = distributed.call_everywhere(load if is_source else lambda: None)
    header = distributed.call_on(source, lambda: state_header(run) if run else {})
    tensors = distributed.broadcast_tensors(state_tensors(run) if run else {}, source, device)
    return run or restore_state(header, tensors, device, f"rank {source}")


def _read_save(folder: Path) -> Save | None:
    path = folder / RESUME_FILE
    if not path.exists():
        return None
    header = read_header(path)
    try:
        config = replace(TrainConfig(**header["config"]), epochs=0)
        return Save(header["epoch"], header["steps_done"], (config, header["sources"]))
    except (KeyError, TypeError) as error:
        raise ColorizerError(
            f"{path}: saved by an incompatible version ({error}); start again in another folder"
        ) from error
