"""Train on several processes with PyTorch's DistributedDataParallel under `torchrun`.

With one process, every function here does nothing. With several, each rank trains on its share of
the batch; the loss and its gradient cover the whole batch. Batch norms cover the whole batch on
GPUs, but only each process's share on CPUs, so there the result differs slightly from that of one
process.

A node is a machine with its own disk, or a share of one. Processes on it have local ranks, from 0.
"""

import os
import secrets
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeVar, cast

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from colorizer.errors import ColorizerError

T = TypeVar("T")

PROCESS_GROUP_TIMEOUT = timedelta(minutes=10)  # after which a process that hangs ends the run
CHECK_IN_S = 20.0  # interval at which the processes meet during work of different lengths
ERROR_EXIT_CODE = 2


@contextmanager
def process_group(device: torch.device) -> Iterator[torch.device]:
    """Join the processes that `torchrun` started; yield the device of this process."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group(
        "nccl" if device.type == "cuda" else "gloo", timeout=PROCESS_GROUP_TIMEOUT
    )
    try:
        yield device
    finally:
        distributed.destroy_process_group()


def rank() -> int:
    """Return the number of this process; only rank 0 prints and writes files."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def world_size() -> int:
    """Return the number of processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def local_rank() -> int:
    """Return the number of this process on its node."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def elastic_restarts() -> int:
    """Return how many times `torchrun` has restarted the processes, as the largest count of any."""
    return max(gather_objects(int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))))


def gather_objects(value: T) -> list[T]:
    """Return the values of all processes, by rank."""
    values = [value] * world_size()
    if world_size() > 1:
        distributed.all_gather_object(values, value)
    return values


def call_everywhere(function: Callable[[], T]) -> T:
    """Return function(), unless it raises ColorizerError or OSError in some process.

    The lowest rank with an error raises it, so that it is reported once; the others exit.
    """
    error: Exception | None = None
    try:
        value = function()
    except (ColorizerError, OSError) as raised:
        error = raised
    failed = [number for number, has in enumerate(gather_objects(error is not None)) if has]
    if error is not None and rank() == failed[0]:
        raise error
    if failed:
        sys.exit(ERROR_EXIT_CODE)
    return value


def call_on(source: int, function: Callable[[], T]) -> T:
    """Return function() of one rank to all processes; if it raises an error, all of them end."""
    values = [call_everywhere(function if rank() == source else lambda: None)]
    if world_size() > 1:
        distributed.broadcast_object_list(values, source)
    value: T = cast(T, values[0])
    return value


def broadcast_tensors(
    tensors: dict[str, Tensor], source: int, device: torch.device
) -> dict[str, Tensor]:
    """Return the tensors of one rank to all processes, in CPU memory.

    device: over which they are sent.
    """
    kinds = call_on(source, lambda: {name: (x.shape, x.dtype) for name, x in tensors.items()})
    received = {}
    for name, (shape, dtype) in kinds.items():
        own = tensors[name].detach() if rank() == source else torch.empty(shape, dtype=dtype)
        sent = own.to(device).contiguous()
        distributed.broadcast(sent, source)
        received[name] = sent.cpu()
    return received


def is_writer(folder: Path) -> bool:
    """Return True in one process for each disk on which a folder of this path lies.

    These are rank 0 and, on every node that does not share rank 0's folder, local rank 0.
    """
    if world_size() == 1:
        return True
    name = call_on(0, lambda: _create_marker(folder))
    call_everywhere(lambda: folder.mkdir(parents=True, exist_ok=True))
    shares_folder = (folder / name).exists()
    gather_objects(None)  # all have looked
    if rank() == 0:
        (folder / name).unlink()
    return rank() == 0 or (local_rank() == 0 and not shares_folder)


def _create_marker(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    marker = folder / f".{secrets.token_hex(8)}"
    marker.touch()
    return marker.name


def wait_for_all(steps: Iterable[T]) -> Iterator[T]:
    """Yield the steps of this process, then wait until all processes have finished theirs.

    Meanwhile the processes check in with each other, so that waiting for long work is not taken
    for a hanging process, and vice versa. If the steps of one raise an error, the others exit.
    """
    last = time.monotonic()
    try:
        for step in steps:
            yield step
            if time.monotonic() - last >= CHECK_IN_S:
                _check_in("working")
                last = time.monotonic()
    except (ColorizerError, OSError):
        _check_in("failed")
        raise
    while not _check_in("finished"):
        pass


def _check_in(state: str) -> bool:
    """Tell the other processes the state of this one; return True if all have finished."""
    states = gather_objects(state)
    if "failed" in states and state != "failed":
        sys.exit(ERROR_EXIT_CODE)
    return states.count("finished") == len(states)


def all_reduce_sum(x: Tensor) -> Tensor:
    """Return the sum over all processes, without a gradient."""
    x = x.detach().clone()
    if world_size() > 1:
        distributed.all_reduce(x)
    return x


def all_reduce_max(values: tuple[float, ...], device: torch.device) -> list[float]:
    """Return the maximum of each value over all processes, so that they make equal decisions."""
    maxima = torch.tensor(values, dtype=torch.float32, device=device)
    if world_size() > 1:
        distributed.all_reduce(maxima, distributed.ReduceOp.MAX)
    return maxima.tolist()


def wrap_ddp(model: nn.Module) -> nn.Module:
    """Wrap a model so that its gradients are averaged over all processes."""
    if world_size() == 1:
        return model
    device = next(model.parameters()).device
    ids = [device.index] if device.type == "cuda" else None
    with warnings.catch_warnings():
        # The argument has another name since PyTorch 2.13; 2.11 knows only this one.
        warnings.simplefilter("ignore", FutureWarning)
        # average_norm_statistics keeps the buffers equal; DDP would copy those of rank 0.
        return DistributedDataParallel(model, device_ids=ids, broadcast_buffers=False)


def convert_sync_batchnorm(model: nn.Module, device: torch.device) -> None:
    """Make batch norms cover the whole batch if several processes train on GPUs.

    torch.nn.SyncBatchNorm only works on GPUs; on CPUs each process normalizes its own share.
    """
    if world_size() > 1 and device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(model)


def average_norm_statistics(model: nn.Module) -> None:
    """Average the running means and variances of batch norms over all processes.

    Skips SyncBatchNorm, whose statistics already cover the whole batch, and frozen norms.
    """
    norms = [x for x in model.modules() if isinstance(x, nn.BatchNorm2d) and x.training]
    buffers = [x for norm in norms for x in (norm.running_mean, norm.running_var) if x is not None]
    if world_size() == 1 or not buffers:
        return
    means = all_reduce_sum(torch.cat(buffers)) / world_size()
    for buffer, mean in zip(buffers, torch.split(means, [len(x) for x in buffers]), strict=True):
        buffer.copy_(mean)
