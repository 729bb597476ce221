"""Gaussian noise in place of rounding: is it quantization, or any perturbation?"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor


def noise(weight: Tensor, rounded: Tensor, seed: int, name: str) -> Tensor:
    """The weight with noise as large as the rounding error of each output channel.

    Each row of the noise has exactly the mean square of the row's rounding error, and
    a direction drawn at random, the same for the same seed and name.

    `weight`, `rounded`: shape (out, in); `name`: of the layer: layers are independent.

    >>> weight, rounded = torch.ones(1, 4), torch.tensor([[1.0, 0.0, 1.0, 2.0]])
    >>> error = noise(weight, rounded, seed=0, name="a") - weight
    >>> round(float(error.square().sum()), 5)
    2.0
    """
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    drawn = torch.randn(weight.shape, generator=generator).to(weight)
    size = (rounded - weight).norm(dim=1, keepdim=True)
    return weight + drawn * (size / drawn.norm(dim=1, keepdim=True))
