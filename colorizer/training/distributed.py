"""Train on several processes with PyTorch's DistributedDataParallel under `torchrun`.

With one process, every function here does nothing. With several, each rank trains on its share of
the batch; the loss and its gradient cover the whole batch. Batch norms cover the whole batch on
GPUs, but only each process's share on CPUs, so there the result differs slightly from that of one
process.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

# Long, because the other processes wait while rank 0 decodes the photographs.
PROCESS_GROUP_TIMEOUT = timedelta(days=1)


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


def barrier() -> None:
    """Wait until all processes have reached this point."""
    if world_size() > 1:
        distributed.barrier()


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
