"""One step of a trust-region method for a robust loss within bounds.

A step goes to the lowest point of a quadratic model of the loss within the bounds
and a cube around the present point; the cube grows where the model foretells the
loss and shrinks where it does not (Conn, Gould and Toint, Trust-Region Methods,
SIAM 2000, chapter 12). A problem is solved when its projected gradient is zero to
rounding, and in no other way.

Two things make the quadratic model fit for Huber's loss. Rows outside the square
zone, which have no curvature, get a share `damping` of the weight that iteratively
reweighted least squares would give them: this majorizes the loss and, as in
Levenberg's and Marquardt's method, is adapted from step to step. And the zone
starts wide and shrinks to `delta` as the fit settles, so that every step sees
enough rows with curvature (Madsen and Nielsen, SIAM J. Optim. 3, 223, 1993, for
least absolute deviations).

No sum is left to BLAS, so that a table has one fit on every processor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from precision_lib.laws.solver.box import Mask, convex, lowest_in_box, times
from precision_lib.laws.solver.dual import Array
from precision_lib.laws.solver.objective import huber

Model = Callable[[Array], tuple[Array, Array]]  # z (B, K) -> values (B, n), (B, K, n)
Limits = tuple[Array, Array]  # lower and upper bounds, each of shape (K,)

TOLERANCE = 1e-10  # of the projected gradient, as a share of what cancels in it
LAST = 4 * np.finfo(float).eps  # a residual is the difference of two rounded numbers
VISIBLE = 1e-9  # a gain below this share of the loss drowns in its rounding
EXACT = 1e-28  # a mean loss as small as this is zero: the rows lie on the law
SHRINK, SETTLED = 0.2, 1e-2  # of the zone, and the share of the loss still to gain
WIDEST = 4.0  # half the edge of the cube: coordinates are logarithms and shares
PATIENCE = 60  # steps after which the bend of the law is worth its price
NUDGE = 1e-6
CHUNK = 60_000  # numbers in one (B, n) array: small enough for the cache


@dataclass
class Descent:
    """Problems in flight; every array has the problem as its first axis."""

    z: Array
    residual: Array
    jacobian: Array
    zone: Array
    damping: Array
    radius: Array
    target: Array
    weight: Array
    above: Array
    steps: NDArray[np.intp]
    where: NDArray[np.intp]

    def keep(self, mask: Mask) -> None:
        """Drop the problems for which the mask is false."""
        for name, value in vars(self).items():
            setattr(self, name, value[mask])

    def join(self, other: Descent) -> None:
        """Take in the problems of another state."""
        for name, value in vars(other).items():
            setattr(self, name, np.concatenate([getattr(self, name), value]))

    def move(self, accepted: Mask, z: Array, residual: Array, jacobian: Array) -> None:
        """Take the new point where it is accepted."""
        if accepted.all():
            self.z, self.residual, self.jacobian = z, residual, jacobian
            return
        self.z[accepted] = z[accepted]
        self.residual[accepted] = residual[accepted]
        self.jacobian[accepted] = jacobian[accepted]


def tilted(weight: Array, residual: Array, above: Array) -> Array:
    """Weights with those of rows above the law times `above`, shape (B, n).

    A convex loss that need not be symmetric (Newey and Powell, Econometrica 55, 819,
    1987): a share below 1 says that a run may be too high, being undertuned.
    """
    if (above == 1.0).all():
        return weight
    return weight * np.where(residual > 0, above[:, None], 1.0)


def call(model: Model, z: Array) -> tuple[Array, Array]:
    """The model, silent where it is not defined."""
    with np.errstate(all="ignore"):
        return model(z)


def losses_of(state: Descent, zone: Any) -> Array:
    """Sum of Huber losses of each problem, shape (B,)."""
    weight = tilted(state.weight, state.residual, state.above)
    return (weight * huber(state.residual, zone)).sum(-1)


def _slope(jacobian: Array, pull: Array) -> Array:
    """Sum over the rows of what each pulls: minus the gradient, shape (B, K)."""
    return np.einsum("bkn,bn->bk", jacobian, pull)


def _pull(residual: Array, zone: Array, weight: Array) -> Array:
    """Weighted derivative of Huber's loss, shape (B, n)."""
    return np.clip(residual, -zone, zone) * weight


def iterate(model: Model, state: Descent, limits: Limits, delta: float) -> Mask:
    """One step of every problem in flight; says which are solved."""
    state.steps = state.steps + 1
    zone = state.zone[:, None]
    before = losses_of(state, zone)
    weight = tilted(state.weight, state.residual, state.above)
    slope = _slope(state.jacobian, _pull(state.residual, zone, weight))
    hessian = _curvature(model, state, limits)
    step, gain = _step(state, hessian, slope, limits)
    z = np.clip(state.z + step, *limits)
    value, jacobian = call(model, z)
    residual = state.target - value
    weight = tilted(state.weight, residual, state.above)
    with np.errstate(all="ignore"):
        fall = before - (weight * huber(residual, zone)).sum(-1)
        last = (state.weight * (LAST * state.target) ** 2).sum(-1)
        unseen = gain <= VISIBLE * before + last
        small = np.flatnonzero(unseen)
        pull = _pull(residual[small], zone[small], weight[small])
        mean = 0.5 * (slope[small] + _slope(jacobian[small], pull))
        fall[small] = (mean * step[small]).sum(-1)
        finite = np.isfinite(fall) & np.isfinite(jacobian.sum((-1, -2)))
    accepted = finite & (fall >= 0)
    _adapt(state, step, np.where(accepted, fall, -np.inf), gain)
    state.move(accepted, z, residual, jacobian)
    done = np.zeros(len(z), dtype=bool)
    final = state.zone <= delta
    exact = before <= EXACT * state.weight.sum(-1)
    ready = np.flatnonzero(final & (exact | unseen))
    done[ready] = _at_rest(state, ready, limits)
    settled = ~final & (unseen | (gain <= SETTLED * before))
    state.zone = np.where(settled, np.maximum(delta, SHRINK * state.zone), state.zone)
    return done


