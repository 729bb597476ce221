"""Block Hadamard rotation: spreads an outlier evenly over its neighbors."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from precision_lib.errors import UserError


def rotate(x: Tensor, block: int) -> Tensor:
    """Each run of `block` numbers along the last axis times a Hadamard matrix.

    The matrix is orthonormal and symmetric, so rotating twice gives `x` back, and a
    product of two rotated operands is that of the originals. A width that `block`
    does not divide is cut into runs of the largest power of two that divides both.

    Raises UserError if `block` is no power of two.

    >>> rotate(torch.tensor([2.0, 0.0, 0.0, 0.0]), 4).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    return turn_runs(x, hadamard(block, x.shape[-1]).to(x))


def turn_runs(x: Tensor, matrix: Tensor) -> Tensor:
    """Each run of n numbers along the last axis times `matrix`, shape (n, n).

    >>> turn_runs(torch.ones(4), torch.zeros(2, 2)).tolist()
    [0.0, 0.0, 0.0, 0.0]
    """
    return (x.unflatten(-1, (-1, len(matrix))) @ matrix).flatten(-2)


def hadamard(block: int, width: int) -> Tensor:
    """Sylvester's matrix over the root of its size, which divides `width`; float64.

    Raises UserError if `block` is no power of two.

    >>> hadamard(4, 6).shape
    torch.Size([2, 2])
    """
    if block < 1 or block & (block - 1):
        raise UserError(f"a rotation acts on 2, 4, 8, 16 … numbers, not {block}.")
    run = math.gcd(block, width)
    matrix = torch.ones(1, 1, dtype=torch.float64)
    while len(matrix) < run:
        top = torch.cat([matrix, matrix], 1)
        matrix = torch.cat([top, torch.cat([matrix, -matrix], 1)])
    return matrix / math.sqrt(run)
