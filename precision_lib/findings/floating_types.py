"""What weights of a floating-point type cost in training, beside integers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from precision_lib.findings.format_error import with_gmse
from precision_lib.findings.measured import Measured
from precision_lib.findings.part_costs import fit_cells, label

Array = npt.NDArray[np.float64]
# Pairs of types of which the second has something more, or has it elsewhere.
STEPS = {
    "a bit more of exponent": (("e2m0", "e3m0"), ("e3m2", "e4m2"), ("e4m2", "e5m2")),
    "more bits of mantissa": (("e2m0", "e2m1"), ("e4m1", "e4m2"), ("e5m2", "e5m6")),
    "a bit moved to the mantissa": (("e3m0", "e2m1"), ("e4m1", "e3m2")),
}


def costs_by_type(measured: Measured, D: float) -> pd.DataFrame:
    """What each type of weights costs at D, at the size that has floating-point types.

    Weights alone, a scale a channel. Formats whose blocks have scales of their own are
    left out.

    Returns, index weight_format. Columns N; kind, "float" or "integer"; bits; gmse, the
    relative mean square error on normal numbers; cost with the ends of its 95% interval
    (low, high) in nats per token; by_error, the cost of integers of that gmse, read
    between those that were trained, NaN beyond them; and models.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base", "parts", "floating"], "short")
    >>> table = costs_by_type(short, 1.75e6)
    >>> bool(table.loc["e2m0", "cost"] > table.loc["e4m2", "cost"])
    True
    """
    cells = fit_cells(measured, D)
    runs = with_gmse(cells.runs[cells.runs["part"] == "weights"]).dropna(subset="gmse")
    usual = [label({"weight_format": name}) for name in runs["weight_format"]]
    runs = runs[runs["formats"] == usual]
    whole = runs["weight_format"].str.startswith("int")
    runs = runs.assign(kind=np.where(whole, "integer", "float"))
    size = int(runs.loc[~whole, "N"].min())
    rows = {}
    for name, here in runs[runs["N"] == size].groupby("weight_format"):
        found = cells.cost_estimate(size, label({"weight_format": name}))
        one = here.iloc[0]
        rows[name] = {
            "N": size, "kind": one["kind"], "bits": int(one["weight_bits"]),
            "gmse": one["gmse"], **found.row("cost", "models"),
        }  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("weight_format")
    known = table[table["kind"] == "integer"].sort_values("gmse")
    by_error = np.interp(
        np.log(table["gmse"]), np.log(known["gmse"]), known["cost"],
        left=np.nan, right=np.nan,
    )  # fmt: skip
    table = table.assign(by_error=by_error)
    return table.sort_values(["kind", "bits", "gmse"], ascending=[True, True, False])


def savings(
    measured: Measured,
    D: float,
    pairs: Sequence[tuple[str, str]] = sum(STEPS.values(), ()),
) -> pd.DataFrame:
    """What each second type of weights saves over the first, mean over models.

    Returns, index "first to second". Columns nats per token, low and high (95%),
    models.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base", "parts", "floating"], "short")
    >>> bool(savings(short, 1.75e6, [("e2m0", "e2m1")])["nats"].iloc[0] > 0)
    True
    """
    cells, rows = fit_cells(measured, D), {}
    for first, second in pairs:
        two = label({"weight_format": first}), label({"weight_format": second})

        def saved(p: Array, size: int, two: tuple[str, str] = two) -> float:
            return cells.cost(p, size, two[0]) - cells.cost(p, size, two[1])

        saving = cells.mean(saved, *two).row("nats", "models")
        rows[f"{first} to {second}"] = saving
    return pd.DataFrame.from_dict(rows, orient="index")
