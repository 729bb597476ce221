"""A law on a table: everything that the solver, the bootstrap and the profile need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from precision_lib.laws.law import Law
from precision_lib.laws.solver.box import Mask
from precision_lib.laws.solver.dual import Array, Dual
from precision_lib.laws.solver.objective import Objective
from precision_lib.laws.solver.rows import Rows
from precision_lib.laws.solver.solve import solve
from precision_lib.laws.solver.space import Space, arguments

ROWS_AT_ONCE = 200_000  # for the sake of memory
LAD_ZONE = 1e-7  # share of the typical residual within which |r| is rounded off


@dataclass(frozen=True)
class Problem:
    """One law on one table with one objective."""

    law: type[Law]
    rows: Rows
    target: Array  #: the column that the law predicts, in its own unit, shape (n,)
    weight: Array  #: weight of each row in the objective, shape (n,)
    objective: Objective
    space: Space

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.target.size)

    def model(self, z: Array) -> tuple[Array, Array]:
        """Transformed predictions (B, n) and their Jacobian (B, K, n)."""
        if self.n > ROWS_AT_ONCE:
            starts = range(0, self.n, ROWS_AT_ONCE)
            parts = [self.subset(slice(i, i + ROWS_AT_ONCE)).model(z) for i in starts]
            values, slopes = zip(*parts, strict=True)
            return np.concatenate(values, axis=-1), np.concatenate(slopes, axis=-1)
        inputs = arguments(self.law, self.rows, self.space.scalars(z, gradient=True))
        found = self.objective.transform(self.law.predict(**inputs))
        shape = (z.shape[0], self.n)
        jacobian = np.zeros((z.shape[0], z.shape[1], self.n))
        if not isinstance(found, Dual):
            return np.broadcast_to(found, shape), jacobian
        for k, part in found.parts.items():
            jacobian[:, k] = part
        return np.broadcast_to(found.value, shape), jacobian

    def solve(
        self,
        start: Array,
        weight: Array | None = None,
        goal: Array | None = None,
    ) -> tuple[Array, Array, Mask]:
        """Minimize from every start; see `precision_lib.laws.solver.solve.solve`.

        Returns coordinates (B, K), objectives (B,), and which are minima (B,).

        `start`: coordinates (B, K); `weight`: row weights (B, n) of each problem; the
        problem's own without it; `goal`: transformed targets (B, n) of each problem;
        the table's without it.
        """
        if goal is None:
            goal = self.objective.transform(self.target)[None, :]
        weight = self.weight[None, :] if weight is None else weight
        zone = self.zone(goal)
        z, losses, solved = solve(
            self.model, goal, weight, start, self.space.limits(), zone,
            self.objective.above,
        )  # fmt: skip
        if self.objective.loss == "lad":
            losses = np.where(
                np.isfinite(losses), self._absolute(z, weight, goal), losses
            )
        return z, losses, solved

    def _absolute(self, z: Array, weight: Array, goal: Array) -> Array:
        """Sum of absolute residuals; the solver rounds its corner off."""
        with np.errstate(all="ignore"):
            inputs = arguments(self.law, self.rows, self.space.scalars(z))
            left = goal - self.objective.transform(self.law.predict(**inputs))
            size = self.objective.rho(left)
        return (weight * size).sum(-1)

    def zone(self, goal: Array) -> float:
        """Width of the square zone for the solver."""
        if self.objective.loss == "huber":
            return self.objective.delta
        if self.objective.loss == "ls":
            return float("inf")
        return LAD_ZONE * max(float(np.std(goal)), 1e-12)

    def residuals(self, z: Array) -> Array:
        """Transformed target minus transformed prediction at one point (K,)."""
        value, _ = self.model(z[None, :])
        return self.objective.transform(self.target) - value[0]

    def params(self, z: Array) -> dict[str, float]:
        """Parameters of the law at one point (K,)."""
        return {k: float(np.ravel(v)[0]) for k, v in self.space.scalars(z).items()}

    def subset(self, chosen: NDArray[Any] | slice) -> Problem:
        """The same problem on some of the rows, in the same coordinates."""
        rows = Rows(
            {name: values[chosen] for name, values in self.rows.columns.items()},
            {name: codes[chosen] for name, codes in self.rows.codes.items()},
            self.rows.levels,
            len(self.target[chosen]),
        )
        return replace(
            self, rows=rows, target=self.target[chosen], weight=self.weight[chosen]
        )

    def on_scale(self, **changes: Any) -> Problem:
        """The same problem with another objective."""
        return replace(self, objective=replace(self.objective, **changes))


def predict_rows(law: type[Law], rows: Rows, params: Mapping[str, Any]) -> Array:
    """Predictions of a law; parameters of shape (R, 1) give shape (R, n).

    >>> from precision_lib.laws import get_law
    >>> from precision_lib.laws.solver.rows import read_rows
    >>> law = get_law("ouyang")
    >>> rows = read_rows({"N": [4.0], "D": [9.0], "post_bits": [2.0]}, law)
    >>> given = {"k": 2.0, "beta": 0.5, "alpha": 0.5, "gamma": 1.0}
    >>> predict_rows(law, rows, given).tolist()
    [1.5]
    """
    with np.errstate(all="ignore"):
        found = law.predict(**arguments(law, rows, params))
    shape = np.broadcast_shapes(np.shape(found), (rows.n,))
    return np.broadcast_to(np.asarray(found, dtype=float), shape)
