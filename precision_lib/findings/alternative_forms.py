"""Where precision acts: the rival forms of the paper's Table 1, on held-out runs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from precision_lib.findings import intervals
from precision_lib.formats import HIGH_PRECISION_BITS

Array = npt.NDArray[np.float64]
# Table 1 of arXiv 2411.04330: R² on its held-out runs.
PAPER_R2 = {
    "effective-weights": 0.82,
    "effective-data": 0.74,
    "effective-both-tied": 0.79,
    "effective-both": 0.84,
    "power-additive": 0.71,
    "power-multiplicative": 0.75,
}
LABELS = {
    "effective-weights": "N_eff",
    "effective-data": "D_eff",
    "effective-both-tied": "N_eff and D_eff, one γ",
    "effective-both": "N_eff and D_eff, two γ",
    "power-additive": "power law, added",
    "power-multiplicative": "power law, multiplied",
}


def predicted_costs(runs: pd.DataFrame, predicted: Array) -> Array:
    """Predicted loss of each run above the one predicted for its unquantized twin.

    NaN where no run of that size and data is unquantized.

    `runs`: with columns N, D and weight_bits; `predicted`: one prediction a run, all of
    a setting by one fit.

    >>> runs = pd.DataFrame({"N": 9, "D": 5, "weight_bits": [4, 32]})
    >>> predicted_costs(runs, np.array([3.25, 3.0])).tolist()
    [0.25, 0.0]
    """
    cell = runs[["N", "D"]].assign(predicted=predicted)
    high = (runs["weight_bits"] == HIGH_PRECISION_BITS).to_numpy()
    base = cell[high].groupby(["N", "D"])["predicted"].first().rename("base")
    beside = cell.join(base, on=["N", "D"])
    return (beside["predicted"] - beside["base"]).to_numpy(float)


def scores(
    measured: npt.ArrayLike,
    predictions: Mapping[str, Array],
    groups: npt.ArrayLike,
    *,
    reference: str = "effective-weights",
    seed: int = 0,
) -> pd.DataFrame:
    """R² of each law with its interval, and that of a reference minus it.

    Returns one row a law, best first: r2, low, high, gap, gap_low, gap_high (of the
    reference minus the law), paper, paper_gap.

    `measured`: array; `predictions`: by law; `groups`: rows of one group are drawn
    together; `reference`: the law that the others are compared with.

    >>> y = np.arange(9.0)
    >>> guesses = {"effective-weights": y, "effective-data": y + 1}
    >>> scores(y, guesses, y)[["r2", "gap"]].round(2).to_numpy().tolist()
    [[1.0, 0.0], [0.85, 0.15]]
    """
    rows = {}
    for law, found in predictions.items():
        r2, ends = intervals.r_squared(measured, found, groups=groups, seed=seed)
        gap, limits = intervals.r2_gap(
            measured, predictions[reference], found, groups=groups, seed=seed
        )
        rows[law] = {
            "r2": r2,
            "low": ends[0],
            "high": ends[1],
            "gap": gap,
            "gap_low": limits[0],
            "gap_high": limits[1],
            "paper": PAPER_R2[law],
            "paper_gap": PAPER_R2[reference] - PAPER_R2[law],
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.sort_values("r2", ascending=False, kind="stable")
