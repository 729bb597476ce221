"""Tables drawn from a table, and the refits of a law to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from precision_lib.errors import UserError
from precision_lib.laws.result import Fit
from precision_lib.laws.solver.box import Mask
from precision_lib.laws.solver.dual import Array
from precision_lib.laws.solver.problem import Problem
from precision_lib.laws.solver.rows import level_name

FOLDS = 200  # refits without a part of the rows, at most
BLOCK = 10_000_000  # drawn numbers in memory at a time


def fitted(fit: Fit) -> tuple[Problem, Array]:
    """The problem of a fit, and its minima: the best first, shape (1 + M, K)."""
    if fit.problem is None or fit.z is None:
        raise UserError("this fit came from a file without its table; fit again.")
    best = fit.z[None, :]
    return fit.problem, best if fit.rivals is None else np.r_[best, fit.rivals]


def named(problem: Problem, z: Array) -> dict[str, Array]:
    scalars = problem.space.scalars(z)
    shape = (z.shape[0],)
    return {
        name: np.broadcast_to(np.ravel(value), shape).copy()
        for name, value in scalars.items()
    }


def grouped(problem: Problem, kind: str, by: Any) -> Any:
    if kind == "pairs":
        return np.arange(problem.n)
    if kind != "cluster":
        raise UserError(f"kind {kind!r} is unknown; use pairs, residual or cluster.")
    values = np.ravel(np.asarray(by, dtype=object))
    if by is None or values.size != problem.n:
        raise UserError(
            f"the cluster bootstrap needs `by` with one value for each of the "
            f"{problem.n} rows."
        )
    groups = np.unique([level_name(v) for v in values], return_inverse=True)[1]
    if groups.max() < 1:
        raise UserError("`by` is the same in every row; there is nothing to draw.")
    return groups


def draw_counts(groups: Any, replicates: int, generator: np.random.Generator) -> Array:
    count = int(groups.max()) + 1
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=replicates)
    return drawn[:, groups].astype(float)


def few(groups: Any) -> Any:
    """The groups themselves, or `FOLDS` groups of groups where they are many."""
    count = int(groups.max()) + 1
    if count <= FOLDS:
        return groups
    return np.random.default_rng(0).permutation(count)[groups] % FOLDS


def refits_without(problem: Problem, minima: Array, groups: Any) -> Array:
    """Coordinates of the refits without one group of rows each."""
    numbers = iter(range(int(groups.max()) + 1))

    def leave(count: int) -> dict[str, Array]:
        left = groups != np.array([next(numbers) for _ in range(count)])[:, None]
        return {"weight": left * problem.weight}

    return refit(problem, minima, int(groups.max()) + 1, leave)[0]


def spread_residuals(problem: Problem, minima: Array) -> Array:
    """Residual of each row from the fit without that row, centred.

    Residuals of the fit itself are too small, and a robust fit runs through some
    rows exactly: intervals drawn from them cover too little.

    >>> from precision_lib.laws import example_fit
    >>> fit = example_fit()
    >>> round(float(spread_residuals(fit.problem, fit.z[None, :]).std()), 4)
    0.003
    """
    groups = few(np.arange(problem.n))
    without = refits_without(problem, minima, groups)
    goal = problem.objective.transform(problem.target)
    residuals = np.empty(problem.n)
    for group, at in enumerate(without):
        rows = groups == group
        value, _ = problem.model(at[None, :])
        residuals[rows] = (goal - value[0])[rows]
    residuals = np.where(
        np.isfinite(residuals), residuals, problem.residuals(minima[0])
    )
    return residuals - np.median(residuals)


def refit(
    problem: Problem,
    minima: Array,
    replicates: int,
    draw: Callable[[int], dict[str, Array]],
) -> tuple[Array, Array, Mask]:
    """Refit the drawn tables, a block at a time for the sake of memory.

    Each begins at every minimum of the whole table, since another one may be the
    lowest of a drawn table.

    Returns coordinates (R, K), objectives (R,), and which are minima (R,).
    """
    size = max(1, BLOCK // problem.n)
    found = []
    for first in range(0, replicates, size):
        count = min(size, replicates - first)
        found.append(_best(problem, minima, count, draw(count)))
    z, objective, solved = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return z, objective, solved


def _best(
    problem: Problem, minima: Array, count: int, drawn: dict[str, Array]
) -> tuple[Array, Array, Mask]:
    best, lowest, solved = problem.solve(np.repeat(minima[:1], count, axis=0), **drawn)
    for other in minima[1:]:
        z, objective, good = problem.solve(
            np.repeat(other[None, :], count, axis=0), **drawn
        )
        lower = objective < lowest
        best[lower], lowest[lower] = z[lower], objective[lower]
        solved[lower] = good[lower]
    return best, lowest, solved
