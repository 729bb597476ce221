"""From an interval to one of four words: agree, partly, not at this scale, disagree."""

from __future__ import annotations


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
