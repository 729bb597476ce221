"""Whether training in few bits makes a model robust, beyond having a higher loss.

Low precision raises the loss, and a model of higher loss loses less when it is rounded
anyway. What is left is compared at equal loss: delta of unquantized models of the same
size against their own loss, and what models trained in few bits have above that curve.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from precision_lib.findings.cost_growth import LADDER
from precision_lib.findings.estimate import Estimate
from precision_lib.findings.measured import Measured, labelled
from precision_lib.findings.noise_model import Array, fit_mean
from precision_lib.findings.twins import with_part

POST = {"weights": 2, "activations": 3, "kv": 3, "tied": 3}


def robustness(
    measured: Measured, method: str = "gptq", parts: list[str] | None = None
) -> Estimate:
    """ln of delta over that of unquantized models at equal loss, mean over parts.

    Rounded to `POST` bits, fewer than the model was trained in. Runs whose loss is
    above that of every unquantized run of their size are left out.

    Parameters
    ----------
    measured : Measured
    method : str
        Of the rounding.
    parts : list of str, optional
        Those of the ladder whose mean is wanted; all of them.

    Examples
    --------
    >>> robustness(measured)  # doctest: +SKIP
    Estimate(value=-0.02, error=0.03, units=44, freedom=51.0, ends=None, others=())
    """
    wanted, rows = parts or list(LADDER), _rows(measured, method)
    curves = rows["N"].astype(str) + "-" + rows["post_bits"].astype(str)
    # the mean over seeds: noise in a loss would flatten the curve
    loss = rows.groupby(["cell", "part"])["loss"].transform("mean")
    middle = (loss - loss.groupby(rows["N"]).transform("mean")).to_numpy(float)
    kinds = sorted(set(curves))
    levels = [(curves == kind).to_numpy(float) for kind in kinds]
    widths = [
        (rows["post_bits"] == b).to_numpy(float) for b in sorted(set(POST.values()))
    ]
    columns = [(rows["part"] == part).to_numpy(float) for part in LADDER]
    columns += [*levels, *(level * middle for level in levels)]
    columns += [width * middle**power for width in widths for power in (2, 3)]
    design = np.column_stack(columns)
    y = np.log(rows["delta"].to_numpy(float))
    start = np.linalg.lstsq(design, y, rcond=None)[0]
    shared = {name: rows[name] for name in ("model", "run_id")}
    shared["data and order"] = rows["model"] + rows["cell"]
    rough = {"low precision": rows["part"] != "none"}
    fitted = fit_mean(y, lambda p: design @ p, start, shared, rough)
    places = [list(LADDER).index(part) for part in wanted]

    def mean(p: Array) -> float:
        return float(np.mean(p[places]))

    return fitted.estimate(mean, rows.loc[rows["part"] != "none", "run_id"].nunique())


def _rows(measured: Measured, method: str) -> pd.DataFrame:
    rows = with_part(labelled(measured.ptq))
    rows = rows[rows["method"] == method]
    ladder = rows["part"].map(LADDER) == rows["bits"]
    low = rows[ladder & (rows["part"].map(POST) == rows["post_bits"])]
    high = rows[(rows["part"] == "none") & rows["N"].isin(low["N"])]
    high = high[high["post_bits"].isin(set(POST.values()))]
    highest = high.groupby("N")["loss"].max()
    low = low[low["loss"] <= low["N"].map(highest)]
    return pd.concat([high, low], ignore_index=True)
