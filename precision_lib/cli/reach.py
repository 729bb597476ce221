"""How far beyond the runs that were fitted a command answers without being told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from precision_lib.errors import UserError

if TYPE_CHECKING:
    from precision_lib.laws import Fit

REACH = 10.0  # times the largest, or a tenth of the smallest, N and D of the runs
Extrapolate = Annotated[
    bool,
    typer.Option(
        "--extrapolate",
        help=f"Answer more than {REACH:g} times beyond the runs in N or D too.",
    ),
]


def within_reach(fits: Sequence[Fit], name: str, values: Iterable[float]) -> None:
    """Refuse values of N or D far beyond the runs of a fit: a wrong unit, or a guess.

    Raises UserError: naming the first such value and the range.

    >>> from precision_lib.decide import paper_fit
    >>> within_reach([paper_fit()], "N", [1.3e9])
    >>> within_reach([paper_fit()], "N", [2500.0])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    precision_lib.errors.UserError: N = 2.5K is more than 10 times beyond the runs ...
    """
    from precision_lib.decide.decision import brief

    for fit in fits:
        low, high = fit.ranges.get(name, (0.0, float("inf")))
        for value in values:
            if value < low / REACH or value > high * REACH:
                raise UserError(
                    f"{name} = {brief(value)} is more than {REACH:g} times beyond the "
                    f"runs that were fitted ({brief(low)} to {brief(high)}); check "
                    "its unit, or add --extrapolate."
                )
