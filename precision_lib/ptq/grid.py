"""Fixed grids of a weight matrix: a scale for each block, chosen before rounding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from precision_lib.formats import Block, Element, Float, Format
from precision_lib.rounding.quantizer import scaled_blocks
from precision_lib.rounding.scales import split
from precision_lib.rounding.sharing import BlockSize

# Maps an error of the weights, (out, in), to what each entry adds to the total.
Criterion = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class WeightGrid:
    """Which values each entry of a weight matrix may take.

    >>> from precision_lib.formats import Int
    >>> weight = torch.tensor([[1.0, -0.6, 0.2]])
    >>> weight_grid(weight, Int(2), (1, 3)).round(weight).tolist()
    [[1.0, -1.0, 0.0]]
    """

    element: Element  #: format of an entry
    #: scale, zero_point: shape (out, in), of the entry's block; None is no zero point
    scale: Tensor
    zero_point: Tensor | None

    def round(self, weight: Tensor) -> Tensor:
        """The nearest values, shape (out, in)."""
        return round_to(self.element, weight, self.scale, self.zero_point)


def round_to(
    element: Element, x: Tensor, scale: Tensor, zero_point: Tensor | None
) -> Tensor:
    """`x` rounded to `element` under a given scale and zero point.

    >>> from precision_lib.formats import Int
    >>> x = torch.tensor([0.7, 9.0])
    >>> round_to(Int(3), x, torch.tensor(0.5), None).tolist()
    [0.5, 1.5]
    """
    codes = element.nearest(torch.div(x, scale))
    if zero_point is None:
        return codes.clamp_(*element.range).mul_(scale)
    return codes.add_(zero_point).clamp_(*element.range).sub_(zero_point).mul_(scale)


def weight_grid(
    weight: Tensor,
    fmt: Format,
    block: BlockSize,
    criterion: Criterion | None = None,
    ratios: tuple[float, ...] = (),
) -> WeightGrid:
    """The absmax grid of `weight`, each block shrunk by its best of `ratios`.

    `weight`: tensor, shape (out, in); `block`: what shares a scale; block formats bring
    their own. `criterion`: the error to minimize, entry by entry; without it nothing is
    shrunk (optional). `ratios`: candidates, in the order of preference.

    >>> from precision_lib.formats import Int
    >>> weight = torch.tensor([[4.0, 0.9, -1.1, 1.0, 1.0]])
    >>> grid = weight_grid(weight, Int(2), (1, 5), torch.abs, (1.0, 0.5, 0.25))
    >>> grid.round(weight).tolist()
    [[1.0, 1.0, -1.0, 1.0, 1.0]]
    """
    blocks, element, scale, zero_point = scaled_blocks(weight, fmt, block, "absmax")
    if criterion is not None and can_clip(fmt):
        axes = split(weight, block)[1]
        scale = scale * _best_ratio(
            blocks, element, scale, zero_point, criterion, ratios, weight.shape, axes
        )

    def spread(x: Tensor) -> Tensor:
        return x.expand_as(blocks).reshape(weight.shape)

    zero = None if zero_point is None else spread(zero_point)
    return WeightGrid(element, spread(scale), zero)


def can_clip(fmt: Format) -> bool:
    """Whether the scales of `fmt` may be any number.

    >>> from precision_lib.formats import parse_format
    >>> can_clip(parse_format("int4")), can_clip(parse_format("mxfp4"))
    (True, False)
    """
    unscaled = isinstance(fmt, Float) and fmt.exponent == 8
    return not (unscaled or isinstance(fmt, Block))


def _best_ratio(
    blocks: Tensor,
    element: Element,
    scale: Tensor,
    zero_point: Tensor | None,
    criterion: Criterion,
    ratios: tuple[float, ...],
    shape: torch.Size,
    axes: tuple[int, ...],
) -> Tensor:
    """The first ratio of least error for each block."""
    best = ratio = torch.ones_like(scale)
    for number, candidate in enumerate(ratios):
        values = round_to(element, blocks, scale * candidate, zero_point)
        error = criterion((values - blocks).reshape(shape))
        total = error.reshape(blocks.shape).sum(axes, keepdim=True).view_as(scale)
        better = total < best if number else torch.ones_like(total, dtype=torch.bool)
        best = torch.where(better, total, best)
        ratio = torch.where(better, candidate, ratio)
    return ratio


def weight_error(delta: Tensor) -> Tensor:
    """``|delta|^2.4``, the criterion of GPTQ's ``quant.py``.

    >>> weight_error(torch.tensor([-1.0, 0.0])).tolist()
    [1.0, 0.0]
    """
    return delta.abs().pow_(2.4)


def output_error(hessian: Tensor, width: int) -> Criterion:
    """Mean square output error, each run of `width` inputs on its own.

    `hessian`: mean of x·xᵀ over the calibration tokens (shape (in, in)); `width`:
    inputs that share a scale.

    >>> output_error(2 * torch.eye(2), 2)(torch.tensor([[1.0, -3.0]])).tolist()
    [[2.0, 18.0]]
    """
    run = torch.arange(len(hessian), device=hessian.device) // width
    inner = hessian * (run[:, None] == run)
    return lambda delta: delta * (delta @ inner)
