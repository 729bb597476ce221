"""The one model of the noise of our runs, for every estimand that is fitted to them.

A measured number is a mean that depends on parameters, plus normal noise with several
sources: one for each run, one that all runs of a model share (a model is a size and a
seed), one in which models of a size drift apart the longer they train, one that all
runs of a cell of N and D share (lack of fit), and so on. Their variances are estimated
by restricted maximum likelihood (Patterson & Thompson 1971,
doi:10.1093/biomet/58.3.545); degrees of freedom are Satterthwaite's
(doi:10.2307/3002019). A run and its unquantized twin share model, data and order; how
much of their noise they share is fitted, not assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from precision_lib.errors import Undetermined
from precision_lib.findings.estimate import Estimate

Array = npt.NDArray[np.float64]
Mean = Callable[[Array], Array]
#: Labels of rows that share noise, and how much of it each row has; 1 if left out
Shared = pd.Series | tuple[pd.Series, pd.Series]
SMALLEST = -14.0  # logarithm of a variance over that of the residuals: none
STEP = 1e-6
TOO_FEW = "{} measurements cannot determine {} parameters."
UNDETERMINED = (
    "these runs do not determine every parameter: too few sizes, lengths or formats."
)


@dataclass(frozen=True)
class MeanFit:
    """A mean fitted under the noise model.

    >>> table = pd.DataFrame({"g": [0, 0, 1, 1], "y": [1.0, 1.2, 2.0, 1.8]})
    >>> found = fit_mean(table["y"], lambda p: np.full(4, p[0]), [1.0], {"g": table.g})
    >>> found.parameters.round(3).tolist(), sorted(found.spread)
    ([1.5], ['g', 'run'])
    """

    parameters: Array  #: of the mean
    covariance: Array
    spread: dict[str, float]  #: standard deviation of each source of noise
    slopes: Array  #: derivatives of the covariance by the variance of each source
    information: Array  #: of the variances; rows of those that are zero are empty

    def estimate(self, of: Callable[[Array], float], units: int) -> Estimate:
        """A function of the parameters, with its error by the delta method."""
        slope = _jacobian(lambda p: np.atleast_1d(of(p)), self.parameters)[0]
        variance = float(slope @ self.covariance @ slope)
        change = np.einsum("i,kij,j->k", slope, self.slopes, slope)
        doubt = float(change @ np.linalg.pinv(self.information) @ change)
        freedom = 2 * variance**2 / doubt if doubt else np.inf
        value = float(of(self.parameters))
        return Estimate(value, float(np.sqrt(variance)), units, max(freedom, 1.0))

    def parameter(self, place: int, units: int) -> Estimate:
        """One of the parameters."""
        return self.estimate(lambda p: float(p[place]), units)


def fit_mean(
    measured: npt.ArrayLike,
    mean: Mean,
    start: npt.ArrayLike,
    shared: Mapping[str, Shared],
    rough: Mapping[str, npt.ArrayLike] | None = None,
) -> MeanFit:
    """Fit the parameters of a mean, and the variance of each source of noise.

    Raises Undetermined if there are too few rows for the parameters, or these are not
    determined.

    `measured`: array, one entry a row; `mean`: maps the parameters to one entry a row;
    `start`: parameters to begin with. `shared`: for each source the label of each row,
    or labels and a number a row; rows of one label share the noise, each so much of
    it. `rough`: rows that have more noise of their own, a source each.

    >>> x = np.arange(6.0)
    >>> found = fit_mean(2 * x + [0, 1, 0, 0, 1, 0], lambda p: p[0] * x, [1.0], {})
    >>> found.parameters.round(1).tolist()
    [2.1]
    """
    y, point = np.asarray(measured, float), np.asarray(start, float)
    if len(y) <= len(point):
        raise Undetermined(TOO_FEW.format(len(y), len(point)))
    kernels = _kernels(len(y), shared, rough or {})
    stack = np.stack(list(kernels.values()))
    logs: Array | None = None
    for _ in range(50):
        design = _jacobian(mean, point)
        _check_rank(design)
        target = y - mean(point) + design @ point
        state = _reml(target, design, stack, logs)
        logs, new = state.logs, state.parameters
        variances = np.diag(state.covariance)
        if not np.isfinite(new).all() or not (variances > 0).all():
            raise Undetermined(UNDETERMINED)
        while not np.isfinite(mean(new)).all():
            new = (new + point) / 2
        moved = np.abs(new - point) / np.sqrt(variances)
        point = new
        if moved.max() < 1e-3:
            break
    else:
        raise Undetermined("the fit under the noise model did not settle.")
    sizes = dict(zip(kernels, np.exp(state.logs / 2).tolist(), strict=True))
    return MeanFit(point, state.covariance, sizes, state.slopes, state.information)


def fit_linear(
    measured: npt.ArrayLike,
    columns: Sequence[npt.ArrayLike],
    shared: Mapping[str, Shared],
    rough: Mapping[str, npt.ArrayLike] | None = None,
) -> MeanFit:
    """`fit_mean` of a sum of columns, each times a parameter.

    >>> x = np.arange(6.0)
    >>> fit_linear(2 * x + [0, 1, 0, 0, 1, 0], [x], {}).parameters.round(1).tolist()
    [2.1]
    """
    design, y = np.column_stack(columns), np.asarray(measured, float)
    start = np.linalg.lstsq(design, y, rcond=None)[0]
    return fit_mean(y, lambda p: design @ p, start, shared, rough)


def _kernels(
    count: int, shared: Mapping[str, Shared], rough: Mapping[str, npt.ArrayLike]
) -> dict[str, Array]:
    """For each source which pairs of rows have its noise in common."""
    kernels = {"run": np.eye(count)}
    for name, given in shared.items():
        labels, much = given if isinstance(given, tuple) else (given, None)
        weights = np.ones(count) if much is None else much.to_numpy(float)
        codes = pd.factorize(labels)[0]
        kernels[name] = (codes[:, None] == codes[None, :]) * np.outer(weights, weights)
    for name, rows in rough.items():
        kernels[name] = np.diag(np.asarray(rows, float))
    return kernels


def _check_rank(design: Array) -> None:
    sizes = np.linalg.norm(design, axis=0)
    if not sizes.all() or np.linalg.matrix_rank(design / sizes) < len(sizes):
        raise Undetermined(UNDETERMINED)


@dataclass(frozen=True)
class _State:
    logs: Array
    parameters: Array
    covariance: Array
    slopes: Array
    information: Array


def _reml(target: Array, design: Array, stack: Array, logs: Array | None) -> _State:
    """Variances and parameters of a linear mean."""
    plain = np.linalg.lstsq(design, target, rcond=None)[0]
    scale = np.log(np.mean((target - design @ plain) ** 2) + 1e-30)
    start = np.full(len(stack), scale - 1.5) if logs is None else logs
    bounds = [(scale + SMALLEST, scale + 4)] * len(stack)
    start = np.clip(start, *np.array(bounds).T)
    found = minimize(
        _objective, start, (target, design, stack), "L-BFGS-B", jac=True, bounds=bounds
    )
    _, parts = _parts(found.x, target, design, stack)
    inverse, covariance, projector, parameters = parts
    pushed = covariance @ design.T @ inverse
    slopes = np.stack([pushed @ kernel @ pushed.T for kernel in stack])
    products = [projector @ kernel for kernel in stack]
    information = np.array(
        [[0.5 * np.sum(a * b.T) for b in products] for a in products]
    )
    none = found.x < scale + SMALLEST + 4
    slopes[none] = 0
    information[none, :] = information[:, none] = 0
    return _State(found.x, parameters, covariance, slopes, information)


def _objective(
    logs: Array, target: Array, design: Array, stack: Array
) -> tuple[float, Array]:
    """Minus the restricted log-likelihood, and its slopes."""
    value, (_, _, projector, _) = _parts(logs, target, design, stack)
    seen = projector @ target
    variances = np.exp(logs)
    slopes = [
        0.5 * v * (np.sum(projector * kernel) - seen @ kernel @ seen)
        for v, kernel in zip(variances, stack, strict=True)
    ]
    return value, np.array(slopes)


def _parts(
    logs: Array, target: Array, design: Array, stack: Array
) -> tuple[float, tuple[Array, Array, Array, Array]]:
    whole = np.tensordot(np.exp(logs), stack, axes=1)
    factor = cho_factor(whole, lower=True)
    inverse = cho_solve(factor, np.eye(len(target)))
    crossed = design.T @ inverse
    precision = crossed @ design
    try:
        covariance = np.linalg.inv(precision)
    except np.linalg.LinAlgError as error:
        raise Undetermined(UNDETERMINED) from error
    parameters = covariance @ (crossed @ target)
    projector = inverse - crossed.T @ covariance @ crossed
    logdet = 2 * np.log(np.diag(factor[0])).sum()
    value = logdet + np.linalg.slogdet(precision)[1] + target @ projector @ target
    return 0.5 * float(value), (inverse, covariance, projector, parameters)


def _jacobian(mean: Mean, point: Array) -> Array:
    """Central differences, shape (rows, parameters)."""
    steps = STEP * np.maximum(1.0, np.abs(point))
    columns = [
        (mean(point + step) - mean(point - step)) / (2 * size)
        for size, step in zip(steps, np.diag(steps), strict=True)
    ]
    return np.column_stack(columns)
