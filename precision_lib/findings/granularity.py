"""Granularity in training: how many numbers share a scale, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from precision_lib.findings.twins import with_part, with_twins

SWEEPS = ("base", "parts", "joint", "granularity")
WEIGHTS = ("a scale a channel", "a scale a tensor")
ACTIVATIONS = ("a scale a tensor", "a scale a token", "rotated, a scale a tensor")


def granularity_costs(runs: pd.DataFrame) -> pd.DataFrame:
    """What runs lost to few bits in training, by granularity.

    The runs of the plan granularity and those of parts and joint with the same N, D
    and seed, each beside its unquantized twin.

    Returns the rows with ``part`` (weights, activations or tied), ``bits``, ``setting``
    (one of `WEIGHTS` where weights alone are quantized, else one of `ACTIVATIONS`),
    ``twin_loss`` and ``cost``.

    `runs`: as `precision_lib.runs.run_table.load_runs` gives it.

    >>> from precision_lib.runs.run_table import load_runs
    >>> costs = granularity_costs(load_runs())
    >>> set(costs["setting"]) <= {*WEIGHTS, *ACTIVATIONS}
    True
    """
    cell = ["N", "D", "seed"]
    keep = runs["sweep"].isin(SWEEPS) & (runs["status"] == "finished")
    chosen = with_part(runs[keep])
    grid = chosen.loc[chosen["sweep"] == "granularity", cell].drop_duplicates()
    parts = chosen["part"].isin(["none", "weights", "activations", "tied"])
    paired = with_twins(chosen[parts].merge(grid, on=cell))
    alone = paired["part"] == "weights"
    by_weights = np.where(
        paired["weight_granularity"] == "tensor", WEIGHTS[1], WEIGHTS[0]
    )
    by_activations = np.select(
        [paired["rotation"] > 0, paired["activation_granularity"] == "token"],
        [ACTIVATIONS[2], ACTIVATIONS[1]],
        ACTIVATIONS[0],
    )
    return paired.assign(setting=np.where(alone, by_weights, by_activations))


def bits_saved(
    costs: pd.DataFrame, reference: str, other: str, bits: Sequence[int] = (3, 4)
) -> pd.DataFrame:
    """How many bits more the reference setting needs for the same cost.

    In each pair of N and D the logarithm of the reference's cost is interpolated
    between its bit widths; where the other setting's cost lies outside of them, or is
    not above zero, nothing is said.

    Returns columns N, D, seed, bits and saved.

    `costs`: as `granularity_costs` gives it, of one part; `reference`, `other`: two
    settings; `bits`: widths of the other setting; few, where costs are well above the
    noise.

    >>> row = pd.DataFrame({"bits": [3, 4, 5, 3], "cost": [0.4, 0.2, 0.1, 0.2]})
    >>> row = row.assign(N=9, D=9, seed=0, setting=[*"aaa", "b"])
    >>> bits_saved(row, "a", "b")["saved"].round(6).tolist()
    [1.0]
    """
    rows = []
    for cell, here in costs[costs["cost"] > 0].groupby(["N", "D", "seed"]):
        known = here[here["setting"] == reference].sort_values("cost")
        scale = np.log(known["cost"].to_numpy(float))
        asked = here[(here["setting"] == other) & here["bits"].isin(bits)]
        for _, run in asked.iterrows():
            level = np.log(float(run["cost"]))
            if len(scale) < 2 or not scale[0] <= level <= scale[-1]:
                continue
            needed = float(np.interp(level, scale, known["bits"].to_numpy(float)))
            place = dict(zip(("N", "D", "seed"), cell, strict=True))
            rows.append({**place, "bits": run["bits"], "saved": needed - run["bits"]})
    return pd.DataFrame(rows, columns=["N", "D", "seed", "bits", "saved"])
