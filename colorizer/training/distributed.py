"""One training over several processes: PyTorch's DistributedDataParallel under `torchrun`.

Alone, everything here leaves things as they are. Together the ranks do what one process would do
with the same batch: each takes its share, and norms and losses are over the whole of it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.autograd.function import once_differentiable
from torch.nn.parallel import DistributedDataParallel

PATIENCE = timedelta(days=1)  # the others wait while the first decodes the photographs


@contextmanager
def joined(device: torch.device) -> Iterator[torch.device]:
    """Meet the processes that `torchrun` started; the device of this one."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield device
    finally:
        distributed.destroy_process_group()


def rank() -> int:
    """This process's number; 0 talks and writes."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def count() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def wait() -> None:
    """Until all are here."""
    if count() > 1:
        distributed.barrier()


def total(x: Tensor) -> Tensor:
    """The sum over all processes, without a gradient."""
    x = x.detach().clone()
    if count() > 1:
        distributed.all_reduce(x)
    return x


def greatest(values: tuple[float, ...], device: torch.device) -> list[float]:
    """Of each value the greatest over all processes, so that all decide alike."""
    agreed = torch.tensor(values, dtype=torch.float32, device=device)
    if count() > 1:
        distributed.all_reduce(agreed, distributed.ReduceOp.MAX)
    return agreed.tolist()


def share_gradients(model: nn.Module) -> nn.Module:
    """The model to call in training: its gradients are the mean over all processes."""
    if count() == 1:
        return model
    device = next(model.parameters()).device
    ids = [device.index] if device.type == "cuda" else None
    return DistributedDataParallel(model, device_ids=ids)


def synchronize_norms(model: nn.Module) -> None:
    """Batch norms over the whole batch in place of one process's share."""
    if count() == 1:
        return
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.BatchNorm2d:
                module.add_module(name, _synchronized(child))


class SharedNorm(nn.BatchNorm2d):
    """torch.nn.SyncBatchNorm for processors: that one works on GPUs only."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # the name in nn.BatchNorm2d
        """(N, C, H, W) -> the same, normalized over every process's N"""
        if not self.training:
            return super().forward(input)
        x = input.to(torch.promote_types(input.dtype, torch.float32))
        size = x.new_tensor([x.numel() / x.shape[1]])
        sums = _add(torch.cat([x.sum(dim=(0, 2, 3)), size]))
        mean, size = sums[:-1] / sums[-1], sums[-1]
        centered = x - mean[:, None, None]
        variance = _add(centered.square().sum(dim=(0, 2, 3))) / size
        self._remember(mean.detach(), variance.detach() * size / (size - 1))
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centered * scale[:, None, None] + self.bias[:, None, None]).to(input.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.running_mean.lerp_(mean, float(self.momentum or 0))
        self.running_var.lerp_(variance, float(self.momentum or 0))
        self.num_batches_tracked.add_(1)


class _Sum(torch.autograd.Function):
    """Over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return total(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return total(gradient)


def _add(x: Tensor) -> Tensor:
    summed: Tensor = _Sum.apply(x)  # type: ignore[no-untyped-call]  # torch has no types here
    return summed


def _synchronized(norm: nn.BatchNorm2d) -> nn.Module:
    if norm.weight.device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(norm)  # type: ignore[no-any-return,no-untyped-call]  # torch has no types here
    shared = SharedNorm(norm.num_features, norm.eps, norm.momentum)
    shared.weight, shared.bias = norm.weight, norm.bias
    shared.running_mean, shared.running_var = norm.running_mean, norm.running_var
    shared.num_batches_tracked = norm.num_batches_tracked
    return shared
