"""Bootstraps over groups of rows, and what is computed on each draw."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]


def group_counts(
    groups: int, draws: int, generator: np.random.Generator
) -> npt.NDArray[np.int64]:
    """How often each group is drawn in each draw, shape (draws, groups).

    >>> group_counts(3, 2, np.random.default_rng(0)).sum(axis=1).tolist()
    [3, 3]
    """
    return generator.multinomial(groups, np.full(groups, 1 / groups), size=draws)


def share_of_spread(
    measured: npt.ArrayLike,
    part: npt.ArrayLike,
    groups: npt.ArrayLike | None = None,
    replicates: int = 2000,
    seed: int = 0,
) -> tuple[float, Array]:
    """Sum of `part` over the squared deviations of `measured`, and on bootstrap draws.

    With squared errors as `part` this is 1 - R².

    Parameters
    ----------
    measured, part : array, one entry a row
    groups : array, optional
        Rows of one group are drawn together.
    replicates, seed : int
        Of the bootstrap.

    Returns
    -------
    share : float
    draws : array, one entry a replicate
        NaN or infinite where all drawn rows are equal.

    Examples
    --------
    >>> share, draws = share_of_spread([1, 2, 3], [0.5, 0, 0.5], replicates=9)
    >>> share, draws.shape
    (0.5, (9,))
    """
    y = np.asarray(measured, float)
    rows = np.arange(y.size) if groups is None else np.asarray(groups)
    labels = pd.factorize(rows)[0]
    # sums over each group, of which a replicate adds up a random choice
    terms = np.stack([np.ones_like(y), y, y**2, np.asarray(part, float)])
    sums = np.array([np.bincount(labels, row) for row in terms])
    size = sums.shape[1]
    picks = np.random.default_rng(seed).integers(size, size=(replicates, size))
    return float(_share(sums.sum(axis=-1))), _share(sums[:, picks].sum(axis=-1))


def _share(sums: Array) -> Array:
    count, total, squares, part = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(part / (squares - total**2 / count))


def weighted_slope(x: Array, y: Array, weight: Array, sides: int, column: int) -> float:
    """Coefficient of one column of `x` by weighted least squares.

    Parameters
    ----------
    x : array, shape (rows, columns)
        The first `sides` columns are quantities, the others levels.
    y, weight : array, one entry a row
    sides : int
        NaN comes back if one of these columns is the same in all rows with weight.
    column : int
        The coefficient that is wanted.

    Examples
    --------
    >>> x = np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]])
    >>> y, weight = np.array([1.0, 3.0, 9.0]), np.array([1.0, 1.0, 0.0])
    >>> round(weighted_slope(x, y, weight, sides=1, column=0), 6)
    2.0
    """
    if (np.ptp(x[weight > 0, :sides], axis=0) == 0).any():
        return float("nan")
    root = np.sqrt(weight)
    return float(np.linalg.lstsq(x * root[:, None], y * root, rcond=None)[0][column])
