"""What a FLOP trains at each measured width, and the best of them, without a law of D.

The share of its parameters that a model keeps in few bits is that of the smaller
unquantized model with its loss: exp(-cost / size slope) at the same D. At equal compute
share over bits decides.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from precision_lib.errors import Undetermined
from precision_lib.findings.measured import Measured, near_size
from precision_lib.findings.measured_best_bits import best_bits
from precision_lib.findings.noise_model import Array
from precision_lib.findings.part_costs import fit_cells, label
from precision_lib.findings.twins import PARTS

WIDTHS = (3, 4, 5, 6, 7, 8)
ENDS = ["estimate", "low", "high"]


def gains(measured: Measured, N: float, D: float) -> pd.DataFrame:
    """Effective parameters a FLOP at each width of all parts, over those at 16 bits.

    The size slope is that between the next smaller and the next larger size.

    Returns columns N, D, bits, cost (nats per token), share, estimate, low and high of
    the gain with its 95% interval, and models. Empty where no width was trained, or a
    size next to it was not.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base", "joint"], "short")
    >>> gains(short, 98e3, 1.75e6)["bits"].tolist()
    [3, 4, 5, 6, 8]
    """
    columns = ["N", "D", "bits", "cost", "share", *ENDS, "models"]
    try:
        cells = fit_cells(measured, D)
        size = int(near_size(cells.runs, N)["N"].iloc[0])
        sizes = np.array(cells.sizes())
        around = int(sizes[sizes < size].max()), int(sizes[sizes > size].min())
    except (Undetermined, ValueError):  # a size at an end has no two beside it
        return pd.DataFrame(columns=columns)
    small, large = (cells.place(one, label({})) for one in around)
    width = float(np.log(around[1] / around[0]))
    rows = []
    for bits in WIDTHS:
        tied = label(dict.fromkeys(PARTS.values(), bits))
        if (size, tied) not in cells.names:
            continue

        def log_gain(p: Array, bits: int = bits, tied: str = tied) -> float:
            slope = (p[small] - p[large]) / width
            return float(np.log(16 / bits) - cells.cost(p, size, tied) / slope)

        found = cells.fitted.estimate(log_gain, cells.models(size, tied))
        gain = np.exp([found.value, *found.interval()])
        cost = cells.cost(cells.fitted.parameters, size, tied)
        share = gain[0] * bits / 16
        rows.append([size, D, bits, cost, share, *gain, found.units])
    return pd.DataFrame(rows, columns=columns)


def best_by_length(
    measured: Measured, sizes: Iterable[float], lengths: Iterable[float]
) -> pd.DataFrame:
    """The best bits at each size and D for which the runs determine them.

    Returns, columns N, D, estimate, low, high (95%) and models, that is N and seed.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base", "joint"], "short")
    >>> found = best_by_length(short, [24e3], [1.75e6, 7e6])
    >>> found["estimate"].between(5, 6.5).tolist()
    [True]
    """
    rows = []
    for N in sizes:
        for D in lengths:
            try:
                size = int(near_size(measured.runs, N)["N"].iloc[0])
                found = best_bits(measured, size, D)
            except Undetermined:  # runs of it are not there yet
                continue
            rows.append([size, D, found.value, *found.interval(), found.units])
    return pd.DataFrame(rows, columns=["N", "D", *ENDS, "models"])
