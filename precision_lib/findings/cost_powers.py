"""The powers of D and of N with which a cost goes, without a law of the loss.

The same regression serves our twins, the twins of others, and what more parameters
gain at equal D: its powers are what the law of effective parameters (arXiv 2411.04330,
Eq. 3) says of the cost.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from precision_lib.findings import twins
from precision_lib.findings.group_bootstrap import resampled, slope_of

SIDES = ["N", "D"]
FEWEST = 8  # rows: a bootstrap of fewer cells is too short


def power_of(
    found: pd.DataFrame, side: str, level: str, draws: int = 1000, seed: int = 0
) -> dict[str, float]:
    """The power of one side in the cost, with a 95% interval.

    A regression of log cost on log N, log D and a level for each value of a column;
    the bootstrap draws cells of N and D.

    Returns estimate, low, high, and runs, their number.

    `found`: N, D, cost (above zero) and the column `level`; `side`: "D" or "N".

    >>> made = pd.DataFrame({"N": [1, 1, 2, 2, 4], "D": [1, 2, 1, 4, 2], "arm": "a"})
    >>> made["cost"] = 0.1 * made["D"] ** 0.5 * made["N"] ** -0.25
    >>> found = power_of(made, "D", "arm", draws=20)
    >>> round(found["estimate"], 6), found["runs"]
    (0.5, 5)
    """
    levels = pd.get_dummies(found[level]).to_numpy(float)
    sides = np.log(found[SIDES].to_numpy(float))
    x = np.column_stack([sides - sides.mean(axis=0), levels])
    y = np.log(found["cost"].to_numpy(float))
    cells = twins.cells(found)
    slope = slope_of(x, y, 2, column=SIDES.index(side))
    estimate, low, high = resampled(slope, cells, draws, seed)
    return {"estimate": estimate, "low": low, "high": high, "runs": len(y)}


def always_cost(pairs: pd.DataFrame, level: str) -> pd.DataFrame:
    """The pairs of those levels of which every run cost something.

    Taking the logarithm then selects nothing within a level.

    >>> pairs = pd.DataFrame({"arm": ["a", "b", "b"], "cost": [0.1, 0.2, -0.1]})
    >>> always_cost(pairs, "arm")["arm"].tolist()
    ['a']
    """
    return pairs[pairs.groupby(level)["cost"].transform("min") > 0]


def size_gaps(plain: pd.DataFrame) -> pd.DataFrame:
    """What more parameters gain: -dL/d ln N between neighbouring sizes of one D.

    Returns N (the geometric mean of the two), D, and cost, the gain.

    `plain`: unquantized runs: N, D, loss and seed.

    >>> plain = pd.DataFrame({"N": [1, 4], "D": 9, "seed": 0, "loss": [3.0, 2.0]})
    >>> size_gaps(plain).round(3).to_dict("records")
    [{'D': 9, 'seed': 0, 'N': 2.0, 'cost': 0.721, 'what': 'size slope'}]
    """
    ordered = plain.sort_values("N")
    before = ordered.groupby(["D", "seed"])[["N", "loss"]].shift()
    step = np.log(ordered["N"] / before["N"])
    gaps = ordered[["D", "seed"]].assign(
        N=np.sqrt(ordered["N"] * before["N"]),
        cost=(before["loss"] - ordered["loss"]) / step,
        what="size slope",
    )
    return gaps.dropna().reset_index(drop=True)


def powers(
    found: pd.DataFrame, level: str, draws: int = 1000, seed: int = 0
) -> dict[str, float]:
    """Both powers, as ``D``, ``D_low``, ``D_high``, ``N`` …, and the number of runs.

    Not a number where the rows are too few, or vary in D or in N too little.

    >>> one = pd.DataFrame({"N": [1, 1], "D": [1, 2], "arm": "a", "cost": [0.1, 0.2]})
    >>> powers(one, "arm")["D"]
    nan
    """
    row: dict[str, float] = {"runs": len(found)}
    enough = (found[SIDES].nunique() > 1).all() and len(found) >= FEWEST
    for side in SIDES:
        one = power_of(found, side, level, draws, seed) if enough else {}
        row[side] = one.get("estimate", float("nan"))
        row[f"{side}_low"] = one.get("low", float("nan"))
        row[f"{side}_high"] = one.get("high", float("nan"))
    return row
