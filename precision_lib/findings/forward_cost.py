"""What a low-precision forward pass costs, in runs of others and in ours.

Quartet (arXiv 2505.14669) and Quartet II trained models of 30 to 200 million parameters
whose forward pass, backward pass or both were in four bits, beside unquantized twins.
Training with fake quantization, as here, is low precision in the forward pass alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from precision_lib.findings.best_bits import quantized_runs
from precision_lib.findings.cost_powers import always_cost, powers, size_gaps
from precision_lib.findings.table_words import WORDS
from precision_lib.findings.twins import law_runs, with_part, with_twins

LARGEST = 250e6  # parameters; Quartet has one run each of 430M and 800M
PLANS = {"short": ("base", "parts", "joint"), "main": ("base", "ladder", "bits")}
CELL = ["N", "D"]
NONE = "none"
KINDS = ["forward", "both", "backward", "size slope"]
NOT_SETTINGS = ["group", "Nstr", "N", "D", "D/N", "bops", "loss"]


def quartet_arms(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs of Quartet with the side that was in low precision, and the arm.

    Returns N, D, loss, side ("forward", "backward", "both" or "none") and arm.

    `runs`: as `precision_lib.runs.external.load_external` gives "quartet".

    >>> runs = pd.DataFrame({"N": 1, "D": 1, "loss": 3.0, "forward": ["BF16", "MXFP4"]})
    >>> quartet_arms(runs.assign(backward="BF16"))["side"].tolist()
    ['none', 'forward']
    """
    low = runs[["forward", "backward"]] != "BF16"
    arm = runs["forward"].where(low["forward"], "") + " / "
    arm += runs["backward"].where(low["backward"], "")
    return _labelled(runs, low["forward"], low["backward"], arm)


