"""The runs that differ in how the learning rate goes, and what rounding cost them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from precision_lib.formats import HIGH_PRECISION_BITS
from precision_lib.model.shapes import peak_learning_rate

STABLE = "WSD before its decay"
SCHEDULES: Mapping[str, Mapping[str, float | str]] = {
    "cosine": {"schedule": "cosine"},
    "linear": {"schedule": "linear"},
    "WSD": {"schedule": "wsd"},
    "constant": {"schedule": "constant", "warmup": 0.1, "averaging": 0.0},
    "constant, averaged": {"schedule": "constant", "averaging": 0.2},
    STABLE: {"schedule": "constant", "warmup": 0.125},
}
DECAY = 0.2  # share of the steps in which WSD goes down
SWEEPS = ("base", "schedules")


def schedule_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Unquantized finished runs of the plans base and schedules, named by schedule.

    Returns the rows with ``name``, one of `SCHEDULES`, and ``rate``: the peak learning
    rate as a share of the tuned one. Sizes that only cosine has are left out.

    >>> from precision_lib.runs.run_table import load_runs
    >>> set(schedule_runs(load_runs())["name"]) <= set(SCHEDULES)
    True
    """
    keep = runs["sweep"].isin(SWEEPS) & (runs["status"] == "finished")
    keep &= runs["weight_bits"] == HIGH_PRECISION_BITS
    chosen = runs[keep]
    name = pd.Series("", index=chosen.index)
    for label, settings in SCHEDULES.items():
        fits = pd.Series(True, index=chosen.index)
        for column, value in settings.items():
            fits &= chosen[column] == value
        name[fits] = label
    rule = chosen["N"].map(lambda size: peak_learning_rate(int(size)))
    chosen = chosen.assign(name=name, rate=(chosen["peak_lr"] / rule).round(2))
    sizes = chosen.loc[chosen["sweep"] == "schedules", "N"].unique()
    return chosen[chosen["N"].isin(sizes)].reset_index(drop=True)


def with_cost(
    runs: pd.DataFrame, ptq: pd.DataFrame, bits: int, method: str = "rtn"
) -> pd.DataFrame:
    """The runs with what rounding to `bits` cost each, as ``delta``.

    >>> from precision_lib.runs.run_table import load_ptq, load_runs
    >>> table = with_cost(schedule_runs(load_runs()), load_ptq(), 3)
    >>> bool(table["delta"].notna().all())
    True
    """
    keep = (ptq["method"] == method) & (ptq["post_bits"] == bits)
    cost = ptq.loc[keep, ["run_id", "post_bits", "post_loss", "delta"]]
    return runs.merge(cost, on="run_id", validate="one_to_one")


def decays(table: pd.DataFrame) -> pd.DataFrame:
    """Each WSD run beside itself before its decay: the run stopped at 80% of its steps.

    Returns a row a WSD run, with ``stable_D``, ``stable_loss``, ``stable_delta`` and
    ``ratio``, the cost of rounding after the decay over that before it.

    `table`: as `with_cost` gives it, of one rate.

    >>> from precision_lib.runs.run_table import load_ptq, load_runs
    >>> table = with_cost(schedule_runs(load_runs()), load_ptq(), 3)
    >>> jumps = decays(table[table["rate"] == 1])
    >>> bool((jumps["stable_D"] < jumps["D"]).all())
    True
    """
    after = table[table["name"] == "WSD"]
    before = table.loc[
        table["name"] == STABLE, ["N", "D", "seed", "batch_size", "loss", "delta"]
    ]
    before = before.rename(
        columns={"D": "stable_D", "loss": "stable_loss", "delta": "stable_delta"}
    )
    rows = after.merge(before, on=["N", "seed", "batch_size"])
    step = rows["batch_size"] * rows["sequence"]
    near = (rows["stable_D"] - (1 - DECAY) * rows["D"]).abs() <= step
    rows = rows[near].reset_index(drop=True)
    return rows.assign(ratio=rows["delta"] / rows["stable_delta"])
