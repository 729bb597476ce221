"""Causal attention and rotary positions."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def rotation(time: int, d_head: int, device: torch.device | None = None) -> Tensor:
    """Cosines and sines of rotary positions, shape (2, time, d_head / 2).

    Frequencies 10,000^(-2i/d_head) (RoFormer, https://arxiv.org/abs/2104.09864).

    >>> rotation(1, 4).tolist()
    [[[1.0, 1.0]], [[0.0, 0.0]]]
    """
    half = d_head // 2
    steps = torch.arange(half, device=device, dtype=torch.float32)
    positions = torch.arange(time, device=device, dtype=torch.float32)
    angle = torch.outer(positions, 10_000.0 ** (-steps / half))
    return torch.stack((angle.cos(), angle.sin()))


def rotate_positions(x: Tensor, turn: Tensor) -> Tensor:
    """Queries or keys, each pair of neighboring entries turned by its position's angle.

    `x`: shape (…, time, d_head); `turn`: as `rotation` gives it.

    >>> rotate_positions(torch.tensor([[1.0, 2.0]]), rotation(1, 2)).tolist()
    [[1.0, 2.0]]
    """
    cos, sin = turn
    a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
    turned = torch.stack((a * cos - b * sin, a * sin + b * cos), -1)
    return turned.flatten(-2).to(x.dtype)


def causal_mask(time: int, device: torch.device | None = None) -> Tensor:
    """What is added to the scores: -inf where a key comes later, shape (time, time).

    >>> causal_mask(2).tolist()
    [[0.0, -inf], [0.0, 0.0]]
    """
    return torch.full((time, time), -math.inf, device=device).triu(1)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """Softmax attention of every position to those that `mask` leaves.

    `q`, `k`, `v` and the result have the shape (batch, heads, time, d_head), `mask`
    (time, time), as `causal_mask` gives it.

    >>> ones = torch.ones(1, 1, 2, 2)
    >>> v = torch.tensor([[[[4.0, 5.0], [6.0, 7.0]]]])
    >>> attend(ones, ones, v, causal_mask(2)).tolist()
    [[[[4.0, 5.0], [5.0, 6.0]]]]
    """
    scores = (q @ k.mT) * q.shape[-1] ** -0.5
    return (scores + mask).softmax(-1) @ v
