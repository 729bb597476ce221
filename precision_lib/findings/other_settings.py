"""The runs with another text, tokenizer, weight decay or window, by name."""

from __future__ import annotations

from typing import Any

import pandas as pd

from precision_lib.formats import HIGH_PRECISION_BITS
from precision_lib.text.corpus import SEQUENCE

USUAL = "as elsewhere"
SETTINGS = {
    "api": "API documentation alone",
    "half": "half the text",
    "replaced20": "a fifth of the words replaced",
    "vocab1024": "tokenizer of 1,024",
}
LINEAR = "linear decay"
HALF_RATE = "half the peak rate"


def setting_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Unquantized finished runs of the plan ablation and their usual counterparts.

    Those are the runs of base with the sizes of the plan, and two kinds of the plan
    schedules: linear decay at the tuned rate, and cosine at half of it.

    Returns the rows with ``setting``, the name of what differs.

    >>> from precision_lib.runs.run_table import load_runs
    >>> USUAL in set(setting_runs(load_runs())["setting"])
    True
    """
    keep = runs["sweep"].isin(("base", "ablation", "schedules"))
    keep &= (runs["status"] == "finished") & (
        runs["weight_bits"] == HIGH_PRECISION_BITS
    )
    chosen = runs[keep]
    names = [_name(row) for row in chosen.itertuples()]
    sizes = chosen.loc[chosen["sweep"] == "ablation", "N"].unique()
    chosen = chosen.assign(setting=names)
    chosen = chosen[(chosen["setting"] != "") & chosen["N"].isin(sizes)]
    return chosen.reset_index(drop=True)


def _name(run: Any) -> str:
    """What a run does differently; empty for the schedules of another chapter."""
    if run.sweep == "base":
        return USUAL
    if run.sweep == "schedules":
        return {"linear": LINEAR, "cosine": HALF_RATE}.get(run.schedule, "")
    if run.corpus in SETTINGS:
        return SETTINGS[run.corpus]
    if run.sequence != SEQUENCE:
        return f"windows of {run.sequence}"
    return f"weight decay {run.weight_decay:g}"


def falls_with_size(table: pd.DataFrame, by: str, value: str) -> pd.DataFrame:
    """Value at the largest size over that at the smallest, run by run.

    Returns a row a pair, with `by`, D, seed and ``ratio``.

    `table`: one row a run, with N, D, seed.

    >>> table = pd.DataFrame({"N": [1, 4], "D": 9, "seed": 0, "delta": [0.4, 0.1]})
    >>> falls_with_size(table.assign(s="a"), "s", "delta")["ratio"].tolist()
    [0.25]
    """
    ends = table[table["N"].isin([table["N"].min(), table["N"].max()])]
    index = [by, "D", "seed"]
    wide = ends.pivot_table(value, index, "N")
    if wide.shape[1] < 2:
        return pd.DataFrame(columns=[*index, "ratio"])
    ratio = (wide[wide.columns[-1]] / wide[wide.columns[0]]).dropna()
    return ratio.rename("ratio").reset_index()


def falls_with_bits(ptq: pd.DataFrame, low: int, high: int) -> pd.DataFrame:
    """Cost of rounding to `high` bits over that to `low` bits, model by model.

    >>> table = pd.DataFrame({"run_id": "a", "post_bits": [3, 5], "delta": [0.4, 0.1]})
    >>> falls_with_bits(table, 3, 5)["ratio"].tolist()
    [0.25]
    """
    wide = ptq.pivot_table("delta", "run_id", "post_bits")
    ratio = (wide[high] / wide[low]).dropna()
    return ratio.rename("ratio").reset_index()
