"""What short runs do to a law: its constants by the shortest run that is admitted.

A law that holds has the same constants whichever runs are left out. Where runs end
before the loss follows the law, a constant moves as the short ones leave, and an
interval made by drawing runs again does not know that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from precision_lib.errors import UserError
from precision_lib.findings.twins import cells
from precision_lib.laws import bootstrap, fit

ENDS = ["estimate", "low", "high"]


def drift(
    rows: pd.DataFrame,
    law: str,
    constants: Sequence[str],
    fewest: int = 3,
    replicates: int = 250,
    seed: int = 0,
) -> pd.DataFrame:
    """Constants of a law fitted to the runs of at least so many tokens.

    Least squares on the law's own scale; 95% percentile intervals of a bootstrap that
    draws cells of N and D whole.

    Returns a row for each range and constant: least (tokens), constant, estimate, low,
    high, and rows, how many were fitted. Raises UserError if the rows have fewer than
    `fewest` different D.

    `rows`: runs, or roundings of runs: N, D and what the law asks for; `constants`:
    those that are wanted. `fewest`: different D that a range must have; one with fewer
    is not fitted.

    >>> from precision_lib.laws import planted_table
    >>> runs = pd.DataFrame(planted_table("chinchilla", 40, noise=0.001))
    >>> found = drift(runs, "chinchilla", ["beta"], fewest=4, replicates=20)
    >>> found["rows"].tolist()
    [40, 34]
    """
    tokens = np.sort(rows["D"].unique())
    if len(tokens) < fewest:
        raise UserError(
            f"the runs have {len(tokens)} different D; law '{law}' wants {fewest}."
        )
    found = []
    for least in tokens[: len(tokens) - fewest + 1]:
        kept = rows[rows["D"] >= least].reset_index(drop=True)
        fitted = fit(kept, law, loss="ls", seed=seed)
        drawn = bootstrap(fitted, "cluster", replicates, seed, by=cells(kept))
        for name in constants:
            low, high = drawn.interval(name)
            found.append([int(least), name, fitted.params[name], low, high, len(kept)])
    return pd.DataFrame(found, columns=["least", "constant", *ENDS, "rows"])


def longest_beside_all(found: pd.DataFrame) -> pd.DataFrame:
    """What all runs say of each constant, what the longest say, and which are apart.

    Returns, index the constant. Columns: all, low and high of the fit to all runs;
    longest, from and to of the fit to the longest; ranges, how many there are without
    some runs; apart, how many of these have an interval that shares no value with that
    of all runs.

    `found`: as `drift` gives it; of one law or of several under one another.

    >>> made = pd.DataFrame({"least": [1, 2], "constant": "beta"})
    >>> made = made.assign(estimate=[0.5, 0.9], low=[0.4, 0.7], high=[0.6, 1.2])
    >>> longest_beside_all(made)[["ranges", "apart"]].loc["beta"].tolist()
    [1, 1]
    """
    rows = {}
    for name, group in found.groupby("constant", sort=False):
        ordered = group.sort_values("least")
        whole, rest = ordered[ENDS].iloc[0], ordered[ENDS].iloc[1:]
        apart = (rest["low"] > whole["high"]) | (rest["high"] < whole["low"])
        values = [*whole, *ordered[ENDS].iloc[-1]]
        names = ["all", "low", "high", "longest", "from", "to"]
        rows[name] = dict(zip(names, values, strict=True)) | {
            "ranges": len(rest),
            "apart": int(apart.sum()),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def gain_of_tuning(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """How much lower the second table ends at the same N and D.

    The first table's mean loss is interpolated in log D; sizes and lengths that it does
    not reach are left out.

    Returns, index D of the second, columns N, in nats per token.

    `first`, `second`: unquantized runs: N, D and loss.

    >>> first = pd.DataFrame({"N": 9, "D": [1.0, 4.0], "loss": [4.0, 3.0]})
    >>> second = pd.DataFrame({"N": [9], "D": [2.0], "loss": [3.3]})
    >>> gain_of_tuning(first, second).round(3).to_dict("list")
    {9: [0.2]}
    """
    before, after = (t.pivot_table("loss", "D", "N") for t in (first, second))
    then = np.log(after.index.to_numpy(float))
    gains = {}
    for size in before.columns.intersection(after.columns):
        curve = before[size].dropna()
        lengths = np.log(curve.index.to_numpy(float))
        known = np.interp(then, lengths, curve, left=np.nan, right=np.nan)
        gains[size] = known - after[size]
    return pd.DataFrame(gains).dropna(how="all")
