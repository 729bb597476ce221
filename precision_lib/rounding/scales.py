"""Scales: what the numbers of a block are divided by before they are rounded."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from precision_lib.errors import UserError
from precision_lib.formats import Block, Element, Float, Int
from precision_lib.formats.blocks import E4M3FN
from precision_lib.rounding.sharing import BlockSize, own_block


def split(x: Tensor, block: BlockSize) -> tuple[Tensor, tuple[int, ...]]:
    """A view of `x` with each axis split into (blocks, within), and the latter axes.

    Raises UserError if the block does not divide the shape.

    >>> blocks, axes = split(torch.zeros(8, 64), (1, 16))
    >>> tuple(blocks.shape), axes
    ((8, 4, 16), (2,))
    """
    shape, axes = _split_shape(x.shape, block)
    return (x if len(shape) == x.dim() else x.view(shape)), axes


def _split_shape(
    sizes: torch.Size, block: BlockSize
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if len(block) != len(sizes) or any(
        n % b for n, b in zip(sizes, block, strict=True)
    ):
        raise UserError(f"block size {block} does not divide a tensor of {[*sizes]}.")
    shape: list[int] = []
    axes: list[int] = []
    for n, b in zip(sizes, block, strict=True):
        if b not in (1, n):
            shape.append(n // b)
        shape.append(n if b in (1, n) else b)
        if b > 1:
            axes.append(len(shape) - 1)
    if not axes:  # every number alone: a torch reduction over no axis takes them all
        return (*shape, 1), (len(shape),)
    return tuple(shape), tuple(axes)


def absmax(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Largest magnitude along `axes`, which stay as axes of one; all axes: a scalar.

    >>> absmax(torch.tensor([[1.0, -3.0]]), (1,)).tolist()
    [[3.0]]
    """
    return x.abs().amax(axes, keepdim=len(axes) < x.dim())


def absmax_scale(
    x: Tensor, fmt: Element, axes: tuple[int, ...]
) -> tuple[Tensor, Tensor | None]:
    """Scale under which the block just fits, and zero point if the grid has one.

    A scale is at least the smallest normal number, which is what a block of zeros
    gets. Floats of 8 exponent bits hold every float32 magnitude and are not scaled.

    >>> scale, zero_point = absmax_scale(torch.tensor([0.5, -3.5]), Int(4), (0,))
    >>> scale.item(), zero_point
    (0.5, None)
    """
    zero_point = None
    if isinstance(fmt, Int) and fmt.grid in ("asymmetric", "no_clipping"):
        scale, zero_point = _two_sided(x, fmt, axes)
    else:
        scale = absmax(x, axes) / _reach(fmt)
    if isinstance(fmt, Float) and fmt.exponent == 8:
        return torch.ones_like(scale), None
    return scale.clamp(min=torch.finfo(scale.dtype).tiny), zero_point


def _reach(fmt: Element) -> float:
    """What absmax scaling maps the largest magnitude to."""
    if isinstance(fmt, Int) and fmt.grid == "full":
        return (2**fmt.bits - 1) / 2
    return max(-fmt.range[0], fmt.range[1])


def _two_sided(
    x: Tensor, fmt: Int, axes: tuple[int, ...]
) -> tuple[Tensor, Tensor | None]:
    """Scale of the grids that look at both ends of the block."""
    high = x.amax(axes, keepdim=True).clamp(min=0)
    low = x.amin(axes, keepdim=True).clamp(max=0)
    if fmt.grid == "asymmetric":
        scale = (high - low) / (2**fmt.bits - 1)
        scale = scale.clamp(min=torch.finfo(scale.dtype).tiny)
        return scale, torch.round(-low / scale)
    bottom, top = fmt.range
    upper = high / top if top > 0 else torch.zeros_like(high)
    return torch.maximum(upper, low / bottom), None


def block_scale(x: Tensor, fmt: Block, block: BlockSize) -> Tensor:
    """Scales of a block format, shape (…, n / size, 1).

    `x`: shape (…, n); `block`: what shares the second scale of NVFP4; the other formats
    have none.

    >>> from precision_lib.formats import parse_format
    >>> block_scale(torch.full((1, 32), 7.9), parse_format("mxfp4"), (1, 32)).item()
    1.0
    """
    largest = absmax(*split(x, own_block(fmt, block, x.shape)))
    largest = largest.reshape(*x.shape[:-1], -1)  # (…, n / size)
    if fmt.rule == "e4m3fn":
        fits = largest / fmt.element.largest
        scale = two_level(fits, second_scale(fits, fmt, block), fmt, block)
    else:
        scale = _power_of_two(largest, fmt)
    return scale.clamp(min=torch.finfo(scale.dtype).tiny).unsqueeze(-1)


def _power_of_two(largest: Tensor, fmt: Block) -> Tensor:
    """E8M0 scales; frexp, because float32 log2 rounds 2^k less one ulp up to k."""
    if fmt.rule == "floor":
        exponent = torch.frexp(largest).exponent - 1
        exponent -= math.frexp(fmt.element.largest)[1] - 1
    else:
        mantissa, exponent = torch.frexp(largest / fmt.element.largest)
        exponent = exponent - (mantissa == 0.5).int()
    return torch.ldexp(torch.ones_like(largest), exponent.clamp(-127, 127))


def second_scale(fits: Tensor, fmt: Block, block: BlockSize) -> Tensor:
    """Scale of the scales of NVFP4: the largest in each of `block` becomes 448.

    Raises UserError if the caller's block is no whole number of the format's.

    >>> from precision_lib.formats import parse_format
    >>> second_scale(torch.tensor([[896.0]]), parse_format("nvfp4"), (1, 16)).item()
    2.0
    """
    blocks, axes = split(fits, _outer_block(fmt, block))
    return absmax_scale(blocks, E4M3FN, axes)[0]


def two_level(fits: Tensor, second: Tensor, fmt: Block, block: BlockSize) -> Tensor:
    """Block scales `fits` rounded to E4M3 under the `second` scale.

    One that would round to zero becomes the smallest there is.

    >>> from precision_lib.formats import parse_format
    >>> fmt, fits = parse_format("nvfp4"), torch.tensor([[448.0, 1.05]])
    >>> two_level(fits, torch.ones(()), fmt, (1, 32)).tolist()
    [[448.0, 1.0]]
    """
    blocks, _ = split(fits, _outer_block(fmt, block))
    codes = E4M3FN.nearest(blocks / second)
    codes = torch.where(blocks > 0, codes.clamp(E4M3FN.values[1], 448.0), codes)
    return (codes * second).reshape(fits.shape)


def _outer_block(fmt: Block, block: BlockSize) -> BlockSize:
    if block[-1] % fmt.size:
        raise UserError(
            f"'{fmt.name}' needs blocks of a multiple of {fmt.size} for its second "
            f"scale, not {block[-1]}; take a coarser granularity."
        )
    return (*block[:-1], block[-1] // fmt.size)
