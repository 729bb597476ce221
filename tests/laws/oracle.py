"""What scipy makes of a problem of the fitter: the judge of its optima."""

import numpy as np
from scipy.optimize import Bounds, minimize


def objective_of(problem, weight=None):
    """The objective of a problem and its gradient, for scipy."""
    goal = problem.objective.transform(problem.target)
    weight = problem.weight if weight is None else weight
    delta = problem.objective.delta

    def value(z):
        found, jacobian = problem.model(np.asarray(z)[None, :])
        r = goal - found[0]
        size = np.abs(r)
        rho = np.where(size <= delta, r * r / 2, delta * (size - delta / 2))
        slope = -jacobian[0] @ (weight * np.clip(r, -delta, delta))
        return float((weight * rho).sum()) * 1e3, slope * 1e3

    return value


def scipy_s(problem, start, limits, weight=None, simplex=False):
    """The best that scipy finds from one start."""
    value, bounds = objective_of(problem, weight), Bounds(*limits)
    options = {"maxiter": 2000, "ftol": 1e-15, "gtol": 1e-12}
    with np.errstate(all="ignore"):
        found = minimize(
            value, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options
        )
        if simplex:
            options = {"maxfev": 2000, "xatol": 1e-9, "fatol": 1e-13}
            found = minimize(
                lambda z: value(z)[0], found.x, method="Nelder-Mead", bounds=bounds,
                options=options,
            )  # fmt: skip
    return found.fun / 1e3
