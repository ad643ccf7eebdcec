"""One training over several processes: PyTorch's DistributedDataParallel under `torchrun`.

One process alone is left as it is. Several share each batch: the loss and its gradient are those
of the whole batch. Batch norms are over the whole batch on GPUs, and over each process's share on
CPU, where training with N processes therefore differs a little from training with one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

PROCESS_GROUP_TIMEOUT = timedelta(days=1)  # the others wait while the first decodes the photographs


@contextmanager
def process_group(device: torch.device) -> Iterator[torch.device]:
    """Meet the processes that `torchrun` started; the device of this one."""
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
    """This process's number; 0 talks and writes."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def world_size() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def barrier() -> None:
    """Until all are here."""
    if world_size() > 1:
        distributed.barrier()


def all_reduce_sum(x: Tensor) -> Tensor:
    """The sum over all processes, without a gradient."""
    x = x.detach().clone()
    if world_size() > 1:
        distributed.all_reduce(x)
    return x


def all_reduce_max(values: tuple[float, ...], device: torch.device) -> list[float]:
    """Of each value the greatest over all processes, so that all decide alike."""
    agreed = torch.tensor(values, dtype=torch.float32, device=device)
    if world_size() > 1:
        distributed.all_reduce(agreed, distributed.ReduceOp.MAX)
    return agreed.tolist()


def wrap_ddp(model: nn.Module) -> nn.Module:
    """The model to call in training: its gradients are the mean over all processes."""
    if world_size() == 1:
        return model
    device = next(model.parameters()).device
    ids = [device.index] if device.type == "cuda" else None
    # average_norm_statistics keeps buffers alike; DDP would take those of process 0.
    return DistributedDataParallel(model, device_ids=ids, broadcast_buffers=False)


def convert_sync_batchnorm(model: nn.Module, device: torch.device) -> None:
    """Let batch norms span the whole batch, where several processes train on GPUs.

    torch.nn.SyncBatchNorm works on GPUs only: on CPU each process normalizes its own share.
    """
    if world_size() > 1 and device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(model)


def average_norm_statistics(model: nn.Module) -> None:
    """Set running means and variances to their means over all processes, which then are alike.

    Leaves alone what needs no averaging: SyncBatchNorm, whose statistics are those of the whole
    batch, and frozen norms.
    """
    norms = [x for x in model.modules() if isinstance(x, nn.BatchNorm2d) and x.training]
    both = [x for norm in norms for x in (norm.running_mean, norm.running_var) if x is not None]
    if world_size() == 1 or not both:
        return
    means = all_reduce_sum(torch.cat(both)) / world_size()
    for statistic, mean in zip(both, torch.split(means, [len(x) for x in both]), strict=True):
        statistic.copy_(mean)
