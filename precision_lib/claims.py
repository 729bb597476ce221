"""A word for an answer that must lie in a range."""

from __future__ import annotations


def in_range(
    interval: tuple[float, float],
    claimed: tuple[float, float],
    factor: float = 1.5,
) -> str:
    """Whether an interval supports a claim of the kind "7 to 8 bits".

    Parameters
    ----------
    interval : (float, float)
        Ends of a 95% interval of ours.
    claimed : (float, float)
        Ends of the claimed range.
    factor : float
        What is still near: of an interval outside the range, and of one that is too
        wide to say.

    Returns
    -------
    str
        "agree" if the two overlap and ours stays within `factor` of the range; "not at
        this scale" if they overlap but ours is wider; "partly" if ours lies outside,
        within `factor`; else "disagree".

    Examples
    --------
    >>> in_range((6.5, 7.5), (7, 8)), in_range((2.0, 20.0), (7, 8))
    ('agree', 'not at this scale')
    >>> in_range((5.0, 6.0), (7, 8)), in_range((2.0, 3.0), (7, 8))
    ('partly', 'disagree')
    """
    low, high = interval
    near = low >= claimed[0] / factor and high <= claimed[1] * factor
    if low <= claimed[1] and high >= claimed[0]:
        return "agree" if near else "not at this scale"
    nearest = high * factor >= claimed[0] and low <= claimed[1] * factor
    return "partly" if nearest else "disagree"
