"""AWQ: scale up the weights of loud inputs before rounding, the inputs down.

The search of Lin et al. 2024 (https://arxiv.org/abs/2306.00978), section 3.2: the
scale of an input is a power of its mean magnitude, the power the one under which
rounding changes the layer's output least.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from precision_lib.formats import Format
from precision_lib.ptq.grid import weight_grid
from precision_lib.rounding.sharing import BlockSize

CLIP_RATIOS = tuple(1 - i / 20 for i in range(10))


@dataclass(frozen=True)
class Weight:
    """A matrix to round and the block that shares a scale in it.

    >>> Weight(torch.zeros(4, 8), (1, 8)).block
    (1, 8)
    """

    values: Tensor
    block: BlockSize


def awq_scales(
    weights: Sequence[Weight],
    hessian: Tensor,
    magnitude: Tensor,
    fmt: Format,
    alphas: int = 20,
) -> tuple[Tensor, float]:
    """Scales of the inputs that the matrices share, and the power they are.

    Weights are multiplied and inputs divided by them. The power is the first of
    0, 1/alphas, … below 1 with the least output error; power 0 scales nothing.

    `weights`: all matrices that read these inputs; `hessian`: mean of x·xᵀ over the
    calibration tokens (shape (in, in)); `magnitude`: mean magnitude of the input (shape
    (in,)); `fmt`: grid of the weights, scaled by absmax; `alphas`: number of powers.

    >>> from precision_lib.formats import Int
    >>> weight = Weight(torch.tensor([[0.2, 1.0, -0.9]]), (1, 3))
    >>> loud = torch.tensor([9.0, 1.0, 1.0])  # the first input
    >>> scales, alpha = awq_scales([weight], torch.diag(loud**2), loud, Int(2))
    >>> alpha, [round(s, 2) for s in scales.tolist()]
    (0.75, [2.28, 0.44, 0.44])
    """
    best, least, power = torch.ones_like(magnitude), torch.inf, 0.0
    for number in range(alphas):
        alpha = number / alphas
        scales = magnitude.pow(alpha).clamp(min=1e-4)
        scales = scales / (scales.max() * scales.min()).sqrt()
        error = sum(_output_error(w, scales, hessian, fmt) for w in weights)
        if error < least:
            best, least, power = scales, error, alpha
    return best, power


def _output_error(
    weight: Weight, scales: Tensor, hessian: Tensor, fmt: Format
) -> float:
    """Summed mean square output error of rounding the scaled weights."""
    scaled = weight.values * scales
    rounded = weight_grid(scaled, fmt, weight.block).round(scaled)
    delta = (rounded - scaled).div_(scales)
    return float((delta @ hessian).mul_(delta).sum())
