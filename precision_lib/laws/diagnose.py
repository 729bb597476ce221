"""What a fit cannot say: parameters at bounds and directions without information."""

from __future__ import annotations

import numpy as np

from precision_lib.laws.solver.dual import Array
from precision_lib.laws.solver.problem import Problem
from precision_lib.laws.solver.starts import Found, doubts

VAGUE = 1.0  # standard error, in factors of e, beyond which a parameter is unknown


def r_squared(target: Array, predicted: Array, weight: Array) -> float:
    """Share of the weighted variance of the target that is predicted.

    >>> r_squared(np.array([1.0, 2.0]), np.array([1.0, 2.0]), np.ones(2))
    1.0
    """
    mean = float((weight * target).sum() / weight.sum())
    total = float((weight * (target - mean) ** 2).sum())
    left = float((weight * (target - predicted) ** 2).sum())
    if total == 0.0:
        return 1.0 if left == 0.0 else -np.inf
    return 1.0 - left / total


def at_bounds(problem: Problem, z: Array) -> tuple[str, ...]:
    """Names of the parameters that ended on a bound."""
    low, high = problem.space.limits()
    near = 1e-9 * np.maximum(high - low, 1.0)
    hit = (z <= low + near) | (z >= high - near)
    return tuple(np.array(problem.space.free, dtype=object)[hit])


def noise(residuals: Array, free: int) -> float:
    """Robust standard deviation of the residuals.

    >>> round(noise(np.array([-1.0, 1.0, -1.0, 1.0]), 0), 3)
    1.483
    """
    spread = 1.4826 * float(np.median(np.abs(residuals)))
    n = residuals.size
    if spread == 0.0:
        spread = float(np.sqrt(np.mean(residuals**2)))
    return spread * float(np.sqrt(n / max(n - free, 1)))


def scatter(residuals: Array, free: int) -> float:
    """Standard deviation of normal noise that has as wide a middle 95%.

    >>> residuals = np.random.default_rng(0).standard_normal(4000)
    >>> round(scatter(residuals, 5), 1)
    1.0
    """
    n = residuals.size
    wide = float(np.quantile(np.abs(residuals), 0.95)) / 1.96
    return wide * float(np.sqrt(n / max(n - free, 1)))


def covariance(problem: Problem, z: Array, spread: float | None = None) -> Array:
    """Rough covariance of the coordinates, from the Jacobian and the noise.

    `spread`: standard deviation of the noise; that of the residuals without it.
    """
    _, jacobian = problem.model(z[None, :])
    weighted = jacobian[0] * np.sqrt(problem.weight)
    scale = np.sqrt((weighted**2).sum(-1))
    scale = np.where(scale > 0, scale, 1.0)
    left, singular, _ = np.linalg.svd(weighted / scale[:, None], full_matrices=False)
    singular = np.maximum(singular, 1e-12)
    if spread is None:
        spread = noise(problem.residuals(z), z.size)
    root = left / singular * max(spread, 1e-12)
    result: Array = (root @ root.T) / np.outer(scale, scale)
    dead = np.sqrt((weighted**2).sum(-1)) == 0
    result[dead, dead] = np.inf
    return result


def unidentified(
    problem: Problem, z: Array, spread: float | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Parameters that the data leave open, and sentences that say so."""
    free = problem.space.free
    cov = covariance(problem, z, spread)
    error = np.sqrt(np.diag(cov))
    unit = np.array(
        [
            1.0
            if problem.space.slots[name].parameter.coordinate == "log"
            else max(abs(value), 0.3)
            for name, value in zip(free, z, strict=True)
        ]
    )
    vague = [k for k in range(z.size) if not error[k] <= VAGUE * unit[k]]
    sentences = []
    for k in vague:
        partner = _partner(cov, k)
        if partner is None:
            sentences.append(f"The data do not determine {free[k]}.")
        else:
            sentences.append(
                f"The data do not determine {free[k]} apart from {free[partner]}: "
                "they can change together without changing the fit."
            )
    return tuple(free[k] for k in vague), tuple(sentences)


def _partner(cov: Array, k: int) -> int | None:
    """The parameter that moves with k almost as one, if any."""
    deviation = np.sqrt(np.diag(cov))
    if not np.isfinite(deviation[k]):
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.abs(cov[k] / (deviation[k] * deviation))
    correlation[k] = 0.0
    correlation = np.nan_to_num(correlation)
    other = int(np.argmax(correlation))
    return other if correlation[other] > 0.95 else None


def warn(
    problem: Problem, found: Found, bounds: tuple[str, ...], vague: tuple[str, ...]
) -> tuple[str, ...]:
    """Everything to distrust in a fit, in sentences."""
    sentences = list(vague)
    for name in bounds:
        sentences.append(
            f"{name} ran to a bound: the data want it beyond, or the term is absent."
        )
    sentences.extend(doubts(found.converged, found.share))
    free = len(problem.space.free)
    if problem.n < 3 * free:
        sentences.append(
            f"{problem.n} rows for {free} parameters are few; trust the intervals only."
        )
    return tuple(sentences)
