"""Searching over the bits of training, which some laws know only by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from precision_lib.decide.search import Array, Index, Minimum, minimum
from precision_lib.decide.surface import TRAINING_BITS, Answer, Surface
from precision_lib.errors import UserError
from precision_lib.formats import bits_of

BITS_RANGE = (1.0, 32.0)
Mask = npt.NDArray[np.bool_]
Objective = Callable[[Surface, Array, Index], Array]


def best_bits(
    surface: Surface,
    objective: Objective,
    index: Index,
    bits_range: tuple[float, float] = BITS_RANGE,
) -> Answer:
    """Bits at which an objective is smallest, for the fit and every replicate.

    Parameters
    ----------
    surface : Surface
        Its laws read bits as a number (any real number is tried) or as a name
        (each name that the fit has seen is tried).
    objective : callable
        Of a surface, bits and replicate numbers; smaller is better.
    index : Array of int, shape (size,)
        Numbers of replicates.
    bits_range : (float, float)
        Range of bits as a number.

    Returns
    -------
    dict with P (bits), loss (the smallest value) and edge, each of shape (size,)

    Raises
    ------
    UserError
        If the laws do not depend on the precision of training.

    Examples
    --------
    >>> from precision_lib.decide import paper_fit, surface
    >>> def loss(s, bits, i):
    ...     return s.loss(i, 1e8, 1e10 / bits, bits)
    >>> best_bits(surface(paper_fit()), loss, np.array([0]))["P"].round(1).tolist()
    [7.1]
    """
    named = _named_bits(surface)
    if named:
        return _best_name(surface, objective, index, named)
    require_precision(surface)
    found = smooth_bits(lambda x, i: objective(surface, x, i), index, bits_range)
    return {"P": found.x, "loss": found.value, "edge": 1.0 * found.edge}


def smooth_bits(
    function: Callable[[Array, Index], Array],
    index: Index,
    bits_range: tuple[float, float] = BITS_RANGE,
) -> Minimum:
    """Smallest value over bits as a real number, searched on a log scale.

    Raises
    ------
    UserError
        If the range of bits is empty.

    Examples
    --------
    >>> smooth_bits(lambda x, i: (x - 5) ** 2, np.array([0])).x.round(4).tolist()
    [5.0]
    """
    low, high = bits_range
    if not 0 < low < high < np.inf:
        raise UserError(
            f"the range of bits is {low:g} to {high:g}; give two rising numbers "
            "above zero."
        )
    found = minimum(
        lambda x, i: function(np.exp(x), i), np.log(low), np.log(high), index
    )
    return found._replace(x=np.exp(found.x))


def require_precision(surface: Surface) -> None:
    """Refuse a surface whose loss does not depend on bits in training.

    Raises
    ------
    UserError
        If no column of training bits is free.

    Examples
    --------
    >>> from precision_lib.decide import surface
    >>> from precision_lib.laws import example_fit
    >>> require_precision(surface(example_fit()))
    Traceback (most recent call last):
    ...
    precision_lib.errors.UserError: Law 'chinchilla' does not depend on the bits of \
training; fit a law such as 'effective' for this question.
    """
    if not surface.reads(*TRAINING_BITS):
        raise UserError(
            f"Law {surface.base.law.name!r} does not depend on the bits of training; "
            "fit a law such as 'effective' for this question."
        )


def at_bits(surface: Surface, bits: float) -> Surface:
    """The surface with the named formats of so many bits, where it has names.

    Raises
    ------
    UserError
        If the fit has seen no format of so many bits.

    Examples
    --------
    >>> from precision_lib.decide import paper_fit, surface
    >>> at_bits(surface(paper_fit()), 4).levels
    {}
    """
    named = _named_bits(surface)
    if not named:
        return surface
    for levels, known in named:
        if known == bits:
            return surface.holding(levels)
    seen = ", ".join(f"{known:g}" for _, known in named)
    raise UserError(f"The fit has seen {seen} bits, not {bits:g}; choose one of these.")


def by_bits(surface: Surface, bits: Array) -> Iterator[tuple[Surface, Mask]]:
    """The surfaces that hold each of these bits by name, with their entries.

    A law that reads bits as a number is one surface for all entries.

    Examples
    --------
    >>> from precision_lib.decide import paper_fit, surface
    >>> [mask.tolist() for _, mask in by_bits(surface(paper_fit()), np.array([4, 8]))]
    [[True, True]]
    """
    if not _named_bits(surface):
        yield surface, np.ones(bits.shape, dtype=bool)
        return
    for one in np.unique(bits):
        yield at_bits(surface, float(one)), bits == one


def _named_bits(surface: Surface) -> list[tuple[dict[str, str], float]]:
    """Names that stand for bits, one dictionary of levels for each choice."""
    fit = surface.base
    columns = [c for c in fit.law.categories() if c not in surface.levels]
    if not columns:
        return []
    common = set.intersection(*(set(fit.levels[column]) for column in columns))
    choices = [(dict.fromkeys(columns, name), _bits(name)) for name in common]
    return sorted(choices, key=lambda choice: choice[1])


def _bits(name: str) -> float:
    try:
        return float(name)
    except ValueError:
        return float(bits_of(name))


def _best_name(
    surface: Surface,
    objective: Objective,
    index: Index,
    named: Sequence[tuple[dict[str, str], float]],
) -> Answer:
    bits = np.array([b for _, b in named])
    heights = np.array(
        [
            objective(surface.holding(levels), np.full(index.shape, b), index)
            for levels, b in named
        ]
    )
    heights = np.nan_to_num(heights, nan=np.inf)
    best = heights.argmin(axis=0)
    return {"P": bits[best], "loss": heights.min(axis=0), "edge": 0 * bits[best]}
