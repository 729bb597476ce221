"""An answer whose interval covers the laws that predict left-out runs as well."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from precision_lib.decide.decision import Decision
from precision_lib.decide.search import Array
from precision_lib.decide.size import Contour
from precision_lib.decide.surface import Surface
from precision_lib.decide.widths import WidthTable
from precision_lib.errors import UserError

Answer = TypeVar("Answer", Decision, Contour, WidthTable)


def covering(ask: Callable[[Surface], Answer], surface: Surface) -> Answer:
    """Ask a question of a surface and of each that ties with it.

    The values are those of the surface; every interval is widened to hold the values
    and intervals of the others. A law that cannot answer is left out.

    `ask`: a question of :mod:`precision_lib.decide`, as a function of a surface.

    >>> from precision_lib.decide import allocation, surface
    >>> from precision_lib.laws import example_fit
    >>> covering(lambda s: allocation(s, 1e18), surface(example_fit())).notes
    ()
    """
    answer: Any = ask(surface)
    covered: list[str] = []
    for tie in surface.ties:
        try:
            other: Any = ask(tie)
        except UserError:  # the law does not know of what was asked
            continue
        if isinstance(other, WidthTable) and [*other.bits] != [*answer.bits]:
            continue  # nor of all the widths
        answer = _wider(answer, other)
        laws = (tie.base, tie.degradation)
        covered += [fit.law.name for fit in laws if fit and fit not in surface.fits]
    if not covered:
        return answer
    return replace(answer, notes=(*answer.notes, said_of_ties(covered)))


def said_of_ties(laws: Iterable[str]) -> str:
    """That an interval covers these laws too.

    >>> said_of_ties(["coupled", "coupled"])
    'Intervals also cover coupled, which predicts left-out runs as well.'
    """
    names = list(dict.fromkeys(laws))
    return (
        f"Intervals also cover {' and '.join(names)}, which "
        f"predict{'s' * (len(names) == 1)} left-out runs as well."
    )


def _wider(answer: Any, other: Any) -> Any:
    if isinstance(answer, Decision):
        intervals = {
            name: _hull(ends, other.values.get(name), other.intervals.get(name))
            for name, ends in answer.intervals.items()
        }
        return replace(answer, intervals=intervals)
    middle = other.above if isinstance(other, WidthTable) else other.N
    low = _both(np.fmin, answer.low, other.low, middle)
    return replace(
        answer, low=low, high=_both(np.fmax, answer.high, other.high, middle)
    )


def _hull(
    ends: tuple[float, float], value: float | None, interval: tuple[float, float] | None
) -> tuple[float, float]:
    more = [x for x in (value, *(interval or ())) if x is not None and np.isfinite(x)]
    return min([ends[0], *more]), max([ends[1], *more])


def _both(
    choose: Callable[..., Array], own: Array, theirs: Array, value: Array
) -> Array:
    """The outermost of three ends; NaN where there is no interval of one's own."""
    outermost = choose(choose(own, theirs), value)
    return np.where(np.isnan(own), np.nan, outermost)
