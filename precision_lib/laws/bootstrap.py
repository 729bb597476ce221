"""How far the fit would move on another table of runs: the bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from precision_lib.errors import UserError
from precision_lib.laws.intervals import Method, bca, percentile
from precision_lib.laws.resample import (
    draw_counts,
    few,
    fitted,
    grouped,
    named,
    refit,
    refits_without,
    spread_residuals,
)
from precision_lib.laws.result import Fit
from precision_lib.laws.solver.box import Mask
from precision_lib.laws.solver.dual import Array
from precision_lib.laws.solver.problem import predict_rows
from precision_lib.laws.solver.rows import Rows, Table, read_rows

FEW_CLUSTERS = 15
LARGEST = 10_000_000_000  # rows times replicates: hours of work

Kind = Literal["pairs", "residual", "cluster"]


@dataclass(frozen=True)
class Bootstrap:
    """Refits of one law to resampled tables."""

    fit: Fit  #: the fit of the whole table
    kind: Kind  #: how tables were resampled
    params: dict[str, Array]  #: parameters by name, each of shape (R,)
    objective: Array  #: minimized objective of each refit, shape (R,)
    #: Parameters by name of the refits without one row (or cluster) each, for the
    #: acceleration of BCa; empty for the residual bootstrap
    left_out: dict[str, Array]
    converged: Mask  #: whether each refit is a minimum, shape (R,)
    warnings: tuple[str, ...] = ()  #: what to distrust, in sentences

    def interval(
        self, name: str, method: Method = "percentile", level: float = 0.95
    ) -> tuple[float, float]:
        """Confidence interval of one parameter.

        Raises UserError if there is no such parameter, or the method or level is
        unknown.

        >>> from precision_lib.laws import bootstrap, example_fit
        >>> low, high = bootstrap(example_fit(), replicates=200).interval("E")
        >>> low < 1.8 < high
        True
        """
        if name not in self.params:
            raise UserError(
                f"there is no parameter {name!r}; there are {', '.join(self.params)}."
            )
        return self._interval(
            self.params[name], self.fit.params[name], self.left_out.get(name),
            method, level,
        )  # fmt: skip

    def predict_interval(
        self,
        table: Table,
        level: float = 0.95,
        new_run: bool = True,
        method: Method = "percentile",
        seed: int = 0,
    ) -> tuple[Array, Array]:
        """Interval of the prediction for each row of a table.

        Returns lower and upper ends, each of shape (rows,).

        Raises UserError if BCa is asked for a new run, or the table lacks a column.

        `new_run`: include the scatter of a single new run (a prediction interval, by
        percentile); without it, the interval of the law's curve; `method`, `level`,
        `seed`: of the interval; the seed draws the scatter.

        >>> from precision_lib.laws import bootstrap, example_fit
        >>> boot = bootstrap(example_fit(), replicates=200)
        >>> low, high = boot.predict_interval({"N": [1e8], "D": [1e10]})
        >>> bool(2.8 < low[0] < high[0] < 3.0)
        True
        """
        if new_run and method != "percentile":
            raise UserError("the interval of a new run is by percentile only.")
        rows = read_rows(table, self.fit.law, self.fit.levels)
        draws = self._curves(rows, self.params)
        if new_run:
            draws = self._scatter(draws, seed)
        point = predict_rows(self.fit.law, rows, self.fit.params)
        without = self._curves(rows, self.left_out) if self.left_out else None
        ends = np.array(
            [
                self._interval(
                    draws[:, row],
                    float(point[row]),
                    None if without is None else without[:, row],
                    method,
                    level,
                )  # fmt: skip
                for row in range(rows.n)
            ]
        ).reshape(-1, 2)
        return ends[:, 0], ends[:, 1]

    def _curves(self, rows: Rows, params: dict[str, Array]) -> Array:
        columns = {name: values[:, None] for name, values in params.items()}
        return predict_rows(self.fit.law, rows, columns)

    def _scatter(self, draws: Array, seed: int) -> Array:
        problem, minima = fitted(self.fit)
        residuals = spread_residuals(problem, minima)
        generator = np.random.default_rng(seed)
        objective = problem.objective
        picked = generator.choice(residuals, size=draws.shape)
        return objective.inverse(objective.transform(draws) + picked)

    def _interval(
        self, draws: Array, point: float, left_out: Array | None,
        method: Method, level: float,
    ) -> tuple[float, float]:  # fmt: skip
        if not 0 < level < 1:
            raise UserError(f"level is {level}; give a number between 0 and 1.")
        if method == "percentile":
            return percentile(draws, level)
        if method == "bca":
            return bca(draws, point, left_out, level)
        raise UserError(f"method {method!r} is unknown; use percentile or bca.")


def bootstrap(
    fit: Fit,
    kind: Kind = "pairs",
    replicates: int = 1000,
    seed: int = 0,
    by: Any = None,
) -> Bootstrap:
    """Refit a law to resampled tables, all at once.

    Raises UserError if the fit has no table, or the options do not allow the draws.

    `kind`: ``"residual"`` adds residuals of left-out rows to the fitted curve: right
    for a fixed design with alike noise, and closest to the nominal coverage on few
    rows. ``"pairs"`` draws rows: right where the noise differs from row to row, with
    percentile intervals that are too long on a few dozen rows. ``"cluster"`` draws
    whole groups of rows that share a value of `by`: right where rows share an error, as
    the PTQ rows of one run or the runs of one seed. benchmarks/coverage_laws.py
    measures all of them. `by`: for ``"cluster"``, one value a row.

    >>> from precision_lib.laws import example_fit
    >>> bootstrap(example_fit(), replicates=100).params["alpha"].shape
    (100,)
    """
    problem, minima = fitted(fit)
    if int(replicates) != replicates or replicates < 2:
        raise UserError(f"replicates is {replicates}; give a whole number above 1.")
    replicates = int(replicates)
    if replicates * problem.n > LARGEST:
        raise UserError(
            f"{replicates} replicates of {problem.n} rows are too many; ask for at "
            f"most {max(LARGEST // problem.n, 2)}."
        )
    generator = np.random.default_rng(seed)
    clusters: int | None = None
    left_out: dict[str, Array] = {}
    if kind == "residual":
        residuals = spread_residuals(problem, minima)

        def draw(count: int) -> dict[str, Array]:
            picked = generator.choice(residuals, size=(count, problem.n))
            return {"goal": problem.model(minima[:1])[0] + picked}

    else:
        groups = grouped(problem, kind, by)
        clusters = int(groups.max()) + 1 if kind == "cluster" else None

        def draw(count: int) -> dict[str, Array]:
            return {"weight": draw_counts(groups, count, generator) * problem.weight}

        left_out = named(problem, refits_without(problem, minima, few(groups)))
    z, objective, converged = refit(problem, minima, replicates, draw)
    told = _warnings(clusters, converged)
    return Bootstrap(fit, kind, named(problem, z), objective, left_out, converged, told)


def _warnings(clusters: int | None, converged: Mask) -> tuple[str, ...]:
    sentences = []
    if clusters is not None and clusters < FEW_CLUSTERS:
        sentences.append(
            f"{clusters} clusters are few: the cluster bootstrap gives intervals that "
            "are too short."
        )
    if bad := int((~converged).sum()):
        sentences.append(
            f"{bad} of the {converged.size} refits for the intervals did not converge."
        )
    return tuple(sentences)
