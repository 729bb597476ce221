"""Robust losses as likelihoods: AIC, BIC and the scale of a deviance."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from precision_lib.errors import UserError
from precision_lib.laws.solver.dual import Array
from precision_lib.laws.solver.objective import Objective
from precision_lib.laws.solver.problem import Problem


def log_likelihood(problem: Problem, z: Array) -> float:
    """Log likelihood of the targets at a point, at the best scale of the noise.

    The density of a residual is proportional to ``exp(-rho(r) / tau)``: normal for
    least squares, Laplace for least absolute deviation, between them for Huber.
    The slope of the residual transform is included, so that fits on different
    residual scales of one target compare.
    """
    return residual_likelihood(
        problem.residuals(z), problem.weight, problem.objective
    ) + stretch(problem.target, problem.weight, problem.objective)


def residual_likelihood(residuals: Array, weight: Array, objective: Objective) -> float:
    """Log likelihood of residuals under ``exp(-rho / tau)`` at the best tau.

    For least squares it is the normal likelihood:

    >>> r = np.array([-1.0, 1.0])
    >>> found = residual_likelihood(r, np.ones(2), Objective("ls"))
    >>> bool(np.isclose(found, -np.log(2 * np.pi) - 1))
    True
    """
    from scipy.optimize import minimize_scalar

    n = float(weight.sum())
    mean = float((weight * objective.rho(residuals)).sum()) / n
    if mean == 0.0:
        return float("inf")

    def per_row(log_tau: float) -> float:
        tau = float(np.exp(log_tau))
        return mean / tau + float(np.log(_mass(tau, objective)))

    middle = float(np.log(mean))
    best = minimize_scalar(per_row, bounds=(middle - 8, middle + 8), method="bounded",
                           options={"xatol": 1e-10})  # fmt: skip
    return -n * float(best.fun)


def _mass(tau: float, objective: Objective) -> float:
    """Integral of ``exp(-rho(r) / tau)`` over all residuals."""
    if objective.above != 1.0:
        each = replace(objective, above=1.0)
        return 0.5 * (_mass(tau, each) + _mass(tau / objective.above, each))
    if objective.loss == "lad":
        return 2 * tau
    if objective.loss == "ls":
        return float(np.sqrt(2 * np.pi * tau))
    delta = objective.delta
    inner = np.sqrt(2 * np.pi * tau) * math.erf(delta / np.sqrt(2 * tau))
    outer = 2 * tau / delta * np.exp(-(delta**2) / (2 * tau))
    return float(inner + outer)


def stretch(target: Array, weight: Array, objective: Objective) -> float:
    """Sum of the log slopes of the residual transform at the targets.

    >>> stretch(np.array([1.0, np.e]), np.ones(2), Objective(scale="log"))
    -1.0
    """
    if objective.scale == "linear":
        return 0.0
    if objective.scale == "asinh":  # a target may be zero
        slope = -0.5 * np.log(target**2 + objective.floor**2)
    else:
        slope = -np.log(np.abs(target))
    return float((weight * slope).sum())


def deviance_scale(problem: Problem, z: Array) -> float:
    """Rise of the objective that counts as one unit of half a squared t value.

    For an M-estimator twice the rise of the objective, divided by
    ``E psi^2 / E psi'``, is chi-squared with one degree of freedom (Heritier and
    Ronchetti, JASA 89, 897, 1994). The mean slope of psi is the density of the
    residuals within Huber's zone, here over a zone wide enough to hold rows.
    """
    if problem.objective.above != 1.0:
        raise UserError("there is no profile of a loss that is not symmetric.")
    residuals, weight = problem.residuals(z), problem.weight
    objective, n = problem.objective, float(weight.sum())
    left = max(n - z.size, 1.0)
    if objective.loss == "ls":
        return float((weight * residuals**2).sum()) / left
    size = np.abs(residuals)
    wide = float(np.quantile(size, min(1.0, 0.5 + z.size / n)))
    zone = objective.delta if objective.loss == "huber" else 0.0
    window = max(zone, wide)
    share = float((weight * (size <= window)).sum()) / n - z.size / n
    share = max(share, 1.0 / n) * n / left
    if objective.loss == "lad":
        return 1.0 / (share / window)
    square = float((weight * np.minimum(size, zone) ** 2).sum()) / left
    return square / (share * zone / window)
