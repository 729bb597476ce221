"""Fit a law to a table of runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from precision_lib.errors import UserError
from precision_lib.laws.diagnose import (
    at_bounds,
    r_squared,
    scatter,
    unidentified,
    warn,
)
from precision_lib.laws.law import Law
from precision_lib.laws.registry import get_law
from precision_lib.laws.result import Fit
from precision_lib.laws.solver.floor import choose_floor
from precision_lib.laws.solver.objective import LossName, ScaleName
from precision_lib.laws.solver.prepare import prepare
from precision_lib.laws.solver.problem import Problem, predict_rows
from precision_lib.laws.solver.rows import Rows, Table
from precision_lib.laws.solver.starts import Found, search

STARTS, MORE_STARTS = 50, 400
RARE = 0.1  # share of starts at the best optimum, below which there may be a better


def fit(
    table: Table,
    law: type[Law] | str,
    *,
    loss: LossName = "huber",
    delta: float = 1e-3,
    scale: ScaleName | None = None,
    floor: float | None = None,
    above: float = 1.0,
    starts: int | None = None,
    seed: int = 0,
    fixed: Mapping[str, float | None] | None = None,
    tied: Mapping[str, str] | None = None,
    weights: Any = None,
    held_out: bool = False,
) -> Fit:
    """Fit a law from many random starts at once.

    Minimizes ``sum over rows of weight * rho(g(target) - g(prediction))``, a sum
    and not a mean, with exact gradients.

    Raises UserError if the table or an option does not allow the fit.

    `table`: DataFrame or mapping of columns, one row a run; `law`: a law or its name;
    `loss`: ``"huber"``, ``"lad"`` (least absolute deviation) or ``"ls"``; `delta`:
    where Huber's loss turns from square to straight, on the residual scale. `scale`:
    ``"log"`` (the default for a loss: residuals are relative errors), ``"asinh"`` (the
    default for a degradation, which may be zero or negative: relative errors well above
    `floor`, absolute ones below) or ``"linear"``; `floor`: for ``"asinh"``, in nats,
    where additive noise equals relative noise; chosen by maximum likelihood without it.
    `above`: what the loss of a run above the law counts, beside 1 for one below it:
    less than 1 where runs may be undertuned. `starts`, `seed`: number of random starts
    and their seed; None: 50, and where fewer than a tenth of them reach one optimum,
    400, since an optimum so rare may not be the best. `fixed`: parameters to hold; None
    frees one that the law holds by default; `tied`: parameter to the one it shall
    equal, such as ``{"beta": "alpha"}``; `weights`: a column name or one number a row;
    `held_out`: fit rows whose column ``role`` says "held-out" too, for an evaluation.

    >>> from precision_lib.laws import example_table
    >>> result = fit(example_table(), "chinchilla")
    >>> round(result.params["alpha"], 2), round(result.params["E"], 1)
    (0.35, 1.8)
    """
    law = get_law(law) if isinstance(law, str) else law
    problem = prepare(
        table, law, loss=loss, delta=delta, scale=scale, floor=floor, above=above,
        fixed=fixed, tied=tied, weights=weights, held_out=held_out,
    )  # fmt: skip
    if problem.n > 1 and np.ptp(problem.target) == 0:
        raise UserError(
            f"all {problem.n} rows have the same {law.target}, {problem.target[0]:g}; "
            "a law needs runs that differ in it."
        )
    if problem.objective.scale == "asinh" and floor is None:
        with np.errstate(all="ignore"):
            problem = problem.on_scale(floor=choose_floor(problem, seed))
    return _searched(problem, starts, seed)


def _searched(problem: Problem, starts: int | None, seed: int) -> Fit:
    count = STARTS if starts is None else starts
    if int(count) != count or count < 1:
        raise UserError(f"starts is {starts}; give a whole number of at least 1.")
    with np.errstate(all="ignore"):
        found = search(problem, int(count), seed)
        if starts is None and found.share < RARE:
            count = MORE_STARTS
            found = search(problem, count, seed)
        return _result(problem, found, int(count))


def _result(problem: Problem, found: Found, starts: int) -> Fit:
    z = found.z
    params = problem.params(z)
    if not np.isfinite(list(params.values())).all():
        raise UserError(
            f"law {problem.law.name!r} cannot be fitted to numbers of this size; "
            "check the units of the columns."
        )
    predicted = predict_rows(problem.law, problem.rows, params)
    bounds = at_bounds(problem, z)
    vague, sentences = unidentified(problem, z)
    space = problem.space
    return Fit(
        law=problem.law,
        params=params,
        objective=found.objective,
        settings=problem.objective,
        n=problem.n,
        r2=r_squared(problem.target, predicted, problem.weight),
        share_at_best=found.share,
        converged=found.converged,
        starts=starts,
        fixed={
            s.name: s.held
            for s in space.slots.values()
            if s.index is None and s.name not in space.tied
        },
        tied=dict(space.tied),
        at_bound=bounds,
        unidentified=vague,
        scatter=scatter(problem.residuals(z), z.size),
        warnings=warn(problem, found, bounds, sentences),
        ranges=_ranges(problem.rows),
        levels=dict(problem.rows.levels),
        problem=problem,
        z=z,
        rivals=found.rivals,
    )


def _ranges(rows: Rows) -> dict[str, tuple[float, float]]:
    columns = {n: x for n, x in rows.columns.items() if n not in rows.codes}
    if {"N", "D"} <= columns.keys():
        columns["FLOP"] = 6 * columns["N"] * columns["D"]
    return {name: (float(x.min()), float(x.max())) for name, x in columns.items()}
