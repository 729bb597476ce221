"""Scores, shares and fitted constants with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binomtest

from precision_lib.findings.group_bootstrap import resampled, share_of_spread
from precision_lib.laws import Bootstrap, Fit
from precision_lib.laws.misfit import misfit

Interval = tuple[float, float]


def r_squared(
    measured: npt.ArrayLike,
    predicted: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    crossed: npt.ArrayLike | None = None,
    replicates: int = 2000,
    seed: int = 0,
) -> tuple[float, Interval]:
    """R² of predictions that are given, with a 95% bootstrap interval over groups.

    `measured`, `predicted`: array, one entry a row; `groups`: rows of one group, such
    as the roundings of a run, are drawn together; `crossed`: other groups of the same
    rows, drawn too.

    >>> estimate, (low, high) = r_squared(range(8), np.arange(8) + 0.1)
    >>> round(estimate, 3), low <= estimate <= high
    (0.998, True)
    """
    errors = (np.asarray(measured, float) - np.asarray(predicted, float)) ** 2
    lost, (low, high) = _of_spread(measured, errors, groups, replicates, seed, crossed)
    return 1 - lost, (1 - high, 1 - low)


def r2_gap(
    measured: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    replicates: int = 2000,
    seed: int = 0,
) -> tuple[float, Interval]:
    """R² of the first prediction minus that of the second, with a 95% interval.

    Both are judged on the same draws of a bootstrap over rows or groups, so that
    what is hard for both cancels.

    `measured`, `first`, `second`: array, one entry a row; `groups`: rows of one group
    are drawn together.

    >>> y = np.arange(9.0)
    >>> gap, (low, high) = r2_gap(y, y, y + 1)
    >>> round(gap, 2), 0 < low < high
    (0.15, True)
    """
    y = np.asarray(measured, float)
    errors = [(y - np.asarray(f, float)) ** 2 for f in (first, second)]
    return _of_spread(y, errors[1] - errors[0], groups, replicates, seed)


def _of_spread(
    measured: npt.ArrayLike,
    part: npt.NDArray[np.float64],
    groups: npt.ArrayLike | None,
    replicates: int,
    seed: int,
    crossed: npt.ArrayLike | None = None,
) -> tuple[float, Interval]:
    each = np.arange(part.size) if groups is None else groups
    statistic = share_of_spread(measured, part)
    found, *ends = resampled(
        statistic, each, replicates, seed, one_by_one=True, crossed=crossed
    )
    return found, (ends[0], ends[1])


def share(successes: int, trials: int) -> tuple[float, Interval]:
    """A share with its 95% interval (Wilson's).

    >>> estimate, (low, high) = share(5, 6)
    >>> round(estimate, 2), round(low, 2), round(high, 2)
    (0.83, 0.44, 0.97)
    """
    found = binomtest(int(successes), int(trials))
    interval = found.proportion_ci(method="wilson")
    return float(found.statistic), (float(interval.low), float(interval.high))


def constants(
    fit: Fit, replicates: Bootstrap, published: Mapping[str, float]
) -> pd.DataFrame:
    """Fitted constants with 95% percentile intervals, beside published ones.

    Prints first where the law misses its own rows. Returns one row a fitted parameter;
    columns estimate, low, high, paper.

    >>> from precision_lib.laws import bootstrap, example_fit
    >>> fit = example_fit()
    >>> constants(fit, bootstrap(fit, replicates=20), {"E": 1.8}).columns.tolist()
    No trend was found in the residuals of the law 'chinchilla'.
    ['estimate', 'low', 'high', 'paper']
    """
    right = f"No trend was found in the residuals of the law {fit.law.name!r}."
    print(*(fill(each, 79) for each in misfit(fit) or [right]), sep="\n")
    rows = {}
    for name in replicates.params:
        if name in fit.fixed or name in fit.tied:
            continue
        low, high = replicates.interval(name)
        rows[name] = {"estimate": fit.params[name], "low": low, "high": high}
    table = pd.DataFrame(rows).T
    return table.assign(paper=pd.Series(published, dtype=float).reindex(table.index))
