"""How far beyond the runs that were fitted a command answers without being told."""

from __future__ import annotations

from typing import Annotated

import typer

from precision_lib.errors import UserError

Extrapolate = Annotated[
    bool,
    typer.Option(
        "--extrapolate",
        help="Answer more than 10 times beyond the runs in N or D too.",
    ),
]


def refuse_beyond(given: str, found: str = "") -> None:
    """Refuse what lies far beyond the runs of a fit: a wrong unit, or a guess.

    Raises UserError: naming the value and the range.

    `given`, `found`: what of the question, or else of the answer, lies there, in words.

    >>> refuse_beyond("", "D = 7T is more than 10 times beyond the runs")
    Traceback (most recent call last):
    ...
    precision_lib.errors.UserError: Of the answer, D = 7T is more than 10 times beyond \
the runs; add --extrapolate to see it.
    """
    if given:
        raise UserError(f"{given}; check its unit, or add --extrapolate.")
    if found:
        raise UserError(f"Of the answer, {found}; add --extrapolate to see it.")
