"""Random starts, and the search for the optimum from all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from precision_lib.errors import UserError
from precision_lib.laws.solver.box import Mask
from precision_lib.laws.solver.dual import Array
from precision_lib.laws.solver.problem import Problem

SAME = 1e-6  # objectives that differ by less, relatively, are the same optimum
SCREEN = 4_000  # rows on which starts are tried when a table has many more
FINALISTS = 3
FEW = 0.5  # share of starts at the best optimum, below which it is worth a word
RIVAL = 1.1  # an optimum this much higher may be the best of a resampled table


@dataclass(frozen=True)
class Found:
    """The best optimum of a search."""

    #: z, objective: its coordinates (K,) and the objective there
    z: Array
    objective: float
    #: Share of the starts that reached it (on the chosen rows, for a large table)
    share: float
    converged: bool  #: whether it is a minimum, by its projected gradient
    rivals: Array  #: coordinates of other minima that are nearly as low, shape (M, K)


def search(problem: Problem, count: int, seed: int) -> Found:
    """Minimize from random starts.

    On a table of more than `SCREEN` rows the starts compete on a random choice of
    that many, and the best few are finished on the whole table.

    Raises UserError if the law is not defined on the table at any start.

    >>> from precision_lib.laws import example_fit
    >>> fit = example_fit()
    >>> found = search(fit.problem, 20, seed=1)
    >>> bool(abs(found.objective / fit.objective - 1) < 1e-6), found.share
    (True, 1.0)
    """
    trial = few_rows(problem, seed)
    z, losses, solved = trial.solve(random_starts(trial, count, seed))
    minima = _minima(trial, losses, solved)
    share = float((losses <= _same(trial, losses[minima[0]])).mean())
    if trial is not problem:
        z, losses, solved = problem.solve(z[minima[:FINALISTS]])
        minima = _minima(problem, losses, solved)
    best, *others = minima
    lowest = float(losses[best])
    if not np.isfinite(lowest):
        raise UserError(
            f"law {problem.law.name!r} has no value near any start; check the table."
        )
    rivals = [k for k in others if solved[k] and losses[k] <= RIVAL * lowest]
    return Found(z[best], lowest, share, bool(solved[best]), z[rivals[: FINALISTS - 1]])


def search_parts(problem: Problem, seen: Mask, count: int, seed: int) -> list[Found]:
    """As `search`, for parts of a table of at most `SCREEN` rows, all at once.

    `seen`: which rows are in each part, shape (P, n).

    >>> from precision_lib.laws import example_fit
    >>> problem = example_fit().problem
    >>> seen = np.arange(problem.n) != np.array([[0], [1]])
    >>> [found.share for found in search_parts(problem, seen, 8, seed=1)]
    [1.0, 1.0]
    """
    weight = np.repeat(seen * problem.weight, count, axis=0)
    starts = np.tile(random_starts(problem, count, seed), (len(seen), 1))
    z, losses, solved = problem.solve(starts, weight)
    found = []
    for each in np.split(np.arange(len(z)), len(seen)):
        best = each[np.argmin(losses[each])]
        share = float((losses[each] <= _same(problem, losses[best])).mean())
        nothing = z[:0]
        found.append(
            Found(z[best], float(losses[best]), share, bool(solved[best]), nothing)
        )
    return found


def few_rows(problem: Problem, seed: int) -> Problem:
    """The problem on at most `SCREEN` of its rows, chosen at random."""
    if problem.n <= SCREEN:
        return problem
    chosen = np.random.default_rng(seed).permutation(problem.n)[:SCREEN]
    return problem.subset(np.sort(chosen))


def _minima(problem: Problem, losses: Array, solved: Mask) -> list[int]:
    """The best end of all starts, then one of each of the other minima, ascending."""
    order = np.argsort(losses, kind="stable")
    found = [int(order[0])]
    for k in order[1:]:
        if solved[k] and losses[k] > _same(problem, losses[found[-1]]):
            found.append(int(k))
    return found


def _same(problem: Problem, loss: float) -> float:
    """The highest objective that counts as the same."""
    return float(loss * (1 + SAME) + 1e-15 * problem.weight.sum())


def doubts(converged: bool, share: float) -> tuple[str, ...]:
    """What the search for the optimum leaves in doubt, in sentences.

    >>> doubts(True, 0.04)[0]
    'Only 4% of the starts reached the best objective; there may be a better one.'
    """
    sentences = []
    if not converged:
        sentences.append(
            "The fit did not converge: its numbers are where the steps ran out."
        )
    if share < FEW:
        sentences.append(
            f"Only {share:.0%} of the starts reached the best objective; there may be "
            "a better one."
        )
    return tuple(sentences)


def random_starts(problem: Problem, count: int, seed: int) -> Array:
    """Random coordinates at which the law is defined on the whole table.

    Raises UserError if none was found.

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
