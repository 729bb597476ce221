"""Minimize a robust loss for many starts or replicates at once.

Newton's method on Huber's loss with two safeguards. The curvature of the rows
outside the square zone, which is zero, is replaced by a share ``damping`` of the
weight that iteratively reweighted least squares would give them: this majorizes
the loss and does not care about the choice of coordinates. And the zone starts
wide and shrinks to `delta` as the fit settles, so that every step sees enough
rows with curvature (Madsen and Nielsen, SIAM J. Optim. 3, 223, 1993, for least
absolute deviations). Each problem of the batch has its own damping and zone;
those that are done leave the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from precision_lib.laws.dual import Array
from precision_lib.laws.objective import huber

Model = Callable[[Array], tuple[Array, Array]]  # z (B, K) -> values (B, n), (B, K, n)

CHUNK = 60_000  # numbers in one (B, n) array: small enough for the cache
TOLERANCE = 1e-11
SHRINK = 0.2
FAR, NEAR = 30.0, 1.0


@dataclass
class _State:
    """Problems in flight; every array has the problem as its first axis."""

    z: Array
    residual: Array
    jacobian: Array
    zone: Array
    damping: Array
    target: Array
    weight: Array
    steps: NDArray[np.intp]
    where: NDArray[np.intp]

    def keep(self, mask: NDArray[np.bool_]) -> None:
        """Drop the problems for which the mask is false."""
        for name, value in vars(self).items():
            setattr(self, name, value[mask])

    def join(self, other: _State) -> None:
        """Take in the problems of another state."""
        for name, value in vars(other).items():
            setattr(self, name, np.concatenate([getattr(self, name), value]))

    def move(
        self, accepted: NDArray[np.bool_], z: Array, residual: Array, jacobian: Array
    ) -> None:
        """Take the new point where it is accepted."""
        if accepted.all():
            self.z, self.residual, self.jacobian = z, residual, jacobian
            return
        self.z[accepted] = z[accepted]
        self.residual[accepted] = residual[accepted]
        self.jacobian[accepted] = jacobian[accepted]


def solve(
    model: Model,
    target: Array,
    weight: Array,
    start: Array,
    limits: tuple[Array, Array],
    delta: float,
    damping: float = FAR,
    iterations: int = 300,
) -> tuple[Array, Array]:
    """Fit every start; rows of `target` and `weight` may differ by start.

    Parameters
    ----------
    model
        Transformed predictions and their Jacobian at coordinates (B, K).
    target, weight
        Shape (1, n) or (B, n): transformed targets and row weights.
    start
        Coordinates (B, K).
    limits
        Lower and upper bounds (K,).
    delta
        Width of the square zone of Huber's loss.
    damping
        To begin with: `FAR` from a random start, `NEAR` from another table's fit.

    Returns
    -------
    coordinates (B, K), and the minimized sum of Huber losses (B,), which is
    infinite where the model is not defined at the start.

    Examples
    --------
    The median, as a fit with a very small zone:

    >>> x = np.array([[1.0, 2.0, 9.0]])
    >>> def model(z):
    ...     return z + 0 * x, np.ones((z.shape[0], 1, 3))
    >>> wide = (np.array([-99.0]), np.array([99.0]))
    >>> z, loss = solve(model, x, np.ones((1, 3)), np.array([[5.0]]), wide, 1e-6)
    >>> z.round(5).tolist()
    [[2.0]]
    """
    batch, n = start.shape[0], target.shape[-1]
    size = max(1, CHUNK // max(n, 1))
    best, losses = start.copy(), np.full(batch, np.inf)

    def load(first: int, count: int) -> _State:
        part = np.arange(first, min(first + count, batch))
        pick = [a[part] if a.shape[0] > 1 else a for a in (target, weight)]
        rows = [np.broadcast_to(a, (part.size, n)) for a in pick]
        return _begin(model, rows[0], rows[1], start[part], part, delta, damping)

    following = size
    state = load(0, size)
    while state.where.size or following < batch:
        room = size - state.where.size
        if following < batch and 2 * room >= size:
            state.join(load(following, room))
            following += room
        if state.where.size:
            done = _iterate(model, state, limits, delta) | (state.steps >= iterations)
            if done.any():
                _store(state, done, best, losses, delta)
                state.keep(~done)
    return best, losses


def _begin(
    model: Model,
    target: Array,
    weight: Array,
    start: Array,
    where: NDArray[np.intp],
    delta: float,
    damping: float,
) -> _State:
    """The problems at their starts, without those where the law is not defined."""
    value, jacobian = _call(model, start)
    residual = target - value
    typical = np.median(np.abs(residual), axis=-1)
    state = _State(
        z=start.copy(),
        residual=residual,
        jacobian=jacobian,
        zone=np.maximum(delta, 3 * typical),
        damping=np.full(len(start), damping),
        target=target,
        weight=weight,
        steps=np.zeros(len(start), dtype=np.intp),
        where=where,
    )
    sound: Any = np.isfinite(residual).all(-1) & np.isfinite(jacobian).all((-1, -2))
    state.keep(sound)
    return state


def _store(
    state: _State, done: Any, result: Array, losses: Array, delta: float
) -> None:
    where = state.where[done]
    result[where] = state.z[done]
    losses[where] = (state.weight[done] * huber(state.residual[done], delta)).sum(-1)


def _call(model: Model, z: Array) -> tuple[Array, Array]:
    with np.errstate(all="ignore"):
        return model(z)


def _iterate(
    model: Model, state: _State, limits: tuple[Array, Array], delta: float
) -> NDArray[np.bool_]:
    """One step of every problem in flight; says which have converged."""
    state.steps = state.steps + 1
    zone = state.zone[:, None]
    before = (state.weight * huber(state.residual, zone)).sum(-1)
    step, gain = _step(state, limits)
    z = np.clip(state.z + step, *limits)
    value, jacobian = _call(model, z)
    residual = state.target - value
    with np.errstate(invalid="ignore", over="ignore"):
        after = (state.weight * huber(residual, zone)).sum(-1)
        finite = np.isfinite(after) & np.isfinite(jacobian.sum((-1, -2)))
    after = np.where(finite, after, np.inf)
    accepted = after <= before
    quality = (before - after) / np.maximum(gain, 1e-300)
    factor = np.where(quality > 0.7, 0.3, np.where(quality > 0.2, 0.7, 3.0))
    factor = np.where(accepted, factor, 6.0)
    state.damping = np.clip(state.damping * factor, 1e-9, 1e12)
    state.move(accepted, z, residual, jacobian)
    scale = np.maximum(before, 1e-300)
    stuck = (state.damping >= 1e10) | (before <= 1e-28 * state.weight.sum(-1))
    small = gain <= TOLERANCE * scale
    final = state.zone <= delta
    done: NDArray[np.bool_] = final & (small | stuck)
    settled = ~final & ((gain <= 1e-2 * scale) | stuck)
    state.zone = np.where(settled, np.maximum(delta, SHRINK * state.zone), state.zone)
    state.damping = np.where(settled, np.minimum(state.damping, 1.0), state.damping)
    return done


def _step(state: _State, limits: tuple[Array, Array]) -> tuple[Array, Array]:
    """The damped Newton step and the gain that its model promises."""
    size = np.abs(state.residual)
    zone = np.minimum(state.zone, 1e300)[:, None]  # least squares: all are inside
    share = zone / np.maximum(size, zone)
    curvature = share * state.damping[:, None]
    curvature += size <= zone
    curvature *= state.weight
    jacobian = state.jacobian
    slope = state.residual * share * state.weight
    gradient = np.matmul(jacobian, slope[..., None])[..., 0]
    hessian = np.matmul(jacobian * curvature[:, None, :], jacobian.swapaxes(-1, -2))
    low, high = limits
    outward = (state.z <= low) & (gradient < 0) | (state.z >= high) & (gradient > 0)
    gradient = np.where(outward, 0.0, gradient)
    hessian = np.where(outward[:, :, None] | outward[:, None, :], 0.0, hessian)
    diagonal = np.einsum("bkk->bk", hessian)
    ridge = 1e-13 * diagonal.max(-1, keepdims=True) + 1e-12 * diagonal + 1e-300
    diagonal += np.where(outward, 1.0, ridge)
    step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
    return step, 0.5 * np.abs((gradient * step).sum(-1))
