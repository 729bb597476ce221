"""The best learning rate of each size, and a rule through them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from precision_lib.errors import UserError


def best_rates(runs: pd.DataFrame) -> pd.DataFrame:
    """The peak learning rate with the lowest loss, between the rates that were tried.

    A parabola in the logarithm of the rate through the best run and its neighbors.

    Parameters
    ----------
    runs : DataFrame
        Runs that differ in ``peak_lr`` alone at each N and weight_bits.

    Returns
    -------
    DataFrame
        A row an N and weight_bits, with ``rate`` and ``bracketed``: whether a lower
        and a higher rate were both worse. Without a bracket ``rate`` is the best
        that was tried.

    Raises
    ------
    UserError
        If there are no runs.

    Examples
    --------
    >>> table = pd.DataFrame({"N": 9, "weight_bits": 32, "peak_lr": [0.01, 0.02, 0.04]})
    >>> best_rates(table.assign(loss=[3.1, 3.0, 3.1])).round(4).to_dict("records")
    [{'N': 9, 'weight_bits': 32, 'rate': 0.02, 'bracketed': True}]
    """
    if runs.empty:
        raise UserError("there are no runs to compare learning rates of.")
    rows = []
    for (size, bits), here in runs.groupby(["N", "weight_bits"]):
        here = here.sort_values("peak_lr")
        x = np.log(here["peak_lr"].to_numpy(float))
        y = here["loss"].to_numpy(float)
        best = int(y.argmin())
        bracketed = 0 < best < len(y) - 1
        if bracketed:
            near = slice(best - 1, best + 2)
            a, b, _ = np.polyfit(x[near] - x[best], y[near], 2)
            x[best] -= b / (2 * a)
        row = {"N": size, "weight_bits": bits, "rate": float(np.exp(x[best]))}
        rows.append({**row, "bracketed": bracketed})
    return pd.DataFrame(rows)


def rate_rule(best: pd.DataFrame, reference: float = 24_000) -> tuple[float, float]:
    """Least-squares power law through the bracketed best rates.

    Returns
    -------
    scale, exponent : float
        ``rate = scale · (N / reference) ** exponent``.

    Raises
    ------
    UserError
        If fewer than two sizes have a bracketed optimum.

    Examples
    --------
    >>> best = pd.DataFrame({"N": [24e3, 96e3], "rate": [0.02, 0.01]})
    >>> scale, exponent = rate_rule(best.assign(bracketed=True))
    >>> round(scale, 4), round(exponent, 4)
    (0.02, -0.5)
    """
    best = best[best["bracketed"]]
    if best["N"].nunique() < 2:
        raise UserError("a rule needs bracketed best rates at two sizes or more.")
    x = np.log(best["N"].to_numpy(float) / reference)
    exponent, level = np.polyfit(x, np.log(best["rate"].to_numpy(float)), 1)
    return float(np.exp(level)), float(exponent)
