"""How well laws foretell larger runs than those that they were fitted to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from precision_lib.errors import UserError
from precision_lib.laws.compare import (
    Comparison,
    Mask,
    compare,
    of_one_target,
    scored,
    take,
)
from precision_lib.laws.law import Law
from precision_lib.laws.solver.prepare import prepare
from precision_lib.laws.solver.rows import Table, has_column


def largest_out(
    table: Table,
    laws: Iterable[str | type[Law]],
    column: str = "N",
    **options: Any,
) -> Comparison:
    """Fit the runs below the largest value of a column and predict those at it.

    `table`, `laws`, `options`: as for `compare`; `column`: a column of numbers, such as
    N, D, or a compute column.

    >>> from precision_lib.laws import example_table
    >>> found = largest_out(example_table(), ["chinchilla"], "N")
    >>> found.scores[0].n_held_out, found.scores[0].held_out_r2 > 0.98
    (6, True)
    """
    if not has_column(table, column):
        raise UserError(f"there is no column {column!r} to leave the largest out of.")
    values = np.asarray(table[column], dtype=float)
    found = compare(table, laws, values >= values.max() * (1 - 1e-9), **options)
    words = f"the rows with the largest {column}, {values.max():g}"
    return Comparison(found.scores, found.fits, found.predictions, words)


def growing_out(
    table: Table,
    laws: Iterable[str | type[Law]],
    column: str = "N",
    *,
    seed: int = 0,
    **options: Any,
) -> Comparison:
    """Predict the runs of each value of a column from those below it, in turn.

    As a lab grows: fit what is there, predict the next size, add it, go on. The first
    values, from which some law cannot be fitted, are only fitted.

    Raises UserError if there is no such column, or no value of it can be predicted from
    those below.

    `table`, `laws`, `seed`, `options`: as for `compare`; `column`: a column of numbers,
    such as N or D.

    >>> from precision_lib.laws import example_table
    >>> found = growing_out(example_table(), ["chinchilla"], "N")
    >>> found.held_out, found.scores[0].n_held_out
    ('each of the 3 largest N from the rows below it', 18)
    """
    if not has_column(table, column):
        raise UserError(f"there is no column {column!r} along which runs could grow.")
    known = of_one_target(laws)
    values = np.asarray(table[column], dtype=float)
    steps = [(values < each, values == each) for each in np.unique(values)]
    parts = [step for step in steps if _can_fit(table, known, step[0])]
    if not parts:
        raise UserError(
            f"no {column} can be predicted from the rows below it: they are too few, "
            "or do not differ enough; leave the largest out, or use fewer laws."
        )
    words = f"each of the {len(parts)} largest {column} from the rows below it"
    return scored(table, known, parts, words, seed, options)


def _can_fit(table: Table, laws: list[type[Law]], mask: Mask) -> bool:
    try:
        for law in laws:
            prepare(take(table, mask), law)
    except UserError:
        return False
    return True
