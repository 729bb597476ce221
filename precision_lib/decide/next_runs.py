"""The run that would say most: which one narrows an interval the most.

The bootstrap already says how a quantity of interest moves with the prediction
of a run that was never made: over the replicates both vary together. To learn
that run's loss, up to the scatter ``s`` of one run, leaves of the variance of
the quantity the share ``1 - cov(q, y)^2 / (var(q) (var(y) + s^2))``, as for
jointly normal numbers (the value of a point in Bayesian experimental design;
Chaloner and Verdinelli, Statistical Science 10, 273, 1995).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from precision_lib.decide.decision import Decision, brief
from precision_lib.decide.surface import require_positive
from precision_lib.decide.training import training_cost
from precision_lib.decide.widths import HARDWARE_WIDTHS
from precision_lib.errors import UserError
from precision_lib.laws import Fit
from precision_lib.laws.solver.dual import Array

REACH = 4.0  # how far beyond the table's sizes and tokens a run is looked for
STEPS = 9
MOST_DRAWS = 400  # more replicates change no choice
CLIP = 1.0  # percent of the replicates at either end that are pulled in
NO_VARIATION = 1e-6


@dataclass(frozen=True)
class NextRun:
    """A run to make next."""

    quantity: str  #: what it is chosen for
    run: dict[str, float | str]  #: the run, by column of the law
    left: float  #: length of the interval after it, as a share of the present one
    #: The same share for one more run in the middle of those fitted, to compare with
    same: float

    @property
    def words(self) -> str:
        """The run in a line.

        >>> NextRun("alpha", {"N": 1e8, "weight_format": "int4"}, 0.7, 0.95).words
        'N = 100M, weight_format = int4'
        """
        return ", ".join(
            f"{name} = {value if isinstance(value, str) else brief(value)}"
            for name, value in self.run.items()
        )

    @property
    def row(self) -> list[str]:
        """Quantity, run, and the two shares, as a table shows them.

        >>> NextRun("alpha", {"N": 1e8}, 0.7, 0.95).row
        ['alpha', 'N = 100M', '70%', '95%']
        """
        return [self.quantity, self.words, f"{self.left:.0%}", f"{self.same:.0%}"]


def next_run(
    fit: Fit, draws: Array, quantity: str, most: float | None = None
) -> NextRun:
    """The run that narrows the interval of a quantity the most.

    Raises UserError: the fit has no replicates, or the quantity does not vary.

    `fit`: with replicates; `draws`: the quantity under each of them (R,); `quantity`:
    its name; `most`: FLOP at 16 bits that the run may cost, without it those of the
    dearest run fitted.

    >>> from precision_lib.laws import bootstrap, example_fit
    >>> fit = example_fit()
    >>> fit = fit.with_bootstrap(bootstrap(fit, "residual", 300))
    >>> found = next_run(fit, fit.replicates["E"], "E")
    >>> found.left < found.same <= 1
    True
    """
    draws, table = draws[:MOST_DRAWS], candidates(fit, most)
    left = shares_left(fit, draws, table)
    if not np.isfinite(left).any():
        raise UserError(f"{quantity} does not vary between resampled tables.")
    best = int(np.nanargmin(left))
    middle = {name: np.array([_middle(fit, name)]) for name in table}
    same = float(shares_left(fit, draws, middle)[0])
    run = {name: values[best].item() for name, values in table.items()}
    return NextRun(quantity, run, float(left[best]), same)


def least_known(fit: Fit) -> str:
    """The fitted constant whose interval is widest for its size.

    >>> from precision_lib.laws import bootstrap, example_fit
    >>> fit = example_fit()
    >>> least_known(fit.with_bootstrap(bootstrap(fit, replicates=50)))
    'B'
    """
    free = [n for n in fit.ci if n not in fit.fixed and n not in fit.tied]
    if not free:
        raise UserError("this fit has no intervals; fit again with --bootstrap 1000.")
    return max(free, key=lambda n: np.ptp(fit.ci[n]) / max(abs(fit.params[n]), 1e-300))


def deciding(answer: Decision) -> tuple[str, Array]:
    """What of a decision is to be known better: the first value that varies.

    Returns its name and draws, of sizes in logarithms; empty ones where none varies.

    >>> deciding(Decision("", {"P": 4.0}, draws={"P": np.array([4.0, 5.0])}))[0]
    'P'
    """
    for name, draws in answer.draws.items():
        x = np.log(draws) if name in ("N", "D") else draws
        if np.isfinite(x).any() and np.ptp(x[np.isfinite(x)]) > NO_VARIATION:
            return name, x
    return "", np.array([])


def candidates(fit: Fit, most: float | None = None) -> dict[str, Any]:
    """Runs that could be made next, none dearer than `most` FLOP at 16 bits.

    >>> from precision_lib.laws import example_fit
    >>> table = candidates(example_fit(), most=6e18)
    >>> bool((table["N"] * table["D"] <= 1.01e18).all())
    True
    """
    choices: dict[str, Any] = {}
    for name in fit.law.columns():
        if name in fit.levels:
            choices[name] = fit.levels[name]
            continue
        low, high = fit.ranges[name]
        if name in ("N", "D"):
            choices[name] = np.geomspace(low / REACH, high * REACH, STEPS)
        elif name.endswith("_bits"):
            between = (bits for bits in HARDWARE_WIDTHS if low < bits < high)
            choices[name] = sorted({low, high, *between})
        else:
            choices[name] = np.unique(np.linspace(low, high, 5))
    if most is None:
        most = fit.ranges.get("FLOP", (0.0, np.inf))[1]
    require_positive(**({} if np.isinf(most) else {"most": most}))
    columns = [np.array(each) for each in zip(*product(*choices.values()), strict=True)]
    table = dict(zip(choices, columns, strict=True))
    kept = training_cost(table["N"], table["D"], 16.0) <= most * 1.001
    if not kept.any():
        raise UserError(f"No run within reach costs as little as {most:.3g} FLOP.")
    return {name: values[kept] for name, values in table.items()}


def _middle(fit: Fit, name: str) -> float | str:
    if name in fit.levels:
        return fit.levels[name][len(fit.levels[name]) // 2]
    return float(np.sqrt(np.prod(fit.ranges[name])))


def shares_left(fit: Fit, draws: Array, table: Mapping[str, Any]) -> Array:
    """Share of an interval's length that each run of a table would leave.

    A run whose prediction no replicate doubts teaches nothing:

    >>> from precision_lib.laws import bootstrap, example_fit
    >>> fit = example_fit()
    >>> fit = fit.with_bootstrap(bootstrap(fit, "residual", 300))
    >>> table = {"N": [1e8], "D": [1e10]}
    >>> bool(0.5 < shares_left(fit, fit.replicates["E"], table)[0] <= 1)
    True
    """
    with np.errstate(all="ignore"):
        predicted = fit.settings.transform(fit.predict_replicates(table, draws.size))
    quantity = _pulled_in(draws[:, None])
    usable = np.isfinite(draws) & np.isfinite(predicted).all(axis=1)
    if usable.sum() < 10 or np.ptp(quantity[usable]) == 0:
        return np.full(predicted.shape[1], np.nan)
    away = quantity[usable] - quantity[usable].mean()
    moves = _pulled_in(predicted[usable])
    moves = moves - moves.mean(axis=0)
    together = (away * moves).mean(axis=0)
    variance = (moves**2).mean(axis=0) + np.nan_to_num(fit.scatter) ** 2
    share = 1 - together**2 / ((away**2).mean() * np.maximum(variance, 1e-300))
    result: Array = np.sqrt(np.clip(share, 0.0, 1.0))
    return result


def _pulled_in(draws: Array) -> Array:
    """Draws with the outermost ones at the percentile, so that none decides alone."""
    ends, known = [CLIP, 100 - CLIP], np.isfinite(draws)
    if known.all():  # as it mostly is; the other function goes column by column
        low, high = np.percentile(draws, ends, axis=0)
    else:
        with np.errstate(all="ignore"):
            finite = np.where(known, draws, np.nan)
            low, high = np.nanpercentile(finite, ends, axis=0)
    result: Array = np.clip(draws, low, high)
    return result
