"""The lowest point of a convex quadratic within a box, for many at once.

The active-set method of Stark and Parker (Computational Statistics 10, 129, 1995)
for bounded least squares: go towards the lowest point over the coordinates that
are free, pin the first that meets its bound on the way, and let go of a pinned one
where the slope leads back inside. Nothing here calls BLAS, whose sums differ from
one processor to the next.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from precision_lib.laws.solver.dual import Array

Mask = NDArray[np.bool_]
SLACK = 1e-10  # share of the largest slope that counts as none at a bound


def lowest_in_box(hessian: Array, slope: Array, low: Array, high: Array) -> Array:
    """Minimize ``step' H step / 2 - slope' step`` over ``low <= step <= high``.

    Returns steps (B, K).

    `hessian`: positive definite, shape (B, K, K); `slope`: downhill, that is minus the
    gradient, shape (B, K); `low`, `high`: bounds on the step, shape (B, K); zero lies
    between them.

    The lowest point without bounds is (2, -1):

    >>> hessian, slope = np.array([[[2.0, 1.0], [1.0, 2.0]]]), np.array([[3.0, 0.0]])
    >>> lowest_in_box(hessian, slope, np.full((1, 2), -0.5), np.full((1, 2), 9.0))
    array([[ 1.75, -0.5 ]])
    """
    batch, size = slope.shape
    step = np.zeros((batch, size))
    unit = np.sqrt(np.einsum("bkk->bk", hessian))
    slack = SLACK * (np.abs(slope) / unit).max(-1, initial=0.0)
    free = ~(((low >= 0) & (slope < 0)) | ((high <= 0) & (slope > 0)))
    left = np.arange(batch)  # the problems that are not done
    for _ in range(4 * size + 4):
        matrix, here, loose = hessian[left], step[left], free[left]
        lower, upper = low[left], high[left]
        downhill = slope[left] - times(matrix, here)
        move = solve_free(matrix, downhill, loose)
        reach, first = _first_bound(here, move, loose, lower, upper)
        there = np.clip(here + np.minimum(reach, 1.0)[:, None] * move, lower, upper)
        hit = np.flatnonzero(reach < 1)
        at = first[hit]
        up = move[hit, at] > 0
        there[hit, at] = np.where(up, upper[hit, at], lower[hit, at])
        loose[hit, at] = False
        downhill = slope[left] - times(matrix, there)
        inward = np.where(there <= lower, downhill, -downhill) / unit[left]
        inward[loose | (lower >= upper) | (reach < 1)[:, None]] = 0.0
        worst = np.argmax(inward, axis=-1)
        freed = np.flatnonzero(inward.max(-1, initial=0.0) > slack[left])
        loose[freed, worst[freed]] = True
        step[left], free[left] = there, loose
        left = left[np.union1d(hit, freed)]
        if not left.size:
            break
    return step


def _first_bound(
    here: Array, move: Array, loose: Mask, lower: Array, upper: Array
) -> tuple[Array, NDArray[np.intp]]:
    """Share of the move until a free coordinate meets a bound, and which one."""
    bound = np.where(move > 0, upper, lower)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(loose & (move != 0), (bound - here) / move, np.inf)
    first = np.argmin(share, axis=-1)
    return share[np.arange(len(share)), first], first


def times(matrix: Array, vector: Array) -> Array:
    """Matrix times vector in a fixed order of sums: (B, K, K) and (B, K)."""
    return np.einsum("bkl,bl->bk", matrix, vector)


def convex(matrix: Array) -> Mask:
    """Which of some symmetric matrices (B, K, K) are positive definite.

    >>> convex(np.array([[[2.0, 1.0], [1.0, 2.0]], [[1.0, 2.0], [2.0, 1.0]]]))
    array([ True, False])
    """
    a = matrix.copy()
    good = np.ones(len(a), dtype=bool)
    for k in range(a.shape[1]):
        good &= a[:, k, k] > 0
        factor = a[:, k + 1 :, k] / np.where(good, a[:, k, k], 1.0)[:, None]
        a[:, k + 1 :, k + 1 :] -= factor[:, :, None] * a[:, None, k, k + 1 :]
    return good


def solve_free(matrix: Array, right: Array, free: Mask) -> Array:
    """Solve for the free coordinates, the others being zero, by ``L D L'``.

    `matrix`: positive definite, shape (B, K, K); `right`, `free`: right sides and which
    coordinates to solve for, shape (B, K).

    >>> matrix = np.array([[[2.0, 1.0], [1.0, 2.0]]])
    >>> solve_free(matrix, np.array([[3.0, 0.0]]), np.array([[True, True]]))
    array([[ 2., -1.]])
    """
    size = right.shape[1]
    a = np.where(free[:, :, None] & free[:, None, :], matrix, 0.0)
    x = np.where(free, right, 0.0)
    diagonal = np.einsum("bkk->bk", a)
    diagonal[~free] = 1.0
    for k in range(size - 1):
        factor = a[:, k + 1 :, k] / a[:, k, k, None]
        a[:, k + 1 :, k + 1 :] -= factor[:, :, None] * a[:, None, k, k + 1 :]
        x[:, k + 1 :] -= factor * x[:, k, None]
    for k in range(size - 1, -1, -1):
        x[:, k] /= a[:, k, k]
        x[:, :k] -= a[:, :k, k] * x[:, k, None]
    return x
