"""The bootstrap over groups of rows, from which findings have their intervals.

What is compared is computed on the same draw, so that what is hard for both cancels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]
Seed = int | np.random.Generator


def resampled(
    statistic: Callable[[Array], Array],
    groups: npt.ArrayLike,
    draws: int = 2000,
    seed: Seed = 0,
    one_by_one: bool = False,
    crossed: npt.ArrayLike | None = None,
) -> tuple[float, float, float]:
    """A statistic of rows with the ends of its 95% percentile interval.

    `statistic`: of weights, shape (draws, rows): how often each draw has each row. A
    value a draw; NaN where it is not defined, which the interval leaves out. `groups`:
    rows of one group are drawn together (one entry a row); `one_by_one`: draw the
    groups by turns and not their counts: the same bootstrap, other draws. `crossed`:
    other groups of the same rows, which are drawn too; a row counts the product (Owen
    2007, doi:10.1214/07-AOAS122).

    >>> resampled(mean_of([1.0, 1.0, 4.0]), [0, 0, 1], draws=100)
    (2.0, 1.0, 4.0)
    """
    generator = np.random.default_rng(seed)
    weights = _weights(groups, draws, generator, one_by_one)
    if crossed is not None:
        weights = weights * _weights(crossed, draws, generator, one_by_one)
    value, *drawn = statistic(weights)
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return float(value), float(low), float(high)


def _weights(
    groups: npt.ArrayLike, draws: int, generator: np.random.Generator, one_by_one: bool
) -> Array:
    """How often each draw has each row; the first has all rows once."""
    labels, names = pd.factorize(np.asarray(groups))
    count = len(names)
    if one_by_one:
        picked = generator.integers(count, size=(draws, count))
        times = np.apply_along_axis(np.bincount, 1, picked, minlength=count)
    else:
        times = generator.multinomial(count, np.full(count, 1 / count), size=draws)
    whole = np.ones((1, count), times.dtype)
    return np.vstack([whole, times])[:, labels].astype(float)


def mean_of(values: npt.ArrayLike) -> Callable[[Array], Array]:
    """The weighted mean of values, one a row.

    >>> mean_of([1.0, 4.0])(np.array([[1.0, 1.0], [2.0, 0.0]])).tolist()
    [2.5, 1.0]
    """
    x = np.asarray(values, float)
    return lambda weights: np.asarray(weights @ x / weights.sum(axis=1))


def share_of_spread(
    measured: npt.ArrayLike, part: npt.ArrayLike
) -> Callable[[Array], Array]:
    """The sum of `part` over the squared deviations of `measured`.

    With squared errors as `part` this is 1 - R²; NaN or infinite where all drawn rows
    are equal.

    >>> share_of_spread([1, 2, 3], [0.5, 0, 0.5])(np.ones((1, 3))).tolist()
    [0.5]
    """
    y = np.asarray(measured, float)
    terms = np.stack([np.ones_like(y), y, y**2, np.asarray(part, float)])

    def share(weights: Array) -> Array:
        count, total, squares, summed = terms @ weights.T
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(summed / (squares - total**2 / count))

    return share


def slope_of(x: Array, y: Array, sides: int, column: int) -> Callable[[Array], Array]:
    """Coefficient of one column of `x`, shape (rows, columns), by least squares.

    The first `sides` columns are quantities, the others levels; NaN where one of the
    quantities is the same in all drawn rows.

    >>> x = np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]])
    >>> slope = slope_of(x, np.array([1.0, 3.0, 9.0]), sides=1, column=0)
    >>> slope(np.array([[1.0, 1.0, 0.0]])).round(6).tolist()
    [2.0]
    """

    def slope(weight: Array) -> float:
        if (np.ptp(x[weight > 0, :sides], axis=0) == 0).any():
            return float("nan")
        root = np.sqrt(weight)
        solved = np.linalg.lstsq(x * root[:, None], y * root, rcond=None)
        return float(solved[0][column])

    return lambda weights: np.array([slope(weight) for weight in weights])
