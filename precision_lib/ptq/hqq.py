"""HQQ: move the zero point of each block so that most weights err little.

Half-quadratic quantization (Badri and Shaji 2023, https://dropbox.github.io/hqq_blog/)
looks at no inputs. It splits the rounding error into a sparse part, which is let go,
and the rest, whose mean the zero point takes away.
"""

from __future__ import annotations

import torch
from torch import Tensor

from precision_lib.errors import UserError
from precision_lib.formats import Block, Element, Float, Format, Int
from precision_lib.rounding.scales import absmax_scale, split
from precision_lib.rounding.sharing import BlockSize

NORM, BETA, KAPPA, STEPS = 0.7, 10.0, 1.01, 20  # the authors' optimize.py
ZERO_POINT_BITS = 16  # a real number, where `Int`'s own is an integer


def hqq(weight: Tensor, fmt: Format, block: BlockSize) -> Tensor:
    """`weight` rounded under zero points that are real numbers.

    The scale of integers spans the block from its smallest to its largest number,
    whatever their grid; that of other formats is absmax.

    Raises UserError if the format has scales of its own or none.

    `weight`: tensor, shape (out, in); `fmt`: anything but a block format; `block`: what
    shares a scale and a zero point.

    >>> values = hqq(torch.tensor([[0.0, 0.5, 1.0, 3.0]]), Int(2), (1, 4))
    >>> values.round(decimals=3).abs().tolist()
    [[0.0, 0.0, 1.5, 3.0]]
    """
    if isinstance(fmt, Block) or (isinstance(fmt, Float) and fmt.exponent == 8):
        raise UserError(
            f"'hqq' moves the zero point of a free scale, and '{fmt.name}' has none; "
            "take an integer, a smaller float or another method."
        )
    blocks, axes = split(weight, block)
    scale, zero = _start(blocks, fmt, axes)
    beta, least = BETA, torch.inf
    for _ in range(STEPS):
        codes = _codes(blocks, fmt, scale, zero)
        error = blocks - (codes - zero) * scale
        sparse = _shrink(error, beta)
        zero = (codes - (blocks - sparse) / scale).mean(axes, keepdim=True)
        beta *= KAPPA
        mean = float(error.abs().mean())
        if mean >= least:
            break
        least = mean
    codes = _codes(blocks, fmt, scale, zero)
    return ((codes - zero) * scale).reshape(weight.shape)


def _start(x: Tensor, fmt: Element, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Scale and zero point before the first step."""
    if not isinstance(fmt, Int):
        scale, _ = absmax_scale(x, fmt, axes)
        return scale, torch.zeros_like(scale)
    bottom, top = fmt.range
    low, high = x.amin(axes, keepdim=True), x.amax(axes, keepdim=True)
    scale = (high - low) / (top - bottom)
    scale = torch.where(scale == 0, 1.0, scale)  # all of the block is one number
    return scale, bottom - low / scale


def _codes(x: Tensor, fmt: Element, scale: Tensor, zero: Tensor) -> Tensor:
    return fmt.nearest(x / scale + zero).clamp_(*fmt.range)


def _shrink(x: Tensor, beta: float) -> Tensor:
    """The part of the error that is let go: all of a large one, none of a small one."""
    magnitude = x.abs()
    return x.sign() * (magnitude - magnitude.pow(NORM - 1) / beta).clamp(min=0)
