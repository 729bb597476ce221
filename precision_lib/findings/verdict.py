"""Estimates with intervals, and from an interval to one of the four words."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binomtest

from precision_lib.findings.group_bootstrap import resampled, share_of_spread
from precision_lib.laws import Bootstrap, Fit

Interval = tuple[float, float]
BLUR = 0.05  # of the length of an interval: no bootstrap knows its ends better


def blurred(interval: Interval) -> Interval:
    """An interval with either end a twentieth of its length further out.

    Words are decided on it, so that few hang on the seed of a bootstrap.

    >>> low, high = blurred((1.0, 3.0))
    >>> round(low, 2), round(high, 2)
    (0.9, 3.1)
    """
    low, high = interval
    return low - BLUR * (high - low), high + BLUR * (high - low)


def direction(interval: Interval, claimed: str, about: float = 0.0) -> str:
    """Whether an effect's interval lies on the side of zero that the paper claims.

    Returns "agree" if the whole interval is on that side, "disagree" if all of it is on
    the other, and "not at this scale" if it holds zero: the data cannot tell.

    `interval`: ends of a 95% interval; `claimed`: "positive" or "negative"; `about`:
    what stands for zero, 1 for a ratio.

    >>> direction((0.4, 0.6), "positive"), direction((-0.1, 0.6), "positive")
    ('agree', 'not at this scale')
    >>> direction((0.4, 0.6), "negative", about=1)
    'agree'
    """
    low, high = (end - about for end in blurred(interval))
    if claimed == "negative":
        low, high = -high, -low
    if low > 0:
        return "agree"
    return "disagree" if high < 0 else "not at this scale"


def value(interval: Interval, published: float, factor: float = 2.0) -> str:
    """Whether a constant agrees with a published one.

    Returns "agree" if the interval holds the published value, "partly" if it comes
    within `factor` of it, else "disagree".

    >>> value((0.4, 0.6), 0.5), value((0.6, 0.9), 0.5), value((2.0, 3.0), 0.5)
    ('agree', 'partly', 'disagree')
    """
    low, high = blurred(interval)
    if low <= published <= high:
        return "agree"
    nearest = low if published < low else high
    ratio = nearest / published
    near = ratio > 0 and 1 / factor <= ratio <= factor
    return "partly" if near else "disagree"


def holds(interval: Interval, claimed: float) -> str:
    """Whether an interval holds the number that is claimed: "agree" or "disagree".

    >>> holds((-0.1, 0.2), 0.0), holds((0.1, 0.2), 0.0)
    ('agree', 'disagree')
    """
    low, high = blurred(interval)
    return "agree" if low <= claimed <= high else "disagree"


def differs(interval: Interval) -> str:
    """Whether there is an effect, of either sign, as is claimed.

    "agree" if the interval leaves out zero, else "not at this scale".

    >>> differs((-0.3, -0.1)), differs((-0.1, 0.2))
    ('agree', 'not at this scale')
    """
    return "agree" if holds(interval, 0.0) == "disagree" else "not at this scale"


def in_range(
    interval: Interval,
    claimed: Interval,
    factor: float = 1.5,
) -> str:
    """Whether an interval supports a claim of the kind "7 to 8 bits".

    Returns "agree" if the two overlap and ours stays within `factor` of the range; "not
    at this scale" if they overlap but ours is wider; "partly" if ours lies outside,
    within `factor`; else "disagree".

    `interval`: ends of a 95% interval of ours; `claimed`: ends of the claimed range;
    `factor`: what is still near: of an interval outside the range, and of one that is
    too wide to say.

    >>> in_range((6.5, 7.5), (7, 8)), in_range((2.0, 20.0), (7, 8))
    ('agree', 'not at this scale')
    >>> in_range((5.0, 6.0), (7, 8)), in_range((2.0, 3.0), (7, 8))
    ('partly', 'disagree')
    """
    low, high = blurred(interval)
    near = low >= claimed[0] / factor and high <= claimed[1] * factor
    if low <= claimed[1] and high >= claimed[0]:
        return "agree" if near else "not at this scale"
    nearest = high * factor >= claimed[0] and low <= claimed[1] * factor
    return "partly" if nearest else "disagree"


def reaches(interval: Interval, bar: float) -> str:
    """Whether a score reaches a bar: "agree" if its whole interval does.

    "partly" if the upper end alone does, else "disagree".

    >>> reaches((0.98, 0.99), 0.97), reaches((0.9, 0.99), 0.97), reaches((0, 0.5), 0.97)
    ('agree', 'partly', 'disagree')
    """
    low, high = blurred(interval)
    if low >= bar:
        return "agree"
    return "partly" if high >= bar else "disagree"


def same(interval: Interval, margin: float) -> str:
    """Whether two things that should be equal are, to a margin.

    Returns "agree" if the interval of their difference lies within the margin,
    "disagree" if it lies outside, "not at this scale" if it is too long to tell, and
    "partly" if it excludes zero without leaving the margin for good.

    >>> same((-0.01, 0.01), 0.05), same((-0.2, 0.1), 0.05), same((0.1, 0.2), 0.05)
    ('agree', 'not at this scale', 'disagree')
    >>> same((0.02, 0.2), 0.05)
    'partly'
    """
    low, high = blurred(interval)
    if -margin <= low and high <= margin:
        return "agree"
    if low > margin or high < -margin:
        return "disagree"
    return "not at this scale" if low <= 0 <= high else "partly"


def better(interval: Interval, claimed: str = "positive", tie: float = 0.01) -> str:
    """Whether one thing beats another by more than a tie, as is claimed.

    Returns "agree" if the whole interval is beyond the tie on the side that is claimed,
    "disagree" if it is beyond it on the other, "partly" if it lies within the tie, so
    that neither wins, else "not at this scale".

    `interval`: of the difference, first minus second; `claimed`: "positive" or
    "negative"; `tie`: a difference that no one would care for.

    >>> better((0.1, 0.2)), better((-0.2, -0.1)), better((-0.005, 0.005))
    ('agree', 'disagree', 'partly')
    >>> better((-0.1, 0.2)), better((0.1, 0.2), "negative")
    ('not at this scale', 'disagree')
    """
    low, high = blurred(interval)
    if claimed == "negative":
        low, high = -high, -low
    if low > tie:
        return "agree"
    if high < -tie:
        return "disagree"
    return "partly" if -tie <= low and high <= tie else "not at this scale"


def r_squared(
    measured: npt.ArrayLike,
    predicted: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    replicates: int = 2000,
    seed: int = 0,
) -> tuple[float, Interval]:
    """R² of predictions that are given, with a 95% bootstrap interval over groups.

    `measured`, `predicted`: array, one entry a row; `groups`: rows of one group, such
    as the roundings of a run, are drawn together.

    >>> estimate, (low, high) = r_squared(range(8), np.arange(8) + 0.1)
    >>> round(estimate, 3), low <= estimate <= high
    (0.998, True)
    """
    errors = (np.asarray(measured, float) - np.asarray(predicted, float)) ** 2
    lost, (low, high) = _of_spread(measured, errors, groups, replicates, seed)
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
) -> tuple[float, Interval]:
    each = np.arange(part.size) if groups is None else groups
    statistic = share_of_spread(measured, part)
    found, *ends = resampled(statistic, each, replicates, seed, one_by_one=True)
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

    Returns one row a fitted parameter; columns estimate, low, high, paper.

    >>> from precision_lib.laws import bootstrap, example_fit
    >>> fit = example_fit()
    >>> constants(fit, bootstrap(fit, replicates=20), {"E": 1.8}).columns.tolist()
    ['estimate', 'low', 'high', 'paper']
    """
    rows = {}
    for name in replicates.params:
        if name in fit.fixed or name in fit.tied:
            continue
        low, high = replicates.interval(name)
        rows[name] = {"estimate": fit.params[name], "low": low, "high": high}
    table = pd.DataFrame(rows).T
    return table.assign(paper=pd.Series(published, dtype=float).reindex(table.index))
