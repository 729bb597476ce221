"""What quantizing did to one layer."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from precision_lib.formats import Format
from precision_lib.ptq.gptq import Solved
from precision_lib.quantize import signal_to_noise
from precision_lib.scales import BlockSize


def layer_row(
    weight: Tensor,
    solved: Solved,
    hessian: Tensor | None,
    scales: Tensor | None,
    fmt: Format,
    block: BlockSize,
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
    damping            share of the mean diagonal that GPTQ added
    note               what was not done as asked, or how it was done
    ================== =====================================================

    Parameters
    ----------
    weight : Tensor, shape (out, in)
        Before rounding, times the scales.
    solved : Solved
    hessian : Tensor, shape (in, in), optional
        Mean of x·xᵀ over the calibration tokens.
    scales : Tensor, shape (in,), optional
        What the weights were multiplied by.
    fmt, block
        Grid and what shares a scale.

    Examples
    --------
    >>> import torch
    >>> from precision_lib.formats import Int
    >>> solved = Solved(torch.tensor([[1.0, 0.0]]), 0.0, 0.01, "")
    >>> row = layer_row(
    ...     torch.tensor([[1.0, 0.5]]), solved, torch.eye(2), None, Int(2), (1, 2))
    >>> row["output_error"], row["bits_per_parameter"]
    (0.2, 10.0)
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
        "bits_per_parameter": fmt.bits_per_parameter(block, weight.shape),
        "damping": solved.damping,
        "note": solved.note,
    }
