"""Which scale a block gets: the one that just fits, or the one with least error."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from precision_lib.errors import UserError, check_known
from precision_lib.formats import Block, Element, Float, Format, Int
from precision_lib.formats.gaussian import gaussian_scale
from precision_lib.rounding.options import SCALES, Scale
from precision_lib.rounding.scales import (
    absmax_scale,
    block_scale,
    second_scale,
    split,
    two_level,
)
from precision_lib.rounding.sharing import BlockSize, own_block

# Multiples of the absmax scale that are tried: eighths of a factor of two.
COARSE = tuple(2 ** (k / 8) for k in range(4, -37, -1))
# Multiples of a power of two that are tried.
BINADES = (2.0, 1.0, 0.5, 0.25, 0.125)


def scaled_blocks(
    x: Tensor, fmt: Format, block: BlockSize, scale: Scale
) -> tuple[Tensor, Element, Tensor, Tensor | None]:
    """`x` split into blocks, the format of its elements, scale and zero point.

    Numbers of fewer than 32 bits come back as float32, which holds every code; the
    blocks are contiguous, because dividing strided rows by their scales is slow.

    Raises UserError if the scale is unknown, or "gaussian" for a block format.

    >>> x = torch.tensor([[3.0, -0.5]])
    >>> blocks, element, factor, zero_point = scaled_blocks(x, Int(3), (1, 2), "absmax")
    >>> (blocks / factor).tolist(), zero_point
    ([[3.0, -0.5]], None)
    """
    x = (x.float() if x.element_size() < 4 else x).contiguous()
    check_known("scale", scale, SCALES)
    if isinstance(fmt, Block):
        return _own_blocks(x, fmt, block, scale)
    blocks, axes = split(x, block)
    if scale == "gaussian":
        return blocks, fmt, *_gaussian(blocks, fmt, axes)
    factor, zero = absmax_scale(blocks, fmt, axes)
    if scale == "mse" and not (isinstance(fmt, Float) and fmt.exponent == 8):
        factor = least_error(blocks, fmt, axes, factor, zero, COARSE)
        near = [2 ** (k / 64) for k in range(-7, 8)]
        factor = least_error(blocks, fmt, axes, factor, zero, near)
    return blocks, fmt, factor, zero


def least_error(
    x: Tensor,
    fmt: Element,
    axes: tuple[int, ...],
    start: Tensor,
    zero_point: Tensor | None,
    multiples: Iterable[float],
    snap: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """The multiple of `start`, for each block, with the least squared error.

    `x`: numbers, split into blocks; `axes` lie within a block. `fmt`: format they are
    rounded to; `start`, `zero_point`: scale that the multiples are of, and zero point
    of the grid or None. `multiples`: what is tried; of equals the first wins. `snap`:
    rounds a scale to what the format can store.

    >>> x = torch.tensor([1.0, 0.5, -0.5, 0.5])
    >>> least_error(x, Int(2), (0,), torch.ones(1), None, (1, 0.5, 0.25)).item()
    0.5
    """
    low, high = fmt.range
    zero = 0 if zero_point is None else zero_point
    tiny = torch.finfo(x.dtype).tiny
    best, least = start, torch.full_like(start, torch.inf)
    for multiple in multiples:
        scale = start * multiple
        scale = (snap(scale) if snap else scale).clamp(min=tiny)
        codes = (fmt.nearest(x / scale) + zero).clamp(low, high) - zero
        error = (
            (codes * scale - x).square().sum(axes, keepdim=True).reshape(start.shape)
        )
        best = torch.where(error < least, scale, best)
        least = torch.minimum(error, least)
    return best


def _gaussian(
    x: Tensor, fmt: Element, axes: tuple[int, ...]
) -> tuple[Tensor, Tensor | None]:
    """The format's best scale for a normal distribution times the root mean square."""
    rms = x.square().mean(axes, keepdim=True).sqrt()
    scale = (rms * gaussian_scale(fmt)[0]).clamp(min=torch.finfo(x.dtype).tiny)
    if isinstance(fmt, Int) and fmt.grid == "asymmetric":
        return scale, torch.full_like(scale, 2 ** (fmt.bits - 1))
    return scale, None


def _own_blocks(
    x: Tensor, fmt: Block, block: BlockSize, scale: Scale
) -> tuple[Tensor, Element, Tensor, None]:
    if scale == "gaussian":
        raise UserError(
            f"'{fmt.name}' brings its own scales; choose 'absmax' (the format's rule) "
            "or 'mse'."
        )
    blocks, _ = split(x, own_block(fmt, block, x.shape))
    factor = block_scale(x, fmt, block)  # (…, n / size, 1)
    shape = (*blocks.shape[:-1], 1)
    last = (blocks.dim() - 1,)
    if scale == "mse" and fmt.rule == "e4m3fn":
        fits = factor.squeeze(-1)
        second = second_scale(fits, fmt, block)

        def snap(s: Tensor) -> Tensor:
            s = two_level(s.reshape(fits.shape), second, fmt, block)
            return s.reshape(shape)

        factor = factor.reshape(shape)
        factor = least_error(blocks, fmt.element, last, factor, None, COARSE, snap)
    elif scale == "mse":
        factor = factor.reshape(shape)
        factor = least_error(blocks, fmt.element, last, factor, None, BINADES)
    return blocks, fmt.element, factor.reshape(shape), None
