"""GPTQ: round column by column, the columns to come make up for the error.

The algorithm of Frantar et al. 2023 (https://arxiv.org/abs/2210.17323), section 3,
with the options of its code: columns by falling curvature ("act-order"), and grids
that are fixed before the first column is rounded ("static groups").
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from precision_lib.ptq.grid import WeightGrid, round_to
from precision_lib.ptq.options import Options

DAMPING_STEP = 10.0
MOST_DAMPING = 1.0


@dataclass(frozen=True)
class Solved:
    """Rounded weights and how they came about.

    >>> Solved(torch.zeros(1, 1)).fallback
    False
    """

    values: Tensor  #: shape (out, in)
    #: Sum over the outputs of their mean square error, plus the damping times the
    #: squared change of the weights; NaN if GPTQ did not do it
    loss: float = math.nan
    #: Share of the mean diagonal that was added; NaN if GPTQ did not do it
    damping: float = math.nan
    note: str = ""  #: what was not done as asked, or ""
    #: Whether GPTQ could not be used, and the weights are rounded to nearest
    fallback: bool = False


def gptq(weight: Tensor, hessian: Tensor, grid: WeightGrid, options: Options) -> Solved:
    """Round `weight` to `grid` such that the outputs change little.

    Inputs that are zero on all calibration tokens are rounded to nearest. If the
    Hessian cannot be factorized the damping rises tenfold at a time; if it still
    cannot at a damping of 1, or is not finite, everything is rounded to nearest.

    `weight`: tensor, shape (out, in); `hessian`: mean of x·xᵀ over the calibration
    tokens; a constant factor does not matter (shape (in, in)). `grid`: grid of each
    entry; `options`: `act_order`, `damping` and `block_columns` are used.

    >>> from precision_lib.formats import Int
    >>> from precision_lib.ptq.grid import weight_grid
    >>> weight = torch.tensor([[1.0, 0.3, 0.3]])
    >>> alike = torch.eye(3) + 9  # inputs that nearly agree: the row's sum counts
    >>> grid = weight_grid(weight, Int(2), (1, 3))
    >>> grid.round(weight).tolist()
    [[1.0, 0.0, 0.0]]
    >>> gptq(weight, alike, grid, Options()).values.tolist()
    [[1.0, 0.0, 1.0]]
    """
    if not torch.isfinite(hessian).all():
        note = "inputs hold NaN or infinity: rounded to nearest"
        return Solved(grid.round(weight), note=note, fallback=True)
    diagonal = hessian.diagonal()
    dead = diagonal == 0
    order = torch.arange(len(hessian), device=weight.device)
    if options.act_order:
        order = torch.argsort(diagonal, descending=True, stable=True)
    ready = hessian.double()[order][:, order]
    ready.diagonal()[dead[order]] = 1.0
    factor, damping = _factor(ready, diagonal.double().mean(), options.damping)
    if factor is None:
        note = "Hessian cannot be factorized: rounded to nearest"
        return Solved(grid.round(weight), note=note, fallback=True)
    values, loss = _columns(weight, factor, grid, order, options.block_columns)
    notes = []
    if damping > options.damping:
        notes.append(f"damping raised to {damping:g}")
    if dead.any():
        notes.append(f"{int(dead.sum())} inputs without a signal: rounded to nearest")
    return Solved(values, loss, damping, "; ".join(notes))


def _factor(
    hessian: Tensor, mean: Tensor, damping: float
) -> tuple[Tensor | None, float]:
    """Upper triangular U with UᵀU = (H + damping·mean·1)^-1, and the damping."""
    while True:
        damped = hessian.flip(0, 1)
        damped.diagonal().add_(damping * mean)
        # H = R·Rᵀ with R upper triangular, read backwards; then U = R^-1.
        lower, failed = torch.linalg.cholesky_ex(damped)
        eye = torch.eye(len(hessian), dtype=lower.dtype, device=lower.device)
        upper = torch.linalg.solve_triangular(lower, eye, upper=False).flip(0, 1)
        if not failed and torch.isfinite(upper).all():
            return upper, damping
        if damping >= MOST_DAMPING:
            return None, damping
        raised = damping * DAMPING_STEP or Options.damping
        damping = min(MOST_DAMPING, raised)


def _columns(
    weight: Tensor, factor: Tensor, grid: WeightGrid, order: Tensor, block: int
) -> tuple[Tensor, float]:
    """Round the columns in `order`; the rest of a block of columns is updated at
    once, later blocks when it is done."""
    upper = factor.to(weight.dtype)
    pivots = upper.diagonal().tolist()
    scaled = upper / upper.diagonal()[:, None]
    left = weight.T[order].contiguous()  # (in, out): a column of weights is a row
    scale = grid.scale.T[order].contiguous()
    zero = None if grid.zero_point is None else grid.zero_point.T[order].contiguous()
    values = torch.empty_like(left)
    errors = torch.empty_like(left)
    for start in range(0, len(left), block):
        end = min(start + block, len(left))
        for i in range(start, end):
            zero_point = None if zero is None else zero[i]
            values[i] = round_to(grid.element, left[i], scale[i], zero_point)
            errors[i] = left[i] - values[i]
            left[i + 1 : end].addr_(scaled[i, i + 1 : end], errors[i], alpha=-1)
        left[end:] -= scaled[start:end, end:].T @ errors[start:end]
    spread = torch.tensor(pivots, dtype=torch.float64, device=weight.device)[:, None]
    loss = float((errors.double() / spread).square().sum())
    result = torch.empty_like(values)
    result[order] = values
    return result.T.contiguous(), loss
