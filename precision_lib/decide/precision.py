"""Searching over the bits of training, which some laws know only by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from precision_lib.decide.choices import choices
from precision_lib.decide.search import Array, Index, Minimum, minimum
from precision_lib.decide.surface import COLUMNS, TRAINING_BITS, Answer, Surface
from precision_lib.errors import UserError

BITS_RANGE = (1.0, 32.0)  # where a fit does not say which bits its runs had
PLAIN = 16.0
Mask = npt.NDArray[np.bool_]
Objective = Callable[[Surface, Array, Index], Array]


def best_bits(
    surface: Surface,
    objective: Objective,
    index: Index,
    bits_range: tuple[float, float] | None = None,
    widths: Sequence[float] = (),
) -> Answer:
    """Bits at which an objective is smallest, for the fit and every replicate.

    Raises UserError if the laws do not depend on the precision of training.

    `surface`: its laws read bits as a number (any real number is tried) or as a format
    (each of :func:`.choices` is tried); `objective`: of a surface, bits and replicate
    numbers; smaller is better. `index`: numbers of replicates (shape (size,));
    `bits_range`: range of bits as a number, :func:`considered` without; `widths`:
    those that are tried in it, all without any.

    Returns dict with P (bits), loss (the smallest value) and edge, each of shape
    (size,).

    >>> from precision_lib.decide import paper_fit, surface
    >>> def loss(s, bits, i):
    ...     return s.loss(i, 1e8, 1e10 / bits, bits)
    >>> best_bits(surface(paper_fit()), loss, np.array([0]))["P"].round(1).tolist()
    [7.1]
    """
    require_precision(surface)
    low, high = limits = bits_range or considered(surface)
    known = choices(surface) or dict.fromkeys(widths, surface)
    if known:
        inside = {p: held for p, held in known.items() if low <= p <= high}
        if not inside:
            listed = ", ".join(f"{p:g}" for p in known)
            raise UserError(
                f"none of {listed} bits lies between {low:g} and {high:g}; widen the "
                "range of bits."
            )
        return _best_choice(inside, objective, index)
    found = smooth_bits(lambda x, i: objective(surface, x, i), index, limits)
    return {"P": found.x, "loss": found.value, "edge": 1.0 * found.edge}


def smooth_bits(
    function: Callable[[Array, Index], Array],
    index: Index,
    bits_range: tuple[float, float] = BITS_RANGE,
) -> Minimum:
    """Smallest value over bits as a real number, searched on a log scale.

    Raises UserError if the range of bits is empty.

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

    Raises UserError if no column of training bits is free.

    >>> from precision_lib.decide import surface
    >>> from precision_lib.laws import example_fit
    >>> require_precision(surface(example_fit()))
    Traceback (most recent call last):
    ...
    precision_lib.errors.UserError: Law 'chinchilla' does not depend on the bits of \
    training; fit a law such as 'effective' for this question.
    """
    if not knows_bits(surface):
        raise UserError(
            f"Law {surface.base.law.name!r} does not depend on the bits of training; "
            "fit a law such as 'effective' for this question."
        )


def considered(surface: Surface, rounded: bool = False) -> tuple[float, float]:
    """The bits that are searched without any given: from the fewest of the runs to 16.

    `rounded`: whether they are those after training.

    >>> from precision_lib.decide import paper_fit, surface
    >>> considered(surface(paper_fit()))
    (3.0, 16.0)
    """
    names = COLUMNS["P_post" if rounded else "P"]
    read = [name for name in names if surface.reads(name)]
    lows = [fit.ranges[n][0] for fit in surface.fits for n in read if n in fit.ranges]
    if not lows or choices(surface):
        return BITS_RANGE
    low = max(min(lows), BITS_RANGE[0])
    return low, max(PLAIN, 2 * low)


def knows_bits(surface: Surface) -> bool:
    """Whether the loss depends on bits of training, as numbers or as names.

    >>> from precision_lib.decide import paper_fit, surface
    >>> knows_bits(surface(paper_fit()))
    True
    """
    return surface.reads(*TRAINING_BITS) or bool(choices(surface))


def at_bits(surface: Surface, bits: float) -> Surface:
    """The surface in the format of so many bits, where the law has formats.

    Raises UserError if the fit knows no format of so many bits.

    >>> from precision_lib.decide import paper_fit, surface
    >>> at_bits(surface(paper_fit()), 4).levels
    {}
    """
    known = choices(surface)
    if not known:
        return surface
    if bits not in known:
        listed = ", ".join(f"{each:g}" for each in known)
        raise UserError(f"The fit knows {listed} bits, not {bits:g}; choose one.")
    return known[bits]


def by_bits(surface: Surface, bits: Array) -> Iterator[tuple[Surface, Mask]]:
    """The surfaces in the formats of these bits, with their entries.

    A law that reads bits as a number is one surface for all entries.

    >>> from precision_lib.decide import paper_fit, surface
    >>> [mask.tolist() for _, mask in by_bits(surface(paper_fit()), np.array([4, 8]))]
    [[True, True]]
    """
    known = choices(surface)
    if not known:
        yield surface, np.ones(bits.shape, dtype=bool)
        return
    for one in np.unique(bits):
        yield known[float(one)], bits == one


def _best_choice(
    known: dict[float, Surface], objective: Objective, index: Index
) -> Answer:
    bits = np.array(list(known))
    heights = np.array(
        [objective(held, np.full(index.shape, b), index) for b, held in known.items()]
    )
    heights = np.nan_to_num(heights, nan=np.inf)
    best = heights.argmin(axis=0)
    return {"P": bits[best], "loss": heights.min(axis=0), "edge": 0 * bits[best]}
