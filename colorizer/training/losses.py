"""The two objectives, per image, each with its equation (Zhang, Isola & Efros 2016)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from colorizer.color.bins import BinLookupTable, soft_encode
from colorizer.color.chunks import iterate_chunks
from colorizer.photos.reading import MAX_GRAY_AB


def regression_loss(scaled: Tensor, ab: Tensor, full_scale: float) -> Tensor:
    """ab / full_scale (N, 2, H, W) against ab (N, 2, H, W) -> (N, 2): the sum, the mean

    Of squared differences over pixels and channels; eq. 1 without its factor of one half.
    """
    squares = (scaled.float() - ab / full_scale).square().flatten(1)
    return torch.stack([squares.sum(dim=1), squares.mean(dim=1)], dim=1)


def classification_loss(
    logits: Tensor, ab: Tensor, table: BinLookupTable, weight: Tensor
) -> Tensor:
    """logits (N, Q, H, W) against ab (N, 2, H, W) -> (N, 2): the rebalanced mean, the plain mean

    Cross-entropy with the soft-encoded color, in nats a pixel (eq. 2). A pixel weighs what the
    bin nearest to its color weighs (eq. 3); weight (Q,) has mean 1 under the prior.
    """
    n, q = logits.shape[:2]
    nearest, bin_weights = soft_encode(ab.movedim(1, -1).reshape(-1, 2), table)
    # Of logits in channels_last this is a view, and so is the gradient's way back.
    entropy = sparse_cross_entropy(logits.movedim(1, -1).reshape(-1, q), nearest, bin_weights)
    rebalanced = weight[nearest[:, 0]] * entropy
    return torch.stack([x.reshape(n, -1).mean(dim=1) for x in (rebalanced, entropy)], dim=1)


def sparse_cross_entropy(logits: Tensor, bins: Tensor, bin_weights: Tensor) -> Tensor:
    """logits (P, Q), bins (P, k) and their shares (P, k), summing to 1 -> (P,), in nats

    The target that is zero but for k bins is never written out. Sums in float32 at least, also
    of bfloat16 logits. Differentiable once, in the logits.
    """
    entropy: Tensor = _SparseCrossEntropy.apply(logits, bins, bin_weights)  # type: ignore[no-untyped-call]  # torch leaves apply untyped
    return entropy


class _SparseCrossEntropy(torch.autograd.Function):
    """Keeps the logits and a number a row: a softmax is cheaper to compute twice than to store."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, nearest: Tensor, share: Tensor) -> Tensor:
        """-sum_k share_k log softmax(logits)_k (P,)"""
        precision = torch.promote_types(logits.dtype, torch.float32)
        entropy, normalizer = [], []
        for row, bins, part in iterate_chunks(logits, nearest, share):
            log_share = row.log_softmax(dim=1, dtype=precision)
            entropy.append(-(part * log_share.gather(1, bins)).sum(dim=1))
            normalizer.append(row[:, :1] - log_share[:, :1])  # logsumexp of the row
        ctx.save_for_backward(logits, nearest, share, torch.cat(normalizer))
        return torch.cat(entropy)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        """(softmax(logits) - target) upstream (P, Q)"""
        logits, nearest, share, normalizer = ctx.saved_tensors
        gradient = torch.empty_like(logits)
        direct = logits.dtype == normalizer.dtype  # else bfloat16, which cannot take the sums
        pieces = iterate_chunks(gradient, logits, nearest, share, normalizer, upstream[:, None])
        for out, row, bins, part, norm, scale in pieces:
            slope = torch.sub(row, norm, out=out) if direct else row - norm
            slope.exp_().scatter_add_(1, bins, -part.to(slope.dtype)).mul_(scale)
            if not direct:
                out.copy_(slope)
        return gradient, None, None


def color_mask(ab: Tensor) -> Tensor:
    """ab (N, 2, H, W) -> (N,) 1 where an image counts, 0 where it is gray: gray teaches gray"""
    return (ab.abs().amax(dim=(1, 2, 3)) > MAX_GRAY_AB).float()