def _curvature(model: Model, state: Descent, limits: Limits) -> Array:
    """Second derivatives of the quadratic model, shape (B, K, K)."""
    size = np.abs(state.residual)
    zone = np.minimum(state.zone, 1e300)[:, None]  # least squares: all are inside
    curvature = np.where(size <= zone, 1.0, 0.0)
    curvature += zone / np.maximum(size, zone) * state.damping[:, None]
    curvature *= tilted(state.weight, state.residual, state.above)
    jacobian = state.jacobian
    weighted = jacobian * curvature[:, None, :]
    hessian: Array = np.einsum("bkn,bln->bkl", weighted, jacobian)
    diagonal = np.einsum("bkk->bk", hessian)
    diagonal += 1e-13 * diagonal.max(-1, keepdims=True) + 1e-12 * diagonal + 1e-300
    slow = np.flatnonzero(state.steps > PATIENCE)
    at_once = max(1, CHUNK // jacobian[0].size)
    for part in (slow[i : i + at_once] for i in range(0, slow.size, at_once)):
        whole = hessian[part] + _bend(model, state, part, limits)
        better = convex(whole)
        hessian[part[better]] = whole[better]
    return hessian


def _bend(
    model: Model,
    state: Descent,
    chosen: NDArray[np.intp],
    limits: Limits,
) -> Array:
    """What the bend of the law itself adds to the curvature, by differences."""
    z, zone = state.z[chosen], state.zone[chosen, None]
    left, above = state.residual[chosen], state.above[chosen]
    pull = _pull(left, zone, tilted(state.weight[chosen], left, above))
    slope = _slope(state.jacobian[chosen], pull)
    count, free = z.shape
    shift = np.where(z + NUDGE > limits[1], -NUDGE, NUDGE)
    moved = z + shift * np.eye(free)[:, None]  # along each coordinate in turn
    _, jacobian = call(model, moved.reshape(-1, free))
    there = np.einsum("ibkn,bn->bik", jacobian.reshape(free, count, free, -1), pull)
    result: Array = (slope[:, None] - there) / shift[:, :, None]
    result[~np.isfinite(result).all((-1, -2))] = 0.0
    return 0.5 * (result + result.swapaxes(-1, -2))


def _step(
    state: Descent, hessian: Array, slope: Array, limits: Limits
) -> tuple[Array, Array]:
    """The best step within the cube and the bounds, and the gain it promises."""
    low, high = limits
    radius = state.radius[:, None]
    step = lowest_in_box(
        hessian,
        slope,
        np.maximum(low - state.z, -radius),
        np.minimum(high - state.z, radius),
    )
    return step, (step * (slope - 0.5 * times(hessian, step))).sum(-1)


def _adapt(state: Descent, step: Array, fall: Array, gain: Array) -> None:
    """Trust the quadratic model more where it foretold the loss, else less."""
    quality = fall / np.maximum(gain, 1e-300)
    factor = np.where(quality > 0.7, 0.3, np.where(quality > 0.2, 0.7, 3.0))
    factor = np.where(fall < 0, 6.0, factor)
    state.damping = np.clip(state.damping * factor, 1e-9, 1e3)
    length = np.abs(step).max(-1)
    wider = (quality > 0.7) & (length >= 0.99 * state.radius)
    state.radius = np.where(wider, np.minimum(2 * state.radius, WIDEST), state.radius)
    shorter = np.maximum(0.5 * np.minimum(length, state.radius), 1e-9)
    state.radius = np.where(fall < 0, shorter, state.radius)


def _at_rest(state: Descent, chosen: NDArray[np.intp], limits: Limits) -> Mask:
    """Whether the projected gradient of the chosen problems is zero to rounding.

    To rounding: small beside the sum of the absolute values that cancel in it, as
    in MINPACK, or beside what the last digits of the targets make of it; or, where
    the law hardly depends on a coordinate, so small that a unit of it would not
    change the loss (Dennis and Schnabel, Numerical Methods for Unconstrained
    Optimization, 1983, section 7.2).
    """
    low, high = limits
    z, residual = state.z[chosen], state.residual[chosen]
    zone = state.zone[chosen, None]
    weight = tilted(state.weight[chosen], residual, state.above[chosen])
    jacobian, pull = state.jacobian[chosen], _pull(residual, zone, weight)
    loss = (weight * huber(residual, zone)).sum(-1)
    slope = _slope(jacobian, pull)
    outward = ((z <= low) & (slope < 0)) | ((z >= high) & (slope > 0))
    cancel = _slope(np.abs(jacobian), np.abs(pull))
    inside = np.where(np.abs(residual) <= zone, weight, 0.0)
    digits = _slope(np.abs(jacobian), inside * np.abs(state.target[chosen]))
    scale = TOLERANCE * np.maximum(cancel, loss[:, None]) + LAST * digits
    flat = (outward | (np.abs(slope) <= scale)).all(-1)
    return flat | (loss <= EXACT * weight.sum(-1))
