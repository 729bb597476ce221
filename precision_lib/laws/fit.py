"""Fit a law to a table of runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from precision_lib.errors import UserError
from precision_lib.laws.diagnose import at_bounds, r_squared, unidentified, warn
from precision_lib.laws.dual import Array
from precision_lib.laws.law import Law
from precision_lib.laws.objective import LossName, Objective, ScaleName
from precision_lib.laws.problem import Problem, predict_rows
from precision_lib.laws.registry import get_law
from precision_lib.laws.result import Fit
from precision_lib.laws.rows import (
    Rows,
    Table,
    has_column,
    numbers,
    read_rows,
    read_target,
)
from precision_lib.laws.space import make_space

STARTS = 50
SAME = 1e-6  # two objectives that differ by less, relatively, are the same optimum


def fit(
    table: Table,
    law: type[Law] | str,
    *,
    loss: LossName = "huber",
    delta: float = 1e-3,
    scale: ScaleName | None = None,
    floor: float | None = None,
    starts: int = STARTS,
    seed: int = 0,
    fixed: Mapping[str, float | None] | None = None,
    tied: Mapping[str, str] | None = None,
    weights: Any = None,
) -> Fit:
    """Fit a law from many random starts at once.

    Minimizes ``sum over rows of weight * rho(g(target) - g(prediction))``, a sum
    and not a mean, with exact gradients.

    Parameters
    ----------
    table
        DataFrame or mapping of columns, one row a run.
    law
        A law or its name.
    loss
        ``"huber"``, ``"lad"`` (least absolute deviation) or ``"ls"``.
    delta
        Where Huber's loss turns from square to straight, on the residual scale.
    scale
        ``"log"`` (the default for a loss: residuals are relative errors),
        ``"asinh"`` (the default for a degradation, which may be zero or negative:
        relative errors well above `floor`, absolute ones below) or ``"linear"``.
    floor
        For ``"asinh"``: the degradation, in nats, at which additive noise equals
        relative noise; chosen by maximum likelihood without it.
    starts, seed
        Number of random starts and their seed.
    fixed
        Parameters to hold; None frees one that the law holds by default.
    tied
        Parameter to the one it shall equal, such as ``{"beta": "alpha"}``.
    weights
        A column name or one number a row.

    Raises
    ------
    UserError
        The table or an option does not allow the fit.

    Examples
    --------
    >>> import numpy as np
    >>> N, D = np.meshgrid([1e6, 3e6, 1e7], [1e8, 1e9, 1e10])
    >>> table = {"N": N.ravel(), "D": D.ravel()}
    >>> table["loss"] = 1.8 + 480 * table["N"] ** -0.35 + 2000 * table["D"] ** -0.37
    >>> result = fit(table, "chinchilla")
    >>> round(result.params["alpha"], 4), round(result.params["E"], 4)
    (0.35, 1.8)
    """
    law = get_law(law) if isinstance(law, str) else law
    problem = prepare(
        table, law, loss=loss, delta=delta, scale=scale, floor=floor,
        fixed=fixed, tied=tied, weights=weights,
    )  # fmt: skip
    if int(starts) != starts or starts < 1:
        raise UserError(f"starts is {starts}; give a whole number of at least 1.")
    if problem.objective.scale == "asinh" and floor is None:
        from precision_lib.laws.floor import choose_floor

        problem = problem.on_scale(floor=choose_floor(problem, seed))
    z, losses = problem.solve(random_starts(problem, int(starts), seed))
    return _result(problem, z, losses)


def prepare(
    table: Table,
    law: type[Law],
    *,
    loss: LossName = "huber",
    delta: float = 1e-3,
    scale: ScaleName | None = None,
    floor: float | None = None,
    fixed: Mapping[str, float | None] | None = None,
    tied: Mapping[str, str] | None = None,
    weights: Any = None,
) -> Problem:
    """Check the table and set up the problem that `fit` solves."""
    rows, target = read_rows(table, law), read_target(table, law)
    if rows.n == 1 and target.size > 1:
        raise UserError("the columns of the table differ in length; make them equal.")
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
    objective = Objective(loss, delta, scale, floor)
    weight = _weights(table, weights, target.size)
    space = make_space(law, rows, target, fixed, tied)
    problem = Problem(law, rows, target, weight, objective, space)
    _check_enough(problem)
    return problem


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
    for name, values in problem.rows.columns.items():
        if name in ("N", "D") and values.size and values.min() <= 0:
            raise UserError(
                f"column {name!r} holds {values.min():g}; a size is positive."
            )
        if name in ("N", "D") and np.ptp(np.log(values)) < 1e-9 * abs(
            np.log(values[0])
        ):
            raise UserError(
                f"column {name!r} is {values[0]:g} in every row, so the data say "
                "nothing about its exponent; add runs that differ in it."
            )


def random_starts(problem: Problem, count: int, seed: int) -> Array:
    """Random coordinates at which the law is defined on the whole table.

    Raises
    ------
    UserError
        None was found.
    """
    generator = np.random.default_rng(seed)
    low, high = problem.space.start_range()
    found: list[Array] = []
    have = 0
    for _ in range(30):
        z = low + (high - low) * generator.random((2 * count, low.size))
        with np.errstate(all="ignore"):
            value, _ = problem.model(z)
        good = np.isfinite(value).all(-1)
        found.append(z[good])
        have += int(good.sum())
        if have >= count:
            break
    if not have:
        raise UserError(
            f"law {problem.law.name!r} is not defined on this table for any random "
            "start; check the units of the columns."
        )
    return np.concatenate(found)[:count]


def _result(problem: Problem, z: Array, losses: Array) -> Fit:
    best = int(np.argmin(losses))
    if not np.isfinite(losses[best]):
        raise UserError(
            f"no start of law {problem.law.name!r} converged; check the table."
        )
    lowest = float(losses[best])
    tolerance = SAME * lowest + 1e-15 * float(problem.weight.sum())
    share = float((losses <= lowest + tolerance).mean())
    params = problem.params(z[best])
    predicted = predict_rows(problem.law, problem.rows, params)
    bounds = at_bounds(problem, z[best])
    vague, sentences = unidentified(problem, z[best])
    space = problem.space
    return Fit(
        law=problem.law,
        params=params,
        objective=lowest,
        settings=problem.objective,
        n=problem.n,
        r2=r_squared(problem.target, predicted, problem.weight),
        share_at_best=share,
        starts=losses.size,
        fixed={
            s.name: s.held
            for s in space.slots.values()
            if s.index is None and s.name not in space.tied
        },
        tied=dict(space.tied),
        at_bound=bounds,
        unidentified=vague,
        warnings=warn(problem, share, bounds, sentences),
        ranges=_ranges(problem.rows),
        levels=dict(problem.rows.levels),
        problem=problem,
        z=z[best],
    )


def _ranges(rows: Rows) -> dict[str, tuple[float, float]]:
    return {
        name: (float(values.min()), float(values.max()))
        for name, values in rows.columns.items()
        if name not in rows.codes
    }
