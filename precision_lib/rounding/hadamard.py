"""Block Hadamard rotation: spreads an outlier evenly over its neighbors."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from precision_lib.errors import UserError


def rotate(x: Tensor, block: int) -> Tensor:
    """Each run of `block` numbers along the last axis times a Hadamard matrix.

    The matrix is orthonormal and symmetric, so rotating twice gives `x` back, and a
    product of two rotated operands is that of the originals. A width that `block`
    does not divide is cut into runs of the largest power of two that divides both.

    Parameters
    ----------
    x : Tensor, shape (…, n)
    block : int
        A power of two.

    Raises
    ------
    UserError
        If `block` is no power of two.

    Examples
    --------
    >>> rotate(torch.tensor([2.0, 0.0, 0.0, 0.0]), 4).tolist()
    [1.0, 1.0, 1.0, 1.0]
    >>> rotate(torch.ones(6), 4).tolist() == rotate(torch.ones(6), 2).tolist()
    True
    """
    if block < 1 or block & (block - 1):
        raise UserError(f"a rotation acts on 2, 4, 8, 16 … numbers, not {block}.")
    run = math.gcd(block, x.shape[-1])
    return (x.unflatten(-1, (-1, run)) @ hadamard(run, x.dtype, x.device)).flatten(-2)


def hadamard(n: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Sylvester's matrix over sqrt(n); to the compiler a constant.

    >>> hadamard(1, torch.float32, torch.device("cpu")).tolist()
    [[1.0]]
    """
    return _sylvester(n, dtype, device)


@lru_cache
def _sylvester(n: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Made once, and fit to be kept for a backward pass."""
    with torch.inference_mode(False):
        matrix = torch.ones(1, 1, dtype=torch.float64)
        while len(matrix) < n:
            top = torch.cat([matrix, matrix], 1)
            matrix = torch.cat([top, torch.cat([matrix, -matrix], 1)])
        return (matrix / math.sqrt(n)).to(device, dtype)
