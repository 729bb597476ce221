"""Whether training in few bits makes a model robust, beyond having a higher loss.

Low precision raises the loss, and a model of higher loss loses less when it is rounded
anyway. What is left is compared at equal loss: delta of unquantized models of the same
size against their own loss, and what models trained in few bits have above that curve.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from precision_lib.findings.cost_growth import LADDER
from precision_lib.findings.estimate import Estimate
from precision_lib.findings.measured import Measured, labelled
from precision_lib.findings.noise_model import Array, MeanFit, fit_linear
from precision_lib.findings.twins import with_part

MEAN, ENDS = "all four", ("ratio", "low", "high")
POST = {"weights": 2, "activations": 3, "kv": 3, "tied": 3}


def robustness(measured: Measured, method: str = "gptq") -> Estimate:
    """ln of delta over that of unquantized models at equal loss, mean over parts.

    Rounded to `POST` bits, fewer than the model was trained in. Runs whose loss is
    above that of every unquantized run of their size are left out.
    """
    return _estimate(*_fit(measured, method, "loss"), list(LADDER))


def _fit(measured: Measured, method: str, equal: str) -> tuple[MeanFit, pd.DataFrame]:
    """ln delta by what it is compared at; the first parameters are of the parts."""
    rows = ladder_roundings(measured, method)
    beside: list[Array] = _curves(rows)
    if equal == "data":
        kinds = rows["cell"] + "-" + rows["post_bits"].astype(str)
        known = kinds.isin(kinds[rows["part"] == "none"])
        rows, kinds = rows[known].reset_index(drop=True), kinds[known]
        beside = [np.asarray(kinds == kind, float) for kind in sorted(set(kinds))]
    columns = [(rows["part"] == part).to_numpy(float) for part in LADDER]
    shared = {name: rows[name] for name in ("model", "run_id")}
    shared["data and order"] = rows["model"] + rows["cell"]
    # the runs of a cell have one place on the curve, with the noise of their mean loss
    shared["cell"] = rows["cell"] + rows["part"]
    rough = {"low precision": rows["part"] != "none"}
    logs = np.log(rows["delta"].to_numpy(float))
    return fit_linear(logs, [*columns, *beside], shared, rough), rows


def _estimate(fitted: MeanFit, rows: pd.DataFrame, parts: list[str]) -> Estimate:
    places = [list(LADDER).index(part) for part in parts]
    units = rows.loc[rows["part"].isin(parts), "run_id"].nunique()
    return fitted.estimate(lambda p: float(np.mean(p[places])), units)


def _curves(rows: pd.DataFrame) -> list[Array]:
    """Columns of ln delta against loss: a line a size and width, its bend a width."""
    curves = rows["N"].astype(str) + "-" + rows["post_bits"].astype(str)
    # the mean over seeds: noise in a loss would flatten the curve
    loss = rows.groupby(["cell", "part"])["loss"].transform("mean")
    middle = (loss - loss.groupby(rows["N"]).transform("mean")).to_numpy(float)
    levels = [(curves == kind).to_numpy(float) for kind in sorted(set(curves))]
    widths = [
        (rows["post_bits"] == b).to_numpy(float) for b in sorted(set(POST.values()))
    ]
    bends = [width * middle**power for width in widths for power in (2, 3)]
    return [*levels, *(level * middle for level in levels), *bends]


def ratios(measured: Measured, methods: list[str]) -> pd.DataFrame:
    """delta of models trained in few bits over that of unquantized ones.

    Returns, index part ("all four", their mean, and those of the ladder), method and
    equal ("data" or "loss"); columns ratio, low and high (95%), and runs in few bits.
    """
    found = {}
    for method, equal in product(methods, ("data", "loss")):
        fit = _fit(measured, method, equal)
        for part in (MEAN, *LADDER):
            one = _estimate(*fit, list(LADDER) if part == MEAN else [part])
            values = np.exp([one.value, *one.interval()])
            found[part, method, equal] = [*values, one.units]
    table = pd.DataFrame.from_dict(found, "index", columns=[*ENDS, "runs"])
    table.index = pd.MultiIndex.from_tuples(found, names=["part", "method", "equal"])
    return table


def ladder_roundings(measured: Measured, method: str) -> pd.DataFrame:
    """Roundings of the ladder to `POST` bits, and of unquantized models to the same."""
    rows = with_part(labelled(measured.ptq))
    rows = rows[rows["method"] == method]
    ladder = rows["part"].map(LADDER) == rows["bits"]
    low = rows[ladder & (rows["part"].map(POST) == rows["post_bits"])]
    high = rows[(rows["part"] == "none") & rows["N"].isin(low["N"])]
    high = high[high["post_bits"].isin(set(POST.values()))]
    highest = high.groupby("N")["loss"].max()
    low = low[low["loss"] <= low["N"].map(highest)]
    return pd.concat([high, low], ignore_index=True)
