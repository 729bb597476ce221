"""Round tensors to a number format, at any granularity, with one backward.

One function serves every granularity through `block_size`: elements of one
block share a scale. All of it is plain operations, so that a compiler and
`torch.vmap` see through it. The gradient is a mask that is written out rather than
left to ``torch.clamp``, whose derivative at the boundary changed between versions
2.13 and 2.14 of torch (https://github.com/pytorch/ao/pull/4806). Numbers are divided
by their scale: multiplying by 1/scale moves some of those halfway between two
values to the other side.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from precision_lib.errors import UserError, check_known
from precision_lib.formats import Format, Int
from precision_lib.rounding.lane_integer import LaneInt
from precision_lib.rounding.options import STRAIGHT_THROUGH, Scale, StraightThrough
from precision_lib.rounding.scale_choice import scaled_blocks
from precision_lib.rounding.sharing import BlockSize, block_size

__all__ = [
    "BlockSize",
    "Quantized",
    "Scale",
    "StraightThrough",
    "block_size",
    "fake_quantize",
    "quantize",
    "scaled_blocks",
    "signal_to_noise",
]


@dataclass(frozen=True)
class Quantized:
    """A tensor on a grid.

    >>> from precision_lib.formats import Int
    >>> q = quantize(torch.tensor([[0.9, -0.4]]), Int(3), (1, 2))
    >>> q.codes.tolist(), round(q.scale.item(), 4)
    ([[3.0, -1.0]], 0.3)
    """

    values: Tensor  #: the quantized numbers, in the shape of the input
    #: Values of the format itself (integers for `Int`), in the shape of the input
    codes: Tensor
    #: scale, zero_point: one entry a block; ``values = (codes - zero_point) * scale``
    scale: Tensor
    zero_point: Tensor


def quantize(
    x: Tensor, fmt: Format, block: BlockSize, scale: Scale = "absmax"
) -> Quantized:
    """Round `x` to the nearest value of `fmt`, ties to even.

    Raises UserError if `x` holds NaN or infinity, the block does not divide its shape,
    or the format has no such scale.

    `x`: finite floating-point numbers; `fmt`: the grid; a block format brings its own
    blocks and scales. `block`: one entry an axis, as `block_size` gives it; `scale`:
    "absmax": the largest magnitude of a block fits. "mse": the scale with the least
    squared error, searched for each block (about 60 times the work). "gaussian": the
    best for a normal distribution of the block's root mean square.

    >>> from precision_lib.formats import Int
    >>> quantize(torch.tensor([1.0, -0.6, 0.2]), Int(2), (3,)).values.tolist()
    [1.0, -1.0, 0.0]
    """
    if not torch.isfinite(x).all():
        raise UserError("cannot quantize a tensor that holds NaN or infinity.")
    blocks, element, factor, zero_point = scaled_blocks(x, fmt, block, scale)
    zero = x.new_zeros(()) if zero_point is None else zero_point
    codes = (element.nearest(blocks / factor) + zero).clamp(*element.range)
    values = (codes - zero) * factor
    return Quantized(
        values.reshape(x.shape).to(x.dtype),
        codes.reshape(x.shape),
        factor.squeeze(),
        zero.squeeze(),
    )


def fake_quantize(
    x: Tensor,
    fmt: Format | LaneInt | None,
    block: BlockSize,
    scale: Scale = "absmax",
    straight_through: StraightThrough = "clipped",
) -> Tensor:
    """`x` rounded to the grid in the forward pass, straight through backward.

    Without a format `x` comes back as it is. Nothing is checked, for speed: a NaN
    stays a NaN.

    `x`, `fmt`, `block`, `scale`: as in `quantize`; `straight_through`: which elements
    pass their gradient on unchanged; the others pass none. "identity": all. "clipped":
    those whose rounded value is on the grid. "trust": those that moved by at most half
    the mean step of the grid (QuEST, https://arxiv.org/abs/2502.05003); the same as
    "clipped" on integers.

    >>> from precision_lib.formats import Int
    >>> x = torch.tensor([0.9, -0.4, 1.0], requires_grad=True)
    >>> y = fake_quantize(x, Int(2, "paper"), (3,)); y.sum().backward()
    >>> y.tolist(), x.grad.tolist()
    ([0.5, -0.5, 0.5], [0.0, 1.0, 0.0])
    """
    check_known("straight-through estimator", straight_through, STRAIGHT_THROUGH)
    if fmt is None:
        return x
    if isinstance(fmt, LaneInt):
        return fmt.fake_quantize(x, block)
    values, passes = _rounded(x.detach(), fmt, block, scale, straight_through)
    through = x if passes is None else x * passes
    return values + (through - through.detach())  # the difference is exactly zero


def signal_to_noise(x: Tensor, values: Tensor) -> float:
    """Mean square of `x` over that of the rounding error, in decibels.

    >>> round(signal_to_noise(torch.tensor([1.0, 1.0]), torch.tensor([0.9, 1.1])), 1)
    20.0
    """
    ratio = x.double().square().mean() / (values - x).double().square().mean()
    return 10 * float(torch.log10(ratio))


def _rounded(
    x: Tensor,
    fmt: Format,
    block: BlockSize,
    scale: Scale,
    straight_through: StraightThrough,
) -> tuple[Tensor, Tensor | None]:
    """Values, and 1 for each element whose gradient passes, else 0; None: all pass."""
    blocks, element, factor, zero_point = scaled_blocks(x, fmt, block, scale)
    ratio = blocks / factor
    zero = 0 if zero_point is None else zero_point
    codes = on_grid = element.nearest(ratio) + zero
    passes = None
    if fmt.clips or scale != "absmax":
        low, high = element.range
        on_grid = codes.clamp(low, high)
        if straight_through != "identity":
            passes = (codes >= low) & (codes <= high)
    if straight_through == "trust" and not isinstance(element, Int):
        step = (element.range[1] - element.range[0]) / (element.levels - 1)  # the mean
        passes = (ratio - on_grid).abs() <= step / 2
    values = ((on_grid - zero) * factor).reshape(x.shape).to(x.dtype)
    return values, None if passes is None else passes.reshape(x.shape).to(x.dtype)
