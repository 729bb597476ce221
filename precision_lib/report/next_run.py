"""The run that would say most: which one narrows an interval the most.

The bootstrap already says how a quantity of interest moves with the prediction
of a run that was never made: over the replicates both vary together. To learn
that run's loss, up to the scatter ``s`` of one run, leaves of the variance of
the quantity the share ``1 - cov(q, y)^2 / (var(q) (var(y) + s^2))``, as for
jointly normal numbers (the value of a point in Bayesian experimental design;
Chaloner and Verdinelli, Statistical Science 10, 273, 1995).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from precision_lib.errors import UserError
from precision_lib.intake.cells import LABELS
from precision_lib.laws import Fit
from precision_lib.laws.diagnose import noise
from precision_lib.laws.dual import Array

REACH = 4.0  # how far beyond the table's sizes and tokens a run is looked for
STEPS = 13
MOST_LEVELS = 12
CLIP = 1.0  # percent of the replicates at either end that are pulled in


@dataclass(frozen=True)
class NextRun:
    """A run to make next.

    Attributes
    ----------
    quantity : str
        What it is chosen for.
    run : dict of str to float or str
        The run, by column of the law.
    left : float
        Length of the interval after it, as a share of the present one.
    same : float
        The same share for one more run like the one nearest the middle of the
        table, to compare with.

    Examples
    --------
    >>> NextRun("alpha", {"N": 1e8, "D": 1e10}, 0.7, 0.95).left
    0.7
    """

    quantity: str
    run: dict[str, float | str]
    left: float
    same: float


def next_run(fit: Fit, draws: Array, quantity: str) -> NextRun:
    """The run, no dearer than the dearest in the table, that narrows most.

    Raises UserError: the fit has no table or no replicates, or the quantity does not
    vary.

    `fit`: with replicates and its table; `draws`: the quantity under each replicate
    (shape (R,)); `quantity`: its name.

    >>> from precision_lib.laws import bootstrap, example_fit
    >>> fit = example_fit()
    >>> fit = fit.with_bootstrap(bootstrap(fit, "residual", 300))
    >>> found = next_run(fit, fit.replicates["E"], "E")
    >>> found.left < found.same <= 1
    True
    """
    if fit.problem is None or fit.z is None:
        raise UserError("this fit came from a file without its table; fit again.")
    columns = dict(fit.problem.rows.columns)
    names: dict[str, tuple[str, ...]] = {k: fit.levels[k] for k in fit.levels}
    table = candidates(columns, names)
    left = shares_left(fit, draws, table)
    if not np.isfinite(left).any():
        raise UserError(f"{quantity} does not vary between resampled tables.")
    best = int(np.nanargmin(left))
    middle = {
        name: names[name][int(np.median(values))]
        if name in names
        else float(np.exp(np.median(np.log(values))))
        for name, values in columns.items()
    }
    same = float(shares_left(fit, draws, pd.DataFrame([middle]))[0])
    run = {str(name): value for name, value in table.iloc[best].to_dict().items()}
    return NextRun(quantity, run, float(left[best]), same)


def candidates(
    columns: dict[str, Array], names: dict[str, tuple[str, ...]]
) -> pd.DataFrame:
    """Runs that could be made next, none with more N times D than the table has.

    >>> columns = {"N": np.array([1e6, 1e7]), "D": np.array([1e9, 1e9])}
    >>> table = candidates(columns, {})
    >>> bool((table["N"] * table["D"] <= 1.01e16).all())
    True
    """
    choices: dict[str, list[float] | list[str]] = {}
    for name, values in columns.items():
        if name in names or name in LABELS:
            choices[name] = list(names[name])
        elif name in ("N", "D"):
            low, high = values.min() / REACH, values.max() * REACH
            choices[name] = np.geomspace(low, high, STEPS).tolist()
        else:
            levels = np.unique(values)
            at = np.linspace(0, levels.size - 1, min(levels.size, MOST_LEVELS))
            choices[name] = levels[at.round().astype(int)].tolist()
    table = pd.DataFrame(list(product(*choices.values())), columns=list(choices))
    dearest = float((columns["N"] * columns["D"]).max())
    return table[table["N"] * table["D"] <= dearest * 1.001].reset_index(drop=True)


def shares_left(fit: Fit, draws: Array, table: pd.DataFrame) -> Array:
    """Share of an interval's length that each run of a table would leave.

    Examples
    --------
    A run whose prediction no replicate doubts teaches nothing:

    >>> from precision_lib.laws import bootstrap, example_fit
    >>> fit = example_fit()
    >>> fit = fit.with_bootstrap(bootstrap(fit, "residual", 300))
    >>> table = pd.DataFrame({"N": [1e8], "D": [1e10]})
    >>> bool(0.5 < shares_left(fit, fit.replicates["E"], table)[0] <= 1)
    True
    """
    assert fit.problem is not None and fit.z is not None
    objective = fit.problem.objective
    with np.errstate(all="ignore"):
        predicted = objective.transform(fit.predict_replicates(table))
    quantity = _pulled_in(draws[:, None])
    usable = np.isfinite(draws) & np.isfinite(predicted).all(axis=1)
    if usable.sum() < 10 or np.ptp(quantity[usable]) == 0:
        return np.full(len(table), np.nan)
    away = quantity[usable] - quantity[usable].mean()
    moves = _pulled_in(predicted[usable])
    moves = moves - moves.mean(axis=0)
    scatter = noise(fit.problem.residuals(fit.z), fit.z.size)
    together = (away * moves).mean(axis=0)
    variance = (moves**2).mean(axis=0) + scatter**2
    share = 1 - together**2 / ((away**2).mean() * np.maximum(variance, 1e-300))
    result: Array = np.sqrt(np.clip(share, 0.0, 1.0))
    return result


def _pulled_in(draws: Array) -> Array:
    """Draws with the outermost ones at the percentile, so that none decides alone."""
    finite = np.where(np.isfinite(draws), draws, np.nan)
    with np.errstate(all="ignore"):
        low, high = np.nanpercentile(finite, [CLIP, 100 - CLIP], axis=0)
    result: Array = np.clip(draws, low, high)
    return result
