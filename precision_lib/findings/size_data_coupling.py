"""Whether size and data add up, as the base law says, or help each other."""

from __future__ import annotations

import numpy as np
import pandas as pd

from precision_lib.errors import UserError
from precision_lib.findings.twins import pooled_deviation


def size_gains(runs: pd.DataFrame) -> pd.DataFrame:
    """What each larger size gains over the smallest, at each number of tokens.

    No law is asked. By ``L = E + A N^-alpha + B D^-beta`` the gain of a size is the
    same at every D.

    Returns columns N, D, gain and error, both in nats a token: the loss of the smallest
    size at that D less that of size N, and its standard error from the spread of seeds
    over all cells. Raises UserError: no cell has two seeds, so nothing is known of the
    noise.

    `runs`: unquantized runs with columns N, D and loss; seeds are repetitions.

    >>> runs = pd.DataFrame({"N": [1, 1, 2], "D": 9, "loss": [3.1, 2.9, 2.5]})
    >>> size_gains(runs).round(2).values.tolist()
    [[2.0, 9.0, 0.5, 0.15]]
    """
    noise = pooled_deviation(np.log(runs["loss"]), runs[["N", "D"]])
    if np.isnan(noise):
        raise UserError("no N and D has two seeds; the noise of a run is not known.")
    table = runs.groupby(["N", "D"], as_index=False)["loss"].agg(["mean", "count"])
    table["error"] = noise * table["mean"] / np.sqrt(table["count"])
    least = table["N"] == table["N"].min()
    small = table[least].drop(columns="N")
    both = table[~least].merge(small, on="D", suffixes=("", "_small"))
    return both[["N", "D"]].assign(
        gain=both["mean_small"] - both["mean"],
        error=np.hypot(both["error"], both["error_small"]),
    )
