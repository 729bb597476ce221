"""How far the fit would move on another table of runs: the bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from precision_lib.errors import UserError
from precision_lib.laws.dual import Array
from precision_lib.laws.intervals import Method, bca, percentile
from precision_lib.laws.problem import Problem, predict_rows
from precision_lib.laws.result import Fit
from precision_lib.laws.rows import Rows, Table, level_name, read_rows

FOLDS = 200  # refits without a part of the rows, at most
FEW_CLUSTERS = 15

Kind = Literal["pairs", "residual", "cluster"]


@dataclass(frozen=True)
class Bootstrap:
    """Refits of one law to resampled tables.

    Attributes
    ----------
    fit
        The fit of the whole table.
    kind
        How tables were resampled.
    params
        Parameters by name, each of shape (R,).
    objective
        Minimized objective of each refit, shape (R,).
    left_out
        Parameters by name of the refits without one row (or cluster) each, for
        the acceleration of BCa; empty for the residual bootstrap.
    warnings
        What to distrust, in sentences.
    """

    fit: Fit
    kind: Kind
    params: dict[str, Array]
    objective: Array
    left_out: dict[str, Array]
    warnings: tuple[str, ...] = ()

    def interval(
        self, name: str, method: Method = "percentile", level: float = 0.95
    ) -> tuple[float, float]:
        """Confidence interval of one parameter.

        Raises
        ------
        UserError
            There is no such parameter, or the method or level is unknown.

        Examples
        --------
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

        Parameters
        ----------
        new_run
            Include the scatter of a single new run (a prediction interval, by
            percentile); without it, the interval of the law's curve.
        method, level, seed
            Of the interval; the seed draws the scatter.

        Returns
        -------
        lower and upper ends, each of shape (rows,)

        Raises
        ------
        UserError
            BCa is asked for a new run, or the table lacks a column.

        Examples
        --------
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
                )
                for row in range(rows.n)
            ]
        ).reshape(-1, 2)
        return ends[:, 0], ends[:, 1]

    def _curves(self, rows: Rows, params: dict[str, Array]) -> Array:
        columns = {name: values[:, None] for name, values in params.items()}
        return predict_rows(self.fit.law, rows, columns)

    def _scatter(self, draws: Array, seed: int) -> Array:
        problem, z = _fitted(self.fit)
        residuals = spread_residuals(problem, z)
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

    Parameters
    ----------
    fit
        From `precision_lib.laws.fit`, not from a file.
    kind
        ``"pairs"`` draws rows; ``"cluster"`` draws whole groups of rows that share a
        value of `by`; ``"residual"`` adds drawn residuals to the fitted curve.
    replicates, seed
        How many tables, and the seed of the draws.
    by
        For ``"cluster"``: one value a row.

    Raises
    ------
    UserError
        The fit has no table, or the options do not allow the draws.

    Examples
    --------
    >>> from precision_lib.laws import example_fit
    >>> bootstrap(example_fit(), replicates=100).params["alpha"].shape
    (100,)
    """
    problem, z = _fitted(fit)
    if int(replicates) != replicates or replicates < 2:
        raise UserError(f"replicates is {replicates}; give a whole number above 1.")
    generator = np.random.default_rng(seed)
    if kind == "residual":
        goal = _new_targets(problem, z, int(replicates), generator)
        found, objective = problem.solve(
            _repeat(z, int(replicates)), goal=goal, near=True
        )
        return Bootstrap(fit, kind, _named(problem, found), objective, {})
    groups = _groups(problem, kind, by)
    counts = _draw(groups, int(replicates), generator)
    found, objective = problem.solve(
        _repeat(z, int(replicates)), weight=counts * problem.weight, near=True
    )
    without = _refits_without(problem, z, _few(groups))
    return Bootstrap(
        fit,
        kind,
        _named(problem, found),
        objective,
        _named(problem, without),
        _warnings(kind, int(groups.max()) + 1),
    )


def _warnings(kind: str, groups: int) -> tuple[str, ...]:
    if kind == "cluster" and groups < FEW_CLUSTERS:
        return (
            f"{groups} clusters are few: the cluster bootstrap gives intervals that "
            "are too short.",
        )
    return ()


def _fitted(fit: Fit) -> tuple[Problem, Array]:
    if fit.problem is None or fit.z is None:
        raise UserError("this fit came from a file without its table; fit again.")
    return fit.problem, fit.z


def _repeat(z: Array, count: int) -> Array:
    return np.repeat(z[None, :], count, axis=0)


def _named(problem: Problem, z: Array) -> dict[str, Array]:
    scalars = problem.space.scalars(z)
    shape = (z.shape[0],)
    return {
        name: np.broadcast_to(np.ravel(value), shape).copy()
        for name, value in scalars.items()
    }


def _groups(problem: Problem, kind: str, by: Any) -> Any:
    if kind == "pairs":
        return np.arange(problem.n)
    if kind != "cluster":
        raise UserError(f"kind {kind!r} is unknown; use pairs, residual or cluster.")
    values = np.ravel(np.asarray(by, dtype=object))
    if by is None or values.size != problem.n:
        raise UserError(
            f"the cluster bootstrap needs `by` with one value for each of the "
            f"{problem.n} rows."
        )
    groups = np.unique([level_name(v) for v in values], return_inverse=True)[1]
    if groups.max() < 1:
        raise UserError("`by` is the same in every row; there is nothing to draw.")
    return groups


def _draw(groups: Any, replicates: int, generator: np.random.Generator) -> Array:
    count = int(groups.max()) + 1
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=replicates)
    result: Array = drawn[:, groups].astype(float)
    return result


def _few(groups: Any) -> Any:
    """The groups themselves, or `FOLDS` groups of groups where they are many."""
    count = int(groups.max()) + 1
    if count <= FOLDS:
        return groups
    return np.random.default_rng(0).permutation(count)[groups] % FOLDS


def _refits_without(problem: Problem, z: Array, groups: Any) -> Array:
    """Coordinates of the refits without one group of rows each."""
    left = (groups != np.arange(groups.max() + 1)[:, None]).astype(float)
    found, _ = problem.solve(
        _repeat(z, len(left)), weight=left * problem.weight, near=True
    )
    return found


def spread_residuals(problem: Problem, z: Array) -> Array:
    """Residual of each row from the fit without that row, centred.

    Residuals of the fit itself are too small, and a robust fit runs through some
    rows exactly: intervals drawn from them cover too little.

    Examples
    --------
    >>> from precision_lib.laws import example_fit
    >>> fit = example_fit()
    >>> round(float(spread_residuals(fit.problem, fit.z).std()), 4)
    0.003
    """
    groups = _few(np.arange(problem.n))
    without = _refits_without(problem, z, groups)
    goal = problem.objective.transform(problem.target)
    residuals = np.empty(problem.n)
    for group, at in enumerate(without):
        rows = groups == group
        value, _ = problem.model(at[None, :])
        residuals[rows] = (goal - value[0])[rows]
    residuals = np.where(np.isfinite(residuals), residuals, problem.residuals(z))
    result: Array = residuals - np.median(residuals)
    return result


def _new_targets(
    problem: Problem, z: Array, replicates: int, generator: np.random.Generator
) -> Array:
    value, _ = problem.model(z[None, :])
    residuals = spread_residuals(problem, z)
    goal: Array = value + generator.choice(residuals, size=(replicates, problem.n))
    return goal
