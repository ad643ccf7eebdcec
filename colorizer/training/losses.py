"""The losses of both objectives for each image (Zhang, Isola & Efros 2016)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from colorizer.color.bins import BinLookupTable, soft_encode
from colorizer.color.chunks import iterate_chunks
from colorizer.photos.gray import MAX_GRAY_AB


def regression_loss(scaled: Tensor, ab: Tensor, full_scale: float) -> Tensor:
    """Return the sum and the mean of the squared differences over pixels and channels, (N, 2).

    scaled (N, 2, H, W): the prediction of ab / full_scale. ab (N, 2, H, W): the target.
    This is eq. 1 without the factor 1/2.
    """
    squares = (scaled.float() - ab / full_scale).square().flatten(1)
    return torch.stack([squares.sum(dim=1), squares.mean(dim=1)], dim=1)


def classification_loss(
    logits: Tensor,
    ab: Tensor,
    table: BinLookupTable,
    weight: Tensor,
    plain: Tensor | None = None,
) -> Tensor:
    """Return the rebalanced and the unweighted mean cross-entropy in nats per pixel, (N, 2).

    logits (N, Q, H, W): the prediction. ab (N, 2, H, W): the target, which is soft-encoded (eq. 2).
    A pixel has the weight of the bin nearest to its color (eq. 3); weight (Q,) has mean 1 under the
    prior. plain (N, 1, H, W), in [0, 1]: the plainness of the ground, which takes the weight
    towards 1, because rarity is no evidence where lightness says nothing about the color.
    """
    n, q = logits.shape[:2]
    nearest, bin_weights = soft_encode(ab.movedim(1, -1).reshape(-1, 2), table)
    # For logits in channels_last order, this reshape is a view in both directions.
    entropy = sparse_cross_entropy(logits.movedim(1, -1).reshape(-1, q), nearest, bin_weights)
    pixel_weight = weight[nearest[:, 0]]
    if plain is not None:
        pixel_weight = pixel_weight ** (1 - plain.flatten())
    rebalanced = pixel_weight * entropy
    return torch.stack([x.reshape(n, -1).mean(dim=1) for x in (rebalanced, entropy)], dim=1)


def sparse_cross_entropy(logits: Tensor, bins: Tensor, bin_weights: Tensor) -> Tensor:
    """Return the cross-entropy (P,) in nats with targets that have only k nonzero bins.

    logits (P, Q). bins (P, k) and bin_weights (P, k), which sum to 1: the targets, which are never
    expanded to Q bins. Sums are in float32 or better, even for bfloat16 logits. Differentiable
    once, with respect to the logits.
    """
    entropy: Tensor = _SparseCrossEntropy.apply(logits, bins, bin_weights)  # type: ignore[no-untyped-call]  # torch leaves apply untyped
    return entropy


class _SparseCrossEntropy(torch.autograd.Function):
    """The autograd function of `sparse_cross_entropy`.

    It stores the logits and one normalizer per row. The backward pass recomputes the softmax,
    because that costs less than storing it.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, nearest: Tensor, share: Tensor) -> Tensor:
        """Return -sum_k share_k log softmax(logits)_k, (P,)."""
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
        """Return (softmax(logits) - target) * upstream, (P, Q)."""
        logits, nearest, share, normalizer = ctx.saved_tensors
        gradient = torch.empty_like(logits)
        in_place = logits.dtype == normalizer.dtype  # bfloat16 is not precise enough for the sums
        pieces = iterate_chunks(gradient, logits, nearest, share, normalizer, upstream[:, None])
        for out, row, bins, part, norm, scale in pieces:
            slope = torch.sub(row, norm, out=out) if in_place else row - norm
            slope.exp_().scatter_add_(1, bins, -part.to(slope.dtype)).mul_(scale)
            if not in_place:
                out.copy_(slope)
        return gradient, None, None


def color_mask(ab: Tensor) -> Tensor:
    """Return 1 for images with color and 0 for gray ones, (N,); ab (N, 2, H, W).

    Gray images are left out of the losses, because they would teach the model to predict gray.
    """
    return (ab.abs().amax(dim=(1, 2, 3)) > MAX_GRAY_AB).float()
