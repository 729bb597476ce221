"""Choose where the error of a degradation turns from additive to relative."""

from __future__ import annotations

import numpy as np

from precision_lib.laws.problem import Problem

GRID = 13  # floors tried, from 1/1000 of the typical degradation to 3 times it
STARTS = 16


def choose_floor(problem: Problem, seed: int) -> float:
    """The floor under which the transformed residuals are most likely.

    With noise ``s^2 = a^2 + (r delta)^2`` the transform ``asinh(delta / floor)``
    with ``floor = a / r`` has constant noise. The floor is found by maximum
    likelihood over a grid, with the Jacobian of the transform as in Box and Cox
    (1964) and Laplace noise, the match of a robust loss.
    """
    from precision_lib.laws.fit import random_starts

    typical = float(np.median(np.abs(problem.target))) or 1.0
    best, lowest = typical, np.inf
    for floor in typical * np.geomspace(1e-3, 3.0, GRID):
        trial = problem.on_scale(floor=float(floor))
        z, losses = trial.solve(random_starts(trial, STARTS, seed))
        residuals = np.abs(trial.residuals(z[int(np.argmin(losses))]))
        share = problem.weight / problem.weight.sum()
        spread = float((share * residuals).sum()) + 1e-12
        stretch = 0.5 * np.log(problem.target**2 + floor**2)
        minus_log_likelihood = np.log(spread) + float((share * stretch).sum())
        if minus_log_likelihood < lowest - 1e-9:
            best, lowest = float(floor), minus_log_likelihood
    return best
