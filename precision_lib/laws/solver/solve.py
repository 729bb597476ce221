"""Minimize a robust loss for many starts or replicates at once.

The steps are those of `precision_lib.laws.solver.trust_region`. Problems are in flight
together, as many as the cache holds; those that are done make room for the next.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from precision_lib.laws.solver.box import Mask
from precision_lib.laws.solver.dual import Array
from precision_lib.laws.solver.trust_region import (
    CHUNK,
    Descent,
    Limits,
    Model,
    call,
    iterate,
    losses_of,
)

STEPS = 300  # at most; what has not converged by then is said not to have


def solve(
    model: Model,
    target: Array,
    weight: Array,
    start: Array,
    limits: Limits,
    delta: float,
    above: float = 1.0,
) -> tuple[Array, Array, Mask]:
    """Fit every start (B, K); rows of `target` and `weight` may differ by start.

    Returns coordinates (B, K), the sum of Huber losses there (B,), which is infinite
    where the model is not defined at the start, and whether it is a minimum (B,): where
    it is not, the steps have run out.

    `target`, `weight`: transformed targets and row weights, shape (1, n) or (B, n);
    `delta`: width of the square zone of Huber's loss; `above`: what a residual above
    the law counts, beside 1 for one below it.

    The median, as a fit with a very small zone:

    >>> x = np.array([[1.0, 2.0, 9.0]])
    >>> def model(z):
    ...     return z + 0 * x, np.ones((z.shape[0], 1, 3))
    >>> wide = (np.array([-99.0]), np.array([99.0]))
    >>> z, loss, solved = solve(
    ...     model, x, np.ones((1, 3)), np.array([[5.0]]), wide, 1e-6
    ... )
    >>> z.round(5).tolist(), solved.tolist()
    ([[2.0]], [True])
    """
    batch, n = start.shape[0], target.shape[-1]
    size = max(1, CHUNK // max(n, 1))
    best, losses = start.copy(), np.full(batch, np.inf)
    solved = np.zeros(batch, dtype=bool)

    def load(first: int, count: int) -> Descent:
        part = np.arange(first, min(first + count, batch))
        pick = [a[part] if a.shape[0] > 1 else a for a in (target, weight)]
        rows = [np.broadcast_to(a, (part.size, n)) for a in pick]
        return _begin(model, rows[0], rows[1], start[part], part, delta, above)

    following = size
    state = load(0, size)
    while state.where.size or following < batch:
        room = size - state.where.size
        if following < batch and 2 * room >= size:
            state.join(load(following, room))
            following += room
        if state.where.size:
            good = iterate(model, state, limits, delta)
            done = good | (state.steps >= STEPS)
            if done.any():
                where = state.where[done]
                best[where], solved[where] = state.z[done], good[done]
                losses[where] = losses_of(state, delta)[done]
                state.keep(~done)
    return best, losses, solved


def _begin(
    model: Model,
    target: Array,
    weight: Array,
    start: Array,
    where: NDArray[np.intp],
    delta: float,
    above: float,
) -> Descent:
    """The problems at their starts, without those where the law is not defined."""
    value, jacobian = call(model, start)
    residual = target - value
    typical = np.median(np.abs(residual), axis=-1)
    state = Descent(
        z=start.copy(),
        residual=residual,
        jacobian=jacobian,
        zone=np.maximum(delta, 3 * typical),
        damping=np.ones(len(start)),
        radius=np.ones(len(start)),
        target=target,
        weight=weight,
        above=np.full(len(start), above),
        steps=np.zeros(len(start), dtype=np.intp),
        where=where,
    )
    sound: Any = np.isfinite(residual).all(-1) & np.isfinite(jacobian).all((-1, -2))
    state.keep(sound)
    return state
