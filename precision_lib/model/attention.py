"""Causal attention and rotary positions."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def rotation(time: int, d_head: int, device: torch.device | None = None) -> Tensor:
    """Cosines and sines of rotary positions, shape (2, time, d_head / 2).

    Frequencies 10,000^(-2i/d_head) (RoFormer, https://arxiv.org/abs/2104.09864).

    Examples
    --------
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

    Parameters
    ----------
    x : Tensor, shape (…, time, d_head)
    turn : Tensor
        As `rotation` gives it.

    Examples
    --------
    >>> rotate_positions(torch.tensor([[1.0, 2.0]]), rotation(1, 2)).tolist()
    [[1.0, 2.0]]
    """
    cos, sin = turn
    a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
    turned = torch.stack((a * cos - b * sin, a * sin + b * cos), -1)
    return turned.flatten(-2).to(x.dtype)


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Softmax attention of every position to itself and those before it.

    Parameters
    ----------
    q, k, v : Tensor, shape (batch, heads, time, d_head)

    Returns
    -------
    Tensor
        In the same shape.

    Examples
    --------
    >>> ones = torch.ones(1, 1, 2, 2)
    >>> attend(ones, ones, torch.tensor([[[[4.0, 5.0], [6.0, 7.0]]]])).tolist()
    [[[[4.0, 5.0], [5.0, 6.0]]]]
    """
    time, d_head = q.shape[-2:]
    hidden = torch.ones(time, time, dtype=torch.bool, device=q.device).triu(1)
    scores = (q @ k.mT) * d_head**-0.5
    return scores.masked_fill(hidden, -math.inf).softmax(-1) @ v
