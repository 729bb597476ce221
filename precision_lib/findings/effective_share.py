"""Whether the share of effective parameters hangs on more than the bits."""

from __future__ import annotations

import numpy as np
import pandas as pd

from precision_lib.findings.group_bootstrap import resampled, slope_of


def share_slopes(
    pairs: pd.DataFrame, bits: str, *, replicates: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Slope of log f against log N and log D within a bit width (paper, Fig. 15).

    Least squares with a level of its own for every width; intervals from a bootstrap
    over runs. If precision acts on N alone, both slopes are zero.

    Returns rows N and D; columns estimate, low, high (95%).

    `pairs`: with columns N, D and fraction, as
    `precision_lib.findings.twins.with_twins` and
    `precision_lib.findings.twins.effective_fraction` give them. Rows whose fraction is
    zero or infinite, where the loss names no size, are left out. `bits`: the column of
    the bit width.

    >>> pairs = pd.DataFrame({"N": [1e3, 1e4] * 6, "D": [1e5, 1e5, 1e6, 1e6] * 3})
    >>> pairs = pairs.assign(b=3, fraction=0.5 * pairs["D"] ** -0.1)
    >>> share_slopes(pairs, "b", replicates=50)["estimate"].abs().round(6).to_dict()
    {'N': 0.0, 'D': 0.1}
    """
    usable = np.isfinite(pairs["fraction"]) & (pairs["fraction"] > 0)
    here = pairs[usable]
    levels = pd.get_dummies(here[bits]).to_numpy(float)
    axes = np.log(here[["N", "D"]].to_numpy(float))
    x = np.column_stack([axes, levels])
    y = np.log(here["fraction"].to_numpy(float))
    slopes = [slope_of(x, y, sides=2, column=column) for column in (0, 1)]
    each = np.arange(len(y))
    found = [resampled(one, each, replicates, seed, one_by_one=True) for one in slopes]
    return pd.DataFrame(found, index=["N", "D"], columns=["estimate", "low", "high"])