def quartet2_arms(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs of Quartet II, as `quartet_arms` has those of Quartet.

    >>> runs = pd.DataFrame({"group": ["baseline", "bnrq"], "N": 1, "D": 1})
    >>> quartet2_arms(runs.assign(loss=3.0))["side"].tolist()
    ['none', 'backward']
    """
    group = runs["group"]
    forward = group.str.startswith("forward")
    backward = group.str.startswith("backward") | group.eq("bnrq")
    backward |= group.str.endswith("albert_tseng")
    both = ~forward & ~backward & (group != "baseline")
    counts = runs.drop(columns=NOT_SETTINGS, errors="ignore").nunique()
    settings = list(counts.index[counts > 1])
    named = runs[["group", *settings]].astype("object").fillna("-").astype(str)
    arm = named.agg(" ".join, axis=1)
    return _labelled(runs, forward | both, backward | both, arm)


def _labelled(
    runs: pd.DataFrame, forward: pd.Series, backward: pd.Series, arm: pd.Series
) -> pd.DataFrame:
    side = pd.Series(NONE, runs.index).mask(forward, "forward")
    side = side.mask(backward, "backward").mask(forward & backward, "both")
    return runs[[*CELL, "loss"]].assign(side=side, arm=arm.where(side != NONE, NONE))


def twin_costs(arms: pd.DataFrame) -> pd.DataFrame:
    """Each run in low precision beside the unquantized one of its N and D.

    >>> arms = pd.DataFrame({"N": 1, "D": 1, "loss": [3.0, 3.1], "arm": ["none", "a"]})
    >>> twin_costs(arms.assign(side=["none", "forward"]))["cost"].round(3).tolist()
    [0.1]
    """
    plain = arms["side"] == NONE
    twins = arms[plain].groupby(CELL)["loss"].mean().rename("twin_loss")
    pairs = arms[~plain].join(twins, on=CELL, how="inner")
    return pairs.assign(cost=pairs["loss"] - pairs["twin_loss"])


def of_others(arms: pd.DataFrame, draws: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Powers of D and N in the cost of each side, all arms pooled, and the size slope.

    Returns, index "forward", "both", "backward" and "size slope"; columns as
    `precision_lib.findings.cost_powers.powers` has them, and arms: how many, of how
    many (an arm of which a run cost nothing is left out).

    >>> from precision_lib.runs.external import load_external
    >>> found = of_others(quartet_arms(load_external("quartet")), draws=50)
    >>> found.index.tolist()
    ['forward', 'both', 'backward', 'size slope']
    >>> bool(found.loc["forward", "D_low"] > 0)
    True
    """
    arms = arms[arms["N"] < LARGEST]
    pairs, rows = twin_costs(arms), {}
    for side in ("forward", "both", "backward"):
        mine = pairs[pairs["side"] == side]
        kept = always_cost(mine, "arm")
        count = f"{kept['arm'].nunique()} of {mine['arm'].nunique()}"
        rows[side] = {**powers(kept, "arm", draws, seed), "arms": count}
    gaps = size_gaps(arms[arms["side"] == NONE].assign(seed=0))
    rows["size slope"] = {**powers(gaps, "what", draws, seed), "arms": ""}
    return pd.DataFrame.from_dict(rows, orient="index")


def of_ours(
    runs: pd.DataFrame, table: str, least: float, draws: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """The same powers for our own runs, part by part, from `least` tokens on.

    Returns, index the parts that have runs enough, and "size slope".

    `runs`: as `precision_lib.runs.run_table.load_runs` gives it; `table`: "short" or
    "main".

    >>> from precision_lib.runs.run_table import load_runs
    >>> found = of_ours(load_runs(table="short"), "short", 7e5, draws=20)
    >>> found.index[-1]
    'size slope'
    """
    runs = runs[runs["D"] >= least]
    pairs = with_part(with_twins(quantized_runs(runs, *PLANS[table], lowest=2)))
    rows = {}
    for part in ("weights", "activations", "kv", "tied"):
        kept = always_cost(pairs[pairs["part"] == part], "bits")
        rows[part] = powers(kept, "bits", draws, seed)
    gaps = size_gaps(law_runs(runs))
    gaps = gaps[gaps.groupby("D")["cost"].transform("min") > 0]
    rows["size slope"] = powers(gaps, "what", draws, seed)
    return pd.DataFrame.from_dict(rows, orient="index").dropna(subset="D")


def side_by_side(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of several tables under one another, costs of forward passes first.

    Returns, index "table: row"; columns kind: "forward", "both", "backward" or "size
    slope", and part: the part that is low, empty if that is all of them or none.

    >>> one = pd.DataFrame({"D": [0.1, 0.2]}, index=["size slope", "forward"])
    >>> side_by_side({"theirs": one})["kind"].to_dict()
    {'theirs: forward': 'forward', 'theirs: size slope': 'size slope'}
    """
    rows = []
    for whose, table in tables.items():
        kinds = [str(name) if name in KINDS else KINDS[0] for name in table.index]
        parts = ["" if name in KINDS else str(name) for name in table.index]
        names = [f"{whose}: {WORDS.get(str(name), name)}" for name in table.index]
        rows.append(table.assign(kind=kinds, part=parts).set_axis(names))
    found = pd.concat(rows)
    places = found["kind"].map(KINDS.index).to_numpy()
    return found.iloc[np.argsort(places, kind="stable")]


def excess(
    table: pd.DataFrame, row: str, side: str, over: str = "size slope"
) -> tuple[float, float, float]:
    """A power of a row less that of another, the size slope, with both ends.

    The ends follow from those of the two as for independent estimates (Zou and Donner
    2008, doi:10.1002/sim.3095); the unquantized runs are in both.

    >>> made = {"D": [0.2, 0.1], "D_low": [0.17, 0.06], "D_high": [0.23, 0.14]}
    >>> table = pd.DataFrame(made, index=["forward", "size slope"])
    >>> [round(end, 3) for end in excess(table, "forward", "D")]
    [0.1, 0.05, 0.15]
    """
    names = [side, f"{side}_low", f"{side}_high"]
    (one, low, high), (two, below, above) = table.loc[[row, over], names].to_numpy(
        float
    )
    value = one - two
    down, up = np.hypot(one - low, above - two), np.hypot(high - one, two - below)
    return float(value), float(value - down), float(value + up)
