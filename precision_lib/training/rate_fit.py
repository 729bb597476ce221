"""A rule for rate and batch: powers of N and D through the tuned ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

from precision_lib.errors import UserError
from precision_lib.training.tuning import CELL

Array = npt.NDArray[np.float64]
N0, D0, B0 = 98e3, 7e6, 16  # parameters, tokens, windows, where a rule is stated


class RuleConstant(NamedTuple):
    """A constant of a rule with its standard error and 95% interval.

    >>> RuleConstant(0.5, 0.1, 0.3, 0.7).value
    0.5
    """

    value: float
    error: float
    low: float
    high: float


def fit_rates(rates: pd.DataFrame) -> dict[str, RuleConstant]:
    """Powers of N, D and the batch through the bracketed best rates.

    Returns ``at``: the logarithm of the rate at `N0`, `D0` and `B0`; exponents of
    ``N``, ``D`` and ``batch``; and ``low``: ln of the best rate in low precision over
    that of unquantized training, from a second fit that has it as one constant more.

    Raises UserError if too few optima are bracketed.

    `rates`: by `best_rates` of `cells`, a row a cell and ``batch_size``.

    >>> rates = pd.MultiIndex.from_product([[24e3, 98e3], [1e6, 7e6], [8, 16]])
    >>> rates = rates.to_frame(False).set_axis(["N", "tokens", "batch_size"], axis=1)
    >>> rates["rate"] = rates["N"] ** -0.5 * rates["batch_size"] ** 0.7
    >>> rates = rates.assign(low=rates.index % 3 == 0, bracketed=True)
    >>> round(fit_rates(rates)["batch"].value, 3)
    0.7
    """
    rates = rates[rates["bracketed"]]
    columns = {
        "at": np.ones(len(rates)),
        "N": np.log(rates["N"] / N0),
        "D": np.log(rates["tokens"] / D0),
        "batch": np.log(rates["batch_size"] / B0),
        "low": rates["low"].astype(float),
    }
    y = np.log(rates["rate"].to_numpy(float))
    shared = {name: column for name, column in columns.items() if name != "low"}
    found, apart = (_least_squares(y, these, "rates") for these in (shared, columns))
    return found | {"low": apart["low"]}


def fit_batch(rates: pd.DataFrame) -> dict[str, RuleConstant]:
    """A power of D through the best batches, by parabolas of one curvature.

    Each cell has the loss at the best rate of each of its batches; those are a level
    of the cell and a parabola in ln(batch), whose curvature all cells share and whose
    place goes with ln(D). So a cell whose best batch is the last that was tried still
    says its part.

    Returns ``at``: the logarithm of the best batch at `D0`; ``D``: its exponent.

    Raises UserError if there are too few batches, or the loss does not rise on both
    sides.

    >>> x = np.log([2.0, 4.0, 8.0] * 2)
    >>> rates = pd.DataFrame({"tokens": np.repeat([D0 / 4, D0], 3), "N": 9, "low": 0})
    >>> loss = (x - np.log(8 * (rates["tokens"] / D0) ** 0.5)) ** 2
    >>> found = fit_batch(rates.assign(batch_size=np.exp(x), loss=loss + rates["N"]))
    >>> round(float(np.exp(found["at"].value)), 2), round(found["D"].value, 2)
    (8.0, 0.5)
    """
    rates = rates[np.isfinite(rates["loss"])]
    x = np.log(rates["batch_size"].to_numpy(float) / B0)
    data = np.log(rates["tokens"].to_numpy(float) / D0)
    labels = rates[CELL].astype(str).agg(" ".join, axis=1)
    columns = {"square": x**2, "x": x, "xD": x * data}
    columns |= {
        label: (labels == label).to_numpy(float) for label in sorted(set(labels))
    }
    design = np.column_stack(list(columns.values()))
    y = rates["loss"].to_numpy(float)
    p, covariance, freedom = _solve(y, design, "batches")
    square = float(p[0])
    if square <= 0:
        raise UserError("no best batch: the loss does not rise on both sides of one.")
    found = {}
    for name, place, shift in (("at", 1, np.log(B0)), ("D", 2, 0.0)):
        slope = np.zeros(len(p))
        slope[[0, place]] = p[place] / (2 * square**2), -1 / (2 * square)
        value = float(-p[place] / (2 * square) + shift)
        found[name] = _constant(value, float(slope @ covariance @ slope), freedom)
    return found


def _least_squares(
    y: Array, columns: dict[str, npt.ArrayLike], what: str
) -> dict[str, RuleConstant]:
    design = np.column_stack([np.asarray(c, float) for c in columns.values()])
    p, covariance, freedom = _solve(y, design, what)
    return {
        name: _constant(float(p[i]), float(covariance[i, i]), freedom)
        for i, name in enumerate(columns)
    }


def _solve(y: Array, design: Array, what: str) -> tuple[Array, Array, int]:
    freedom = len(y) - design.shape[1]
    if freedom < 1 or np.linalg.matrix_rank(design) < design.shape[1]:
        raise UserError(
            f"{len(y)} best {what} do not determine a rule; tune at more N and D, or "
            "add values where the best one is the last that was tried."
        )
    p = np.linalg.lstsq(design, y, rcond=None)[0]
    variance = float(np.sum((y - design @ p) ** 2)) / freedom
    return np.asarray(p), variance * np.linalg.inv(design.T @ design), freedom


def _constant(value: float, variance: float, freedom: int) -> RuleConstant:
    error = variance**0.5
    reach = float(stdtrit(freedom, 0.975)) * error
    return RuleConstant(value, error, value - reach, value + reach)
