"""Measured models that take the same memory to serve: which of them is better."""

from __future__ import annotations

import numpy as np
import pandas as pd

from precision_lib.findings.group_bootstrap import mean_of, resampled

SIDE = ["D", "seed"]
MODEL = ["N", *SIDE]


def in_memory(table: pd.DataFrame, bits: str, loss: str) -> pd.DataFrame:
    """Each served model with the memory of its weights, N times P, in bits.

    `table`: of runs or of roundings, with columns N, D and seed; `bits`, `loss`:
    columns of the bits of the weights and of the loss when served.

    >>> one = pd.DataFrame({"N": [10], "D": 5, "seed": 0, "post_bits": 4, "x": 3.0})
    >>> in_memory(one, "post_bits", "x")["memory"].tolist()
    [40]
    """
    kept = table[["N", *SIDE]].assign(bits=table[bits], loss=table[loss])
    return kept.assign(memory=kept["N"] * kept["bits"])


def gains_at_equal_memory(served: pd.DataFrame, reference: int) -> pd.DataFrame:
    """What a larger model in fewer bits gains over a smaller one in more.

    A model of N parameters in P bits takes the memory of one of N P / R parameters in
    R bits. That smaller model's loss is interpolated, linearly in log N, between the
    measured ones at R bits with the same tokens and the same seed; models whose smaller
    rival would lie outside the measured sizes drop out.

    Returns the rows below R bits, with columns rival (loss of the smaller model) and
    gain (rival less loss, nats per token): above zero the larger model wins.

    `served`: as `in_memory` gives it; `reference`: R, bits of the smaller models.

    >>> rows = [(100, 8, 3.0), (200, 8, 2.5), (300, 4, 2.6), (300, 2, 2.9)]
    >>> table = pd.DataFrame(rows, columns=["N", "bits", "loss"]).assign(D=9, seed=0)
    >>> found = gains_at_equal_memory(table.assign(memory=0), 8)
    >>> found["bits"].tolist(), found["gain"].round(3).tolist()
    ([4], [0.108])
    """
    found = []
    for _, rows in served.groupby(SIDE):
        small = rows[rows["bits"] == reference].sort_values("N")
        low = rows[rows["bits"] < reference]
        if len(small) < 2 or low.empty:
            continue
        size = np.log(low["N"] * low["bits"] / reference)
        known = np.log(small["N"])
        inside = size.between(known.min(), known.max())
        rival = np.interp(size, known, small["loss"])
        found.append(low.assign(rival=rival)[inside])
    columns = [*served.columns, "rival"]
    table = pd.concat(found) if found else pd.DataFrame(columns=columns, dtype=float)
    return table.assign(gain=table["rival"] - table["loss"]).reset_index(drop=True)


def mean_gains(
    gains: pd.DataFrame, by: list[str], draws: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Mean gain of each group with the 95% interval of a bootstrap over models.

    Returns columns estimate, low, high and runs; one model alone has no interval.

    `gains`: as `gains_at_equal_memory` gives it; `by`: columns that make the groups,
    such as ``["bits"]``.

    >>> table = pd.DataFrame({"bits": 4, "N": 9, "D": [1, 2], "seed": 0})
    >>> mean_gains(table.assign(gain=[0.1, 0.3]), ["bits"]).round(2).values.tolist()
    [[0.2, 0.1, 0.3, 2.0]]
    """
    generator = np.random.default_rng(seed)
    rows = {}
    for key, here in gains.groupby(by):
        here = here.sort_values(MODEL)
        models = here.groupby(MODEL).ngroup()
        mean, *ends = resampled(mean_of(here["gain"]), models, draws, generator)
        if models.nunique() == 1:
            ends = [np.nan, np.nan]
        name = key if len(by) > 1 else key[0]
        rows[name] = [mean, *ends, len(here)]
    table = pd.DataFrame(rows, index=["estimate", "low", "high", "runs"]).T
    return table.rename_axis(by)


def frontier(served: pd.DataFrame) -> pd.DataFrame:
    """The models that no other beats in less or equal memory, by rising memory.

    >>> table = pd.DataFrame({"memory": [1, 2, 3], "loss": [3.0, 3.1, 2.0]})
    >>> frontier(table)["memory"].tolist()
    [1, 3]
    """
    order = served.sort_values(["memory", "loss"])
    best = order["loss"].cummin()
    fresh = best.diff().fillna(-1) < 0
    return order[fresh].reset_index(drop=True)
