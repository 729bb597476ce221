"""Choose where the error of a degradation turns from additive to relative."""

from __future__ import annotations

import numpy as np

from precision_lib.laws.solver.problem import Problem
from precision_lib.laws.solver.starts import few_rows, random_starts

GRID = 13  # floors tried, from 1/1000 of the typical degradation to 3 times it
STARTS = 16
FEW = 3  # best ends and random starts that each further floor begins from


def choose_floor(problem: Problem, seed: int) -> float:
    """The floor under which the transformed residuals are most likely.

    With noise ``s^2 = a^2 + (r delta)^2`` the transform ``asinh(delta / floor)``
    with ``floor = a / r`` has constant noise. The floor is found by maximum
    likelihood over a grid, with the Jacobian of the transform as in Box and Cox
    (1964) and Laplace noise, the match of a robust loss.

    >>> from precision_lib.laws import get_law, planted_table
    >>> from precision_lib.laws.solver.prepare import prepare
    >>> table = planted_table("ptq", rows=200, noise=0.1, floor=0.01)
    >>> 0.01 < choose_floor(prepare(table, get_law("ptq")), seed=0) < 1.0
    True
    """
    problem = few_rows(problem, seed)
    typical = float(np.median(np.abs(problem.target))) or 1.0
    best, lowest = typical, np.inf
    starts = random_starts(problem, STARTS, seed)
    for floor in typical * np.geomspace(3.0, 1e-3, GRID):
        trial = problem.on_scale(floor=float(floor))
        z, losses, _ = trial.solve(starts)
        residuals = np.abs(trial.residuals(z[int(np.argmin(losses))]))
        share = problem.weight / problem.weight.sum()
        spread = float((share * residuals).sum()) + 1e-12
        stretch = 0.5 * np.log(problem.target**2 + floor**2)
        minus_log_likelihood = np.log(spread) + float((share * stretch).sum())
        if minus_log_likelihood < lowest - 1e-9:
            best, lowest = float(floor), minus_log_likelihood
        starts = np.concatenate([z[np.argsort(losses)[:FEW]], starts[:FEW]])
    return best
