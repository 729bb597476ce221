"""Minima and roots of many one-dimensional functions at once.

A decision is searched for under the fitted constants and under those of every
bootstrap replicate, so functions here take points and the number of the
replicate each point belongs to, and work element by element.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]
Function = Callable[[Array, Index], Array]

INNER = 25  # points of a search within another: one valley over many powers of e
HUGE = 1e300  # stands for "no value here", so that comparisons still order


class Minimum(NamedTuple):
    """Where functions are smallest."""

    #: x, value: place and height of each minimum; NaN where the function has no value
    #: at all
    x: Array
    value: Array
    #: -1 or 1 where the function still falls at the lower or upper end of the range
    edge: npt.NDArray[np.int_]


def minimum(
    function: Function, low: float, high: float, index: Index, points: int = 49
) -> Minimum:
    """Smallest value of each function within a range.

    A grid finds the valley and SciPy's Chandrupatla search its bottom; a
    function with several valleys is searched in the lowest one of the grid.

    `function`: of points and replicate numbers, both of one shape; NaN means "not
    here". `low`, `high`: ends of the range; `index`: replicate numbers (shape (size,));
    `points`: points of the grid.

    >>> goals = np.array([1.0, 2.0, 9.0])
    >>> found = minimum(lambda x, i: (x - goals[i]) ** 2, 0, 5, np.arange(3))
    >>> found.x.round(6).tolist(), found.edge.tolist()
    ([1.0, 2.0, 5.0], [0, 0, 1])
    """
    from scipy.optimize import elementwise

    def safe(x: Array, numbers: Index) -> Array:
        with np.errstate(all="ignore"):
            return np.nan_to_num(function(x, numbers), nan=HUGE, posinf=HUGE)

    grid = np.linspace(low, high, points)
    everywhere = safe(np.repeat(grid, index.size), np.tile(index, points))
    heights = everywhere.reshape(points, index.size)
    best = heights.argmin(axis=0)
    edge = 1 * (best == points - 1) - 1 * (best == 0)
    middle = np.clip(best, 1, points - 2)
    bracket = (grid[middle - 1], grid[middle], grid[middle + 1])
    found: Any = elementwise.find_minimum(safe, bracket, args=(index,))
    settled = found.success & (edge == 0)
    lowest = np.take_along_axis(heights, best[None], axis=0)[0]
    x = np.where(settled, found.x, grid[best])
    value = np.where(settled, found.f_x, lowest)
    nowhere = value >= HUGE
    x, value = (np.where(nowhere, np.nan, each) for each in (x, value))
    return Minimum(x, value, edge * ~nowhere)


def falling_root(function: Function, low: float, high: float, index: Index) -> Array:
    """Where each falling function crosses zero; NaN if it does not in the range.

    >>> goals = np.array([1.0, 7.0])
    >>> falling_root(lambda x, i: goals[i] - x, 0, 5, np.arange(2)).tolist()
    [1.0, nan]
    """
    from scipy.optimize import elementwise

    def quiet(x: Array, numbers: Index) -> Array:
        with np.errstate(all="ignore"):
            return function(x, numbers)

    ends = (np.full(index.shape, float(low)), np.full(index.shape, float(high)))
    found: Any = elementwise.find_root(quiet, ends, args=(index,))
    return np.where(found.success, found.x, np.nan)
