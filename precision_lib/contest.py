"""Which of two predictions of the same runs is better, and how surely."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from precision_lib.resampling import share_of_spread


def r2_gap(
    measured: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    replicates: int = 2000,
    seed: int = 0,
) -> tuple[float, tuple[float, float]]:
    """R² of the first prediction minus that of the second, with a 95% interval.

    Both are judged on the same draws of a bootstrap over rows or groups, so that
    what is hard for both cancels.

    Parameters
    ----------
    measured, first, second : array, one entry a row
    groups : array, optional
        Rows of one group are drawn together.
    replicates, seed : int
        Of the bootstrap.

    Examples
    --------
    >>> y = np.arange(9.0)
    >>> gap, (low, high) = r2_gap(y, y, y + 1)
    >>> round(gap, 2), 0 < low < high
    (0.15, True)
    """
    y = np.asarray(measured, float)
    errors = [(y - np.asarray(f, float)) ** 2 for f in (first, second)]
    gap, draws = share_of_spread(y, errors[1] - errors[0], groups, replicates, seed)
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return gap, (float(low), float(high))


def same(interval: tuple[float, float], margin: float) -> str:
    """Whether two things that should be equal are, to a margin.

    Returns
    -------
    str
        "agree" if the interval of their difference lies within the margin,
        "disagree" if it lies outside, "not at this scale" if it is too long to tell,
        and "partly" if it excludes zero without leaving the margin for good.

    Examples
    --------
    >>> same((-0.01, 0.01), 0.05), same((-0.2, 0.1), 0.05), same((0.1, 0.2), 0.05)
    ('agree', 'not at this scale', 'disagree')
    >>> same((0.02, 0.2), 0.05)
    'partly'
    """
    low, high = interval
    if -margin <= low and high <= margin:
        return "agree"
    if low > margin or high < -margin:
        return "disagree"
    return "not at this scale" if low <= 0 <= high else "partly"


def better(
    interval: tuple[float, float], claimed: str = "positive", tie: float = 0.01
) -> str:
    """Whether one thing beats another by more than a tie, as is claimed.

    Parameters
    ----------
    interval : tuple of float
        Of the difference, first minus second.
    claimed : str
        "positive" or "negative".
    tie : float
        A difference that no one would care for.

    Returns
    -------
    str
        "agree" if the whole interval is beyond the tie on the side that is claimed,
        "disagree" if it is beyond it on the other, "partly" if it lies within the
        tie, so that neither wins, else "not at this scale".

    Examples
    --------
    >>> better((0.1, 0.2)), better((-0.2, -0.1)), better((-0.005, 0.005))
    ('agree', 'disagree', 'partly')
    >>> better((-0.1, 0.2)), better((0.1, 0.2), "negative")
    ('not at this scale', 'disagree')
    """
    low, high = interval if claimed == "positive" else (-interval[1], -interval[0])
    if low > tie:
        return "agree"
    if high < -tie:
        return "disagree"
    return "partly" if -tie <= low and high <= tie else "not at this scale"
