"""What a fit found, what to distrust in it, and its life as a JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np

from precision_lib.errors import UserError
from precision_lib.laws.law import Law
from precision_lib.laws.registry import get_law
from precision_lib.laws.solver.dual import Array
from precision_lib.laws.solver.objective import Objective
from precision_lib.laws.solver.problem import Problem, predict_rows
from precision_lib.laws.solver.rows import Rows, Table, read_rows
from precision_lib.laws.solver.starts import doubts

# What a file has of a fit, besides its settings; older files lack the one or other.
FOUND = (
    "n", "params", "objective", "r2", "share_at_best", "converged", "ci", "warnings",
    "misfits", "tried", "starts",
)  # fmt: skip
GIVEN = ("fixed", "tied", "at_bound", "unidentified", "scatter", "ranges", "levels")


@dataclass(frozen=True)
class Fit:
    """A fitted law."""

    law: type[Law]  #: the class of the law
    #: Every parameter, fitted, held or tied, in the law's own units
    params: dict[str, float]
    objective: float  #: the minimized sum of losses
    settings: Objective  #: loss, its delta, the scale of the residuals and its floor
    n: int  #: rows fitted
    #: ``1 - sum w (y - yhat)^2 / sum w (y - mean y)^2`` in the unit of the target
    #: (nats), not on the scale of the residuals
    r2: float
    #: Share of the random starts that reached the objective to one part in 1e6
    share_at_best: float
    #: Whether the fit is a minimum, judged by the slope of the objective within the
    #: bounds
    converged: bool = True
    starts: int = 0
    fixed: dict[str, float] = field(default_factory=dict)
    tied: dict[str, str] = field(default_factory=dict)
    at_bound: tuple[str, ...] = ()  #: parameters that ran to a bound
    #: Parameters that the data do not determine one by one
    unidentified: tuple[str, ...] = ()
    #: Standard deviation of a run around the law, on the scale of the residuals, such
    #: that 95% of the fitted rows lie within 1.96 of it; NaN where nobody knows
    scatter: float = float("nan")
    warnings: tuple[str, ...] = ()  #: what to distrust, in sentences
    #: Directions in which the law misses its own table, in sentences; empty until
    #: `precision_lib.laws.rivals.judged` has looked
    misfits: tuple[str, ...] = ()
    #: How other laws predict left-out runs, in a sentence; empty until then
    tried: str = ""
    #: Fits of other laws that predict left-out runs as well, with replicates
    ties: tuple[Fit, ...] = field(default=(), repr=False)
    #: Interval of each parameter, once a bootstrap was attached
    ci: dict[str, tuple[float, float]] = field(default_factory=dict)
    #: Bootstrap values of the parameters by name, each of shape (R,)
    replicates: dict[str, Array] = field(default_factory=dict)
    #: Lowest and highest value fitted, by column: outside is extrapolation. Under FLOP
    #: the cost of the runs, 6 N D.
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    #: Names seen in each column of names
    levels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: The table and the coordinates; None for a fit read from a file
    problem: Problem | None = field(default=None, repr=False, compare=False)
    #: Coordinates of the optimum within `problem`
    z: Array | None = field(default=None, repr=False, compare=False)
    #: Coordinates of other minima that are nearly as low, shape (M, K)
    rivals: Array | None = field(default=None, repr=False, compare=False)

    @property
    def doubts(self) -> tuple[str, ...]:
        """What makes every number of the fit doubtful."""
        return (*self.misfits, *doubts(self.converged, self.share_at_best))

    def predict(self, table: Table) -> Array:
        """Predicted target of each row of a table, in its own unit.

        Raises UserError if the table lacks a column, or holds a name that the fit has
        not seen.

        >>> from precision_lib.laws import example_fit
        >>> example_fit().predict({"N": [1e6], "D": [1e8]}).round(2).tolist()
        [7.81]
        """
        return predict_rows(self.law, self._rows(table), self.params)

    def predict_replicates(self, table: Table, most: int | None = None) -> Array:
        """Predictions of every bootstrap replicate, or the first ones, shape (R, n).

        Raises UserError if the fit carries no replicates.
        """
        if not self.replicates:
            raise UserError("this fit has no replicates; run bootstrap first.")
        params = {name: x[:most, None] for name, x in self.replicates.items()}
        return predict_rows(self.law, self._rows(table), params)

    def _rows(self, table: Table) -> Rows:
        return read_rows(table, self.law, self.levels)

    def extrapolates(self, table: Table) -> tuple[str, ...]:
        """Columns in which the table leaves the range that was fitted."""
        rows = self._rows(table)
        return tuple(
            name
            for name, values in rows.columns.items()
            if name in self.ranges and _outside(values, self.ranges[name])
        )

    def with_bootstrap(
        self, boot: Any, level: float = 0.95, method: str = "percentile"
    ) -> Fit:
        """The same fit with the replicates and intervals of a bootstrap.

        >>> from precision_lib.laws import bootstrap, example_fit
        >>> fit = example_fit()
        >>> sorted(fit.with_bootstrap(bootstrap(fit, replicates=50)).ci)
        ['A', 'B', 'E', 'alpha', 'beta']
        """
        ci = {name: boot.interval(name, method, level) for name in self.params}
        told = (*self.warnings, *boot.warnings)
        return replace(self, ci=ci, replicates=dict(boot.params), warnings=told)

    def to_json(self, replicates: bool = True) -> str:
        """The fit as JSON, enough to rebuild all but the table.

        >>> from precision_lib.laws import example_fit
        >>> fit = example_fit()
        >>> Fit.from_json(fit.to_json()).params == fit.params
        True
        """
        record: dict[str, Any] = {
            "law": self.law.name,
            "formula": self.law.formula,
            **{name: getattr(self, name) for name in FOUND},
            **asdict(self.settings),
            **{name: getattr(self, name) for name in GIVEN},
        }
        if replicates and self.replicates:
            record["replicates"] = {k: v.tolist() for k, v in self.replicates.items()}
            record["ties"] = [json.loads(tie.to_json()) for tie in self.ties]
        return json.dumps(record, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Fit:
        """Rebuild a fit from `to_json`; it has no table, so it cannot be bootstrapped.

        Raises UserError if the text is not such JSON, or names a law that is not
        registered.
        """
        try:
            record = json.loads(text)
            saved = {name: record[name] for name in (*FOUND, *GIVEN) if name in record}
            settings = {
                f.name: record.get(f.name, f.default) for f in fields(Objective)
            }
            ties = tuple(cls.from_json(json.dumps(t)) for t in record.get("ties", ()))
            drawn = {
                k: np.array(v, float) for k, v in record.get("replicates", {}).items()
            }
            return cls(
                law=get_law(record["law"]),
                settings=Objective(**settings),
                ties=ties,
                replicates=drawn,
                **_tuples(saved),
            )
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"this is not the JSON of a fit ({type(error).__name__}: {error}); "
                "give a file written by `fit --out`."
            ) from None


def _outside(values: Array, limits: tuple[float, float]) -> bool:
    return bool(values.min() < limits[0] or values.max() > limits[1])


def _tuples(value: Any) -> Any:
    """Lists as the tuples that they were before they were JSON."""
    if isinstance(value, dict):
        return {key: _tuples(each) for key, each in value.items()}
    return tuple(value) if isinstance(value, list) else value
