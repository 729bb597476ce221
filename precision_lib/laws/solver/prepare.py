"""Check a table and set up the problem of fitting a law to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from precision_lib.errors import UserError
from precision_lib.laws.law import Law, term_names
from precision_lib.laws.solver.dual import Array
from precision_lib.laws.solver.objective import LossName, Objective, ScaleName
from precision_lib.laws.solver.problem import Problem
from precision_lib.laws.solver.rows import (
    Table,
    has_column,
    numbers,
    read_rows,
    read_target,
)
from precision_lib.laws.solver.space import make_space

HELD_OUT = "held-out"  # a role in the column ``role``
LARGEST = 100_000_000  # rows times parameters: a few gigabytes of memory


def prepare(
    table: Table,
    law: type[Law],
    *,
    loss: LossName = "huber",
    delta: float = 1e-3,
    scale: ScaleName | None = None,
    floor: float | None = None,
    above: float = 1.0,
    fixed: Mapping[str, float | None] | None = None,
    tied: Mapping[str, str] | None = None,
    weights: Any = None,
    held_out: bool = False,
) -> Problem:
    """Check the table and set up the problem that `fit` solves.

    Parameters are those of `precision_lib.laws.fit`.

    Raises UserError if the table or an option does not allow the fit.

    >>> from precision_lib.laws import example_table, get_law
    >>> prepare(example_table(), get_law("chinchilla")).space.free
    ('E', 'A', 'alpha', 'B', 'beta')
    """
    if not held_out:
        _refuse_held_out(table)
    rows, target = read_rows(table, law), read_target(table, law)
    if rows.n != target.size:
        raise UserError(
            f"column {law.target!r} has {target.size} values where others have "
            f"{rows.n}; give every column one value a row."
        )
    if not rows.n:
        raise UserError("the table has no row; give at least as many as parameters.")
    if scale is None:
        scale = "log" if law.target == "loss" else "asinh"
    if scale == "log" and target.size and target.min() <= 0:
        raise UserError(
            f"column {law.target!r} holds {target.min():g}, which has no logarithm; "
            'use scale="asinh".'
        )
    if floor is None:
        floor = float(np.median(np.abs(target))) if target.size else 1.0
        floor = floor or 1.0
    objective = Objective(loss, delta, scale, floor, above)
    weight = _weights(table, weights, target.size)
    space = make_space(law, rows, target, fixed, tied)
    problem = Problem(law, rows, target, weight, objective, space)
    _check_enough(problem)
    return problem


def _refuse_held_out(table: Table) -> None:
    """What was held out to judge a law is not fitted by mistake."""
    if not has_column(table, "role"):
        return
    count = int((np.asarray(table["role"]).astype(str) == HELD_OUT).sum())
    if count:
        raise UserError(
            f"{count} rows have the role '{HELD_OUT}': they judge laws and are in no "
            "fit; leave them out, or say held_out=True for an evaluation."
        )


def _weights(table: Table, weights: Any, n: int) -> Array:
    if weights is None:
        return np.ones(n)
    if isinstance(weights, str):
        if not has_column(table, weights):
            raise UserError(f"there is no column {weights!r} to weigh the rows by.")
        name, values = weights, table[weights]
    else:
        name, values = "weights", weights
    result = numbers(name, np.atleast_1d(np.asarray(values)))
    if result.shape != (n,):
        raise UserError(
            f"{name!r} has {result.size} weights for {n} rows; give one each."
        )
    if result.min(initial=0.0) < 0 or not result.sum() > 0:
        raise UserError(f"{name!r} must be zero or more, and not all zero.")
    return result


def _check_enough(problem: Problem) -> None:
    law, free = problem.law, problem.space.free
    n = int((problem.weight > 0).sum())
    if n < len(free):
        raise UserError(
            f"the table has {n} rows and law {law.name!r} has {len(free)} parameters "
            f"to fit ({', '.join(free)}); give more runs or hold some parameters fixed."
        )
    if n * len(free) > LARGEST:
        raise UserError(
            f"the table has {n} rows, too many for the {len(free)} parameters of law "
            f"{law.name!r} in memory; fit at most {LARGEST // len(free)} of them."
        )
    for name in ("N", "D"):
        _check_size(problem, name)


def _check_size(problem: Problem, name: str) -> None:
    """N and D must be positive, and vary if a power of them is to be fitted."""
    values = problem.rows.columns.get(name)
    if values is None or not values.size:
        return
    if values.min() <= 0:
        raise UserError(
            f"column {name!r} holds {values.min():g}; a size is positive, so mend or "
            "drop that row."
        )
    slots, free = problem.space.slots, problem.space.free
    terms = [slots[k].parameter.term for k in free]
    wanted = [set(term_names(t)) for t in terms if t is not None]
    if np.ptp(values) <= 1e-9 * values.max() and any(
        name in names and names & set(free) for names in wanted
    ):
        raise UserError(
            f"column {name!r} is {values[0]:g} in every row, so the data say nothing "
            "about its exponent; add runs that differ in it or hold the exponent fixed."
        )
