"""Comparisons of runs without a law: twice the data, other text, few bits."""

from __future__ import annotations

import numpy as np
import pandas as pd

from precision_lib.findings.group_bootstrap import mean_of, resampled, slope_of
from precision_lib.findings.twins import PARTS, TWIN, law_runs
from precision_lib.formats import HIGH_PRECISION_BITS

TWICE = (1.9, 2.1)  # token counts are whole batches, so twice is not quite twice
TEXTS = {"half": "half of the text", "replaced20": "a fifth of the words replaced"}


def doublings(runs: pd.DataFrame) -> pd.DataFrame:
    """What twice the tokens gain, for each size and seed.

    Returns columns N, D, seed and gain (loss with D tokens less that with twice as
    many).

    `runs`: columns N, D, seed and loss.

    >>> table = pd.DataFrame({"N": 5, "D": [10, 20, 60], "seed": 0})
    >>> doublings(table.assign(loss=[3.0, 2.5, 2.0])).to_dict("records")
    [{'N': 5, 'D': 10, 'seed': 0, 'gain': 0.5}]
    """
    both = runs.merge(runs, on=["N", "seed"], suffixes=("", "_more"))
    both = both[(both["D_more"] / both["D"]).between(*TWICE)]
    both = both.assign(gain=both["loss"] - both["loss_more"])
    return both[[*TWIN, "gain"]].sort_values(TWIN).reset_index(drop=True)


def slope_within(
    table: pd.DataFrame, y: str, x: str, within: str, seed: int = 0
) -> tuple[float, float, float]:
    """Change of `y` for each doubling of `x` at the same `within`, with its interval.

    A regression with a level for each value of `within`; the 95% interval is that of a
    bootstrap over groups of one N and seed, whose rows share their luck.

    >>> table = pd.DataFrame({"N": [1, 2, 4] * 2, "D": [1] * 3 + [2] * 3, "seed": 0})
    >>> table = table.assign(gain=[3.0, 2.0, 1.0, 6.0, 5.0, 4.0])
    >>> [round(one, 6) for one in slope_within(table, "gain", "N", "D")]
    [-1.0, -1.0, -1.0]
    """
    group = table["N"].astype(str) + "-" + table["seed"].astype(str)
    levels = pd.get_dummies(table[within]).to_numpy(float)
    columns = np.column_stack([np.log2(table[x].to_numpy(float)), levels])
    values = table[y].to_numpy(float)
    slope = slope_of(columns, values, sides=1, column=0)
    return resampled(slope, group, 1000, seed)


def rounded_after_low_training(ptq: pd.DataFrame, post_bits: int) -> pd.DataFrame:
    """What rounding costs models whose weights were trained in few bits or in none.

    To nearest, on cells of N, D and seed; each model trained in more bits than it is
    rounded to stands beside its unquantized twin.

    Returns columns N, D, seed, weight_bits (in training), delta, post_loss, twin_delta
    and twin_post_loss.

    >>> from precision_lib.runs.run_table import load_ptq
    >>> table = rounded_after_low_training(load_ptq(), 3)
    >>> bool((table["weight_bits"] > 3).all())
    True
    """
    keep = (ptq["method"] == "rtn") & (ptq["post_bits"] == post_bits)
    keep &= ptq["sweep"].isin(["base", "parts", "ladder", "bits"])
    for part, column in PARTS.items():
        if part != "weights":
            keep &= ptq[column] == HIGH_PRECISION_BITS
    rows = ptq.loc[keep, [*TWIN, "weight_bits", "delta", "post_loss"]]
    high = rows[rows["weight_bits"] == HIGH_PRECISION_BITS].drop(columns="weight_bits")
    low = rows[rows["weight_bits"].between(post_bits + 1, HIGH_PRECISION_BITS - 1)]
    high = high.rename(columns={"delta": "twin_delta", "post_loss": "twin_post_loss"})
    return low.merge(high, on=TWIN, validate="many_to_one").reset_index(drop=True)


def worth_of_text(runs: pd.DataFrame) -> pd.DataFrame:
    """How many tokens of the whole clean text a token of another text is worth.

    The tokens at which an unquantized run on the whole clean text reaches the same
    loss are read off the measured ones of the same size and seed, linearly in log D
    and never beyond them.

    Returns columns corpus, N, D, loss, clean_loss (same tokens of clean text) and
    worth.

    `runs`: as `precision_lib.runs.run_table.load_runs` gives it.

    >>> from precision_lib.runs.run_table import load_runs
    >>> set(worth_of_text(load_runs())["corpus"]) <= set(TEXTS)
    True
    """
    clean = law_runs(runs)
    other = runs[(runs["sweep"] == "ablation") & (runs["status"] == "finished")]
    rows = []
    for _, one in other[other["corpus"].isin(list(TEXTS))].iterrows():
        same = clean[(clean["N"] == one["N"]) & (clean["seed"] == one["seed"])]
        line = same.sort_values("loss")
        if one["D"] not in set(line["D"]):
            continue
        inside = line["loss"].iloc[0] <= one["loss"] <= line["loss"].iloc[-1]
        tokens = np.exp(np.interp(one["loss"], line["loss"], np.log(line["D"])))
        level = line.loc[line["D"] == one["D"], "loss"].iloc[0]
        worth = tokens / one["D"] if inside else np.nan
        rows.append([one["corpus"], one["N"], one["D"], one["loss"], level, worth])
    columns = ["corpus", "N", "D", "loss", "clean_loss", "worth"]
    return pd.DataFrame(rows, columns=columns)


def mean_with_interval(values: pd.Series) -> tuple[float, float, float]:
    """Mean and the 95% interval of a bootstrap over rows; missing values are left out.

    >>> mean_with_interval(pd.Series([1.0, 1.0, None]))
    (1.0, 1.0, 1.0)
    """
    known = values.dropna().to_numpy(float)
    if not known.size:
        return float("nan"), float("nan"), float("nan")
    each = np.arange(known.size)
    return resampled(mean_of(known), each, one_by_one=True)


def who(interval: tuple[float, float], positive: str, negative: str, none: str) -> str:
    """One of three phrases by the side of zero on which an interval lies.

    >>> who((0.1, 0.2), "wins", "loses", "cannot be told apart")
    'wins'
    >>> who((-0.1, 0.2), "wins", "loses", "cannot be told apart")
    'cannot be told apart'
    """
    if interval[0] > 0:
        return positive
    return negative if interval[1] < 0 else none
