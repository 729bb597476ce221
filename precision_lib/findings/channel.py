"""Whether a noisy channel predicts the loss after rounding where nothing was fitted.

Ouyang et al. (arXiv 2605.23901) fit one law of N and D to the loss after rounding at
each width and predict larger models and longer runs; the paper adds a degradation to
the base law.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from precision_lib.findings import twins
from precision_lib.findings.group_bootstrap import mean_of, resampled
from precision_lib.findings.twins import law_roundings
from precision_lib.laws import fit

PAPER = "paper"
FORMS = {
    "channel": ("shannon",),  # of the loss after rounding
    PAPER: ("chinchilla", "ptq"),  # of the loss before it, and of the degradation
    "paper, size and data coupled": ("coupled", "ptq"),
}


def channel_contest(
    ptq: pd.DataFrame, method: str, bits: int, draws: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Error of the loss after rounding at the largest size and the longest runs.

    Returns, index of `FORMS`; error, the mean of abs(log(measured / predicted)) in
    percent; difference to the paper's with low and high (bootstrap over cells of N and
    D); r2 and runs.

    `ptq`: roundings; those of unquantized runs by `method` to `bits` bits are used.
    Runs of the largest N, and those of the largest D, are in no fit.

    >>> from precision_lib.runs.run_table import load_ptq
    >>> found = channel_contest(load_ptq(), "gptq", 3, draws=50)
    >>> found.index.tolist()
    ['channel', 'paper', 'paper, size and data coupled']
    """
    rows = law_roundings(ptq, (bits, bits), method)
    beyond = (rows["N"] == rows["N"].max()) | (rows["D"] > 0.99 * rows["D"].max())
    seen, held = rows[~beyond], rows[beyond]
    cells = twins.cells(held)
    measured, predicted = held["post_loss"], {}
    for name, laws in FORMS.items():
        total = np.zeros(len(held))
        for law in laws:
            table = seen.assign(loss=seen["post_loss"]) if law == "shannon" else seen
            total = total + fit(table, law, seed=seed).predict(held)
        predicted[name] = total
    misses = {k: 100 * np.abs(np.log(measured / v)) for k, v in predicted.items()}
    found = {}
    for name, miss in misses.items():
        gap = mean_of(miss - misses[PAPER])
        mean, low, high = resampled(gap, cells, draws, seed)
        squares = float(((measured - predicted[name]) ** 2).sum())
        spread = float(((measured - measured.mean()) ** 2).sum())
        found[name] = {
            "error": miss.mean(), "difference": mean, "low": low, "high": high,
            "r2": 1 - squares / spread, "runs": len(held),
        }  # fmt: skip
    return pd.DataFrame.from_dict(found, orient="index")
