"""The two objectives, per image, each with its equation (Zhang, Isola & Efros 2016)."""

import torch
from torch import Tensor

from colorizer.bins import soft_encode
from colorizer.photos import GRAY_AB


def regression_loss(scaled: Tensor, ab: Tensor, full_scale: float) -> Tensor:
    """ab / full_scale (N, 2, H, W) against ab (N, 2, H, W) -> (N, 2): the sum, the mean

    Of squared differences over pixels and channels; eq. 1 without its factor of one half.
    """
    squares = (scaled.float() - ab / full_scale).square().flatten(1)
    return torch.stack([squares.sum(dim=1), squares.mean(dim=1)], dim=1)


def classification_loss(logits: Tensor, ab: Tensor, bins: Tensor, weight: Tensor) -> Tensor:
    """logits (N, Q, H, W) against ab (N, 2, H, W) -> (N, 2): the rebalanced mean, the plain mean

    Cross-entropy with the soft-encoded color, in nats a pixel (eq. 2). A pixel weighs what the
    bin nearest to its color weighs (eq. 3); weight (Q,) has mean 1 under the prior.
    """
    n, q = logits.shape[:2]
    flat = logits.float().movedim(1, -1).reshape(-1, q)  # (P, Q)
    nearest, share = soft_encode(ab.movedim(1, -1).reshape(-1, 2), bins)
    # The shares sum to 1, so sum_k share_k (logsumexp - logit_k) needs no dense softmax.
    entropy = flat.logsumexp(dim=1) - (share * flat.gather(1, nearest)).sum(dim=1)
    rebalanced = weight[nearest[:, 0]] * entropy
    return torch.stack([x.reshape(n, -1).mean(dim=1) for x in (rebalanced, entropy)], dim=1)


def has_color(ab: Tensor) -> Tensor:
    """ab (N, 2, H, W) -> (N,) 1 where an image counts, 0 where it is gray: gray teaches gray"""
    return (ab.abs().amax(dim=(1, 2, 3)) > GRAY_AB).float()
