"""From an interval to one of four words: agree, partly, not at this scale, disagree."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from precision_lib.laws import Bootstrap, Fit


def direction(interval: tuple[float, float], claimed: str) -> str:
    """Whether an effect's interval lies on the side of zero that the paper claims.

    Parameters
    ----------
    interval : tuple of float
        Ends of a 95% interval.
    claimed : str
        "positive" or "negative".

    Returns
    -------
    str
        "agree" if the whole interval is on that side, "disagree" if all of it is on
        the other, and "not at this scale" if it holds zero: the data cannot tell.

    Examples
    --------
    >>> direction((0.4, 0.6), "positive"), direction((-0.1, 0.6), "positive")
    ('agree', 'not at this scale')
    """
    low, high = interval if claimed == "positive" else (-interval[1], -interval[0])
    if low > 0:
        return "agree"
    return "disagree" if high < 0 else "not at this scale"


def value(interval: tuple[float, float], published: float, factor: float = 2.0) -> str:
    """Whether a constant agrees with a published one.

    Returns
    -------
    str
        "agree" if the interval holds the published value, "partly" if it comes
        within `factor` of it, else "disagree".

    Examples
    --------
    >>> value((0.4, 0.6), 0.5), value((0.6, 0.9), 0.5), value((2.0, 3.0), 0.5)
    ('agree', 'partly', 'disagree')
    """
    low, high = interval
    if low <= published <= high:
        return "agree"
    nearest = low if published < low else high
    ratio = nearest / published
    near = ratio > 0 and 1 / factor <= ratio <= factor
    return "partly" if near else "disagree"


def constants(
    fit: Fit, replicates: Bootstrap, published: Mapping[str, float]
) -> pd.DataFrame:
    """Fitted constants with 95% percentile intervals, beside published ones.

    Returns
    -------
    DataFrame
        One row a fitted parameter; columns estimate, low, high, paper.

    Examples
    --------
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
