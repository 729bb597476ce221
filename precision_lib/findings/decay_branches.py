"""What rounding costs along a run at a constant rate, and after decays that leave it.

The plan "decay" of the second table: one run a size and seed at a constant rate, its
trunk, is stopped at a fifth before each D and from there trained on twice, at the same
rate and with a linear decay to zero: same weights, same tokens, another end.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from precision_lib.errors import UserError
from precision_lib.findings.measured import Measured, labelled, unquantized

TRUNK, BRANCH, USUAL = "constant rate", "decayed at its end", "cosine all along"
KINDS = (TRUNK, BRANCH, USUAL)
LATE = 7_000_000  # tokens, from where the registered exponents are fitted


def decay_runs(measured: Measured, bits: int = 3, method: str = "gptq") -> pd.DataFrame:
    """Costs of rounding of the plan, and of the usual runs of the same sizes.

    Returns columns N, seed, D, tokens, ``kind`` (of `KINDS`), loss and delta. Raises
    UserError if no run of the plan "decay" is there.

    >>> from precision_lib.findings.measured import load_measured
    >>> table = decay_runs(load_measured(["base", "decay"]))
    >>> sorted(set(table["kind"])) == sorted(KINDS)
    True
    """
    rows = labelled(unquantized(measured.ptq))
    rows = rows[(rows["method"] == method) & (rows["post_bits"] == bits)]
    ours = rows["sweep"] == "decay"
    if not ours.any():
        raise UserError("the table has no rounded run of the plan 'decay'.")
    schedule = measured.runs.set_index("run_id")["schedule"]
    at_end = rows["run_id"].map(schedule) == "linear"
    kind = np.select([~ours, at_end], [USUAL, BRANCH], TRUNK)
    rows = rows.assign(kind=kind)
    same = rows["N"].isin(rows.loc[ours, "N"]) & (ours | (rows["sweep"] == "base"))
    columns = ["N", "seed", "D", "tokens", "kind", "loss", "delta"]
    return rows.loc[same, columns].reset_index(drop=True)


def growth(table: pd.DataFrame, late: bool = True) -> pd.DataFrame:
    """gamma_D of each kind, from `LATE` on or up to it, the mean over models.

    A slope of ln delta on ln D in each model, that is N and seed, of two points or more
    over a factor of two in D; the 95% interval is Student's, over models.

    Returns, index kind; gamma_D, low and high (nan for one model), models.

    >>> rows = pd.DataFrame({"N": 9, "seed": [0, 0, 1, 1], "D": [7e6, 2.8e7] * 2})
    >>> rows = rows.assign(kind=TRUNK, delta=[0.1, 0.2, 0.1, 0.2])
    >>> round(growth(rows).loc[TRUNK, "gamma_D"], 6)
    np.float64(0.5)
    """
    edge = 0.97 * LATE if late else 1.03 * LATE
    rows = table[(table["D"] >= edge) if late else (table["D"] <= edge)]
    found: dict[str, dict[str, float]] = {}
    for kind, here in rows.groupby("kind"):
        slopes = [
            np.polyfit(np.log(one["D"]), np.log(one["delta"]), 1)[0]
            for _, one in here.groupby(["N", "seed"])
            if one["D"].max() > 1.9 * one["D"].min()
        ]
        if slopes:
            found[str(kind)] = _mean(np.array(slopes), "gamma_D")
    order = [kind for kind in KINDS if kind in found]
    return pd.DataFrame.from_dict(found, orient="index").loc[order]


def raised_by_decay(table: pd.DataFrame) -> pd.DataFrame:
    """How many times as much rounding costs after the decay as without, at equal D.

    Returns, index tokens; ratio, low and high (nan for one model), models: geometric
    means over models, whose branch and trunk share all but the last fifth of the steps.

    >>> rows = pd.DataFrame({"kind": [TRUNK, BRANCH], "delta": [0.1, 0.2]})
    >>> rows = rows.assign(N=9, seed=0, D=7e6, tokens=7_000_000)
    >>> raised_by_decay(rows)["ratio"].round(6).tolist()
    [2.0]
    """
    whole = table[(table["D"] / table["tokens"] - 1).abs() < 0.02]
    keys = ["tokens", "N", "seed"]
    wide = whole.pivot_table(index=keys, columns="kind", values="delta")
    logs = (wide[BRANCH] / wide[TRUNK]).dropna().map(np.log)
    rows = {
        tokens: _mean(one.to_numpy(), "ratio") for tokens, one in logs.groupby("tokens")
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    ends = ["ratio", "low", "high"]
    table[ends] = np.exp(table[ends])
    return table.rename_axis("tokens")


def by_rate(measured: Measured, bits: int = 3, method: str = "gptq") -> pd.DataFrame:
    """Loss and delta of unquantized runs that differ in rate and batch, by peak rate.

    Returns, index N and batch (sequences); peak rate, rising, loss and δ.

    >>> from precision_lib.findings.measured import load_measured
    >>> by_rate(load_measured(["tuning_rest"])).columns.tolist()
    ['peak rate', 'loss', 'δ']
    """
    rows = unquantized(measured.ptq)
    rows = rows[(rows["method"] == method) & (rows["post_bits"] == bits)]
    rows = rows[["run_id", "delta"]].merge(measured.runs, on="run_id")
    rows = rows.sort_values(["N", "batch_size", "peak_lr"])
    names = {"batch_size": "batch", "peak_lr": "peak rate", "delta": "δ"}
    rows = rows.rename(columns=names).set_index(["N", "batch"])
    return rows[["peak rate", "loss", "δ"]]


def _mean(values: npt.NDArray[np.float64], name: str) -> dict[str, float]:
    n, reach = len(values), float("nan")
    if n > 1:
        reach = float(stats.t.ppf(0.975, n - 1) * stats.sem(values))
    mean = float(values.mean())
    return {name: mean, "low": mean - reach, "high": mean + reach, "models": n}
