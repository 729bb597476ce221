"""Random starts, and the search for the optimum from all of them."""

from __future__ import annotations

import numpy as np

from precision_lib.errors import UserError
from precision_lib.laws.dual import Array
from precision_lib.laws.problem import Problem

SAME = 1e-6  # objectives that differ by less, relatively, are the same optimum
SCREEN = 4_000  # rows on which starts are tried when a table has many more
FINALISTS = 3


def search(problem: Problem, count: int, seed: int) -> tuple[Array, float, float]:
    """Minimize from random starts.

    On a table of more than `SCREEN` rows the starts compete on a random choice of
    that many, and the best few are finished on the whole table.

    Returns
    -------
    coordinates of the best optimum (K,), its objective, and the share of starts
    that reached it (on the chosen rows, for a large table)

    Raises
    ------
    UserError
        The law is not defined on the table at any start.

    Examples
    --------
    >>> from precision_lib.laws import example_fit
    >>> fit = example_fit()
    >>> z, objective, share = search(fit.problem, 20, seed=1)
    >>> bool(abs(objective / fit.objective - 1) < 1e-6), share
    (True, 1.0)
    """
    trial = problem
    if problem.n > SCREEN:
        chosen = np.random.default_rng(seed).permutation(problem.n)[:SCREEN]
        trial = problem.subset(np.sort(chosen))
    z, losses = trial.solve(random_starts(trial, count, seed))
    order = np.argsort(losses)
    lowest = float(losses[order[0]])
    tolerance = SAME * lowest + 1e-15 * float(trial.weight.sum())
    share = float((losses <= lowest + tolerance).mean())
    if trial is not problem:
        far = z[order][losses[order] > lowest + tolerance][: FINALISTS - 1]
        z, losses = problem.solve(np.concatenate([z[order[:1]], far]), near=True)
        order = np.argsort(losses)
        lowest = float(losses[order[0]])
    if not np.isfinite(lowest):
        raise UserError(
            f"no start of law {problem.law.name!r} converged; check the table."
        )
    return z[order[0]], lowest, share


def random_starts(problem: Problem, count: int, seed: int) -> Array:
    """Random coordinates at which the law is defined on the whole table.

    Raises
    ------
    UserError
        None was found.

    Examples
    --------
    >>> from precision_lib.laws import example_fit
    >>> random_starts(example_fit().problem, 4, seed=0).shape
    (4, 5)
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
