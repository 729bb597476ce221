"""What quantizing did to one layer."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from precision_lib.ptq.gptq import Solved
from precision_lib.rounding.quantizer import signal_to_noise


def layer_row(
    weight: Tensor,
    solved: Solved,
    hessian: Tensor | None,
    scales: Tensor | None,
    bits: float,
) -> dict[str, Any]:
    """One row of the report.

    ================== =====================================================
    column             meaning
    ================== =====================================================
    output_error       mean square change of the output over its mean square, on
                       the calibration tokens; NaN without them
    weight_error       square change of the weights over their square
    sqnr               the same in decibels, higher is better
    bits_per_parameter storage a weight, scales included
    damping            share of the mean diagonal that GPTQ added to the Hessian
    fallback           whether the layer was rounded to nearest instead
    tokens             calibration tokens that the layer has seen
    note               what was done about scales, and what not as asked
    ================== =====================================================

    The last two are added by `precision_lib.ptq.walk.Walk`.

    `weight`: before rounding, times the scales (shape (out, in)); `hessian`: mean of
    x·xᵀ over the calibration tokens (shape (in, in), optional); `scales`: what the
    weights were multiplied by (shape (in,), optional); `bits`: bits a parameter.

    >>> import torch
    >>> solved = Solved(torch.tensor([[1.0, 0.0]]))
    >>> row = layer_row(torch.tensor([[1.0, 0.5]]), solved, torch.eye(2), None, 10.0)
    >>> row["output_error"], round(row["sqnr"], 2)
    (0.2, 6.99)
    """
    output = float("nan")
    delta = solved.values - weight
    if hessian is not None:
        total = float(((weight @ hessian) * weight).sum())
        output = float(((delta @ hessian) * delta).sum()) / total if total else 0.0
    if scales is not None:
        weight, delta = weight / scales, delta / scales
    square = float(weight.double().square().sum())
    error = float(delta.double().square().sum())
    return {
        "output_error": output,
        "weight_error": error / square if square else 0.0,
        "sqnr": signal_to_noise(weight, weight + delta) if error else float("inf"),
        "bits_per_parameter": bits,
        "damping": solved.damping,
        "fallback": solved.fallback,
    }
