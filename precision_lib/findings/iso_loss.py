"""Models of equal loss: which sizes reach it at which bits, measured and by the law."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from precision_lib.errors import UserError
from precision_lib.laws import Bootstrap

Array = npt.NDArray[np.float64]


def measured_sizes(runs: pd.DataFrame, loss: float, bits: str) -> pd.DataFrame:
    """The size at which runs of one number of tokens reach a loss, at each width.

    Between the sizes that were trained the loss is taken to be straight in log N; a
    loss that no pair of neighbors encloses gives no row.

    Returns bits, N.

    `runs`: runs of one D, with columns N and loss (seeds are averaged); `loss`: nats
    per token; `bits`: column of the width.

    >>> runs = pd.DataFrame({"N": [100, 10000], "weight_bits": 4, "loss": [3.0, 2.0]})
    >>> measured_sizes(runs, 2.5, "weight_bits")["N"].round().tolist()
    [1000.0]
    """
    rows = []
    for width in sorted(set(runs[bits])):
        means = runs[runs[bits] == width].groupby("N")["loss"].mean().sort_index()
        sizes, losses = np.log(means.index.to_numpy(float)), means.to_numpy()
        above, below = losses[:-1], losses[1:]
        crossing = np.flatnonzero((above >= loss) & (below < loss))
        if crossing.size:
            i = int(crossing[0])
            part = (above[i] - loss) / (above[i] - below[i])
            size = float(np.exp(sizes[i] + part * (sizes[i + 1] - sizes[i])))
            rows.append({"bits": width, "N": size})
    return pd.DataFrame(rows, columns=["bits", "N"])


def saturation_bits(
    replicates: Bootstrap, part: str, kept: float
) -> tuple[float, tuple[float, float]]:
    """Bits from which on a part keeps this share of the parameters, with 95% interval.

    ``P = gamma (n - ln(1 - kept))``, the inverse of the law of effective parameters.

    Raises UserError if the share is not between 0 and 1.

    `replicates`: of a law with the constants of the part; `part`: "weights",
    "activations" or "kv"; `kept`: share between 0 and 1.

    >>> from precision_lib.laws import bootstrap, fit, planted_table
    >>> found = fit(planted_table("effective-weights", 80), "effective-weights")
    >>> draws = bootstrap(found, replicates=5)
    >>> round(saturation_bits(draws, "weights", 0.9)[0], 2)
    6.97
    """
    ours = replicates.fit.params
    estimate = bits_to_keep(kept, ours[f"gamma_{part}"], ours[f"n_{part}"])
    draws = replicates.params[f"gamma_{part}"], replicates.params[f"n_{part}"]
    ends = np.percentile(bits_to_keep(kept, *draws), [2.5, 97.5])
    return float(estimate), (float(ends[0]), float(ends[1]))


def bits_to_keep(kept: float, gamma: npt.ArrayLike, n: npt.ArrayLike) -> Array:
    """Bits at which the share of parameters is `kept`.

    Raises UserError if the share is not between 0 and 1.

    >>> float(bits_to_keep(0.9, 2.6745, 0.3037).round(2))
    6.97
    """
    if not 0 < kept < 1:
        raise UserError(f"kept is {kept}; give a share between 0 and 1.")
    return np.asarray(np.multiply(gamma, np.subtract(n, np.log(1 - kept))))


def loss_levels(runs: pd.DataFrame, count: int = 4) -> Sequence[float]:
    """Losses that runs of one D reach at several sizes, evenly spaced, highest first.

    >>> runs = pd.DataFrame({"loss": [2.0, 3.0, 4.0], "N": [9, 9, 9]})
    >>> loss_levels(runs, 3)
    [3.7, 3.0, 2.3]
    """
    low, high = float(runs["loss"].min()), float(runs["loss"].max())
    span = np.linspace(0.15, 0.85, count)
    return [round(float(high - share * (high - low)), 2) for share in span]
