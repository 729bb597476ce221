"""Whether the error of a format on Gaussian numbers says what its training will cost.

Panferov et al. (arXiv 2506.01863) give the share of parameters that a format keeps as a
function of that error alone (GMSE), so that integers should predict floats.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from precision_lib.findings import twins
from precision_lib.findings.group_bootstrap import mean_of, resampled
from precision_lib.findings.rivals import weight_only
from precision_lib.findings.twins import with_twins
from precision_lib.formats import Element, parse_format
from precision_lib.formats.gaussian import gaussian_absmax_error
from precision_lib.laws import Fit, fit

LAWS = ("capacity", "effective-weights")
PLANS = ("base", "parts", "floating", "ladder", "bits", "formats")  # of both tables


def with_gmse(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs with the error of their weight format, where a row of a matrix has a scale.

    That of a format whose blocks have scales of their own is NaN.

    >>> runs = pd.DataFrame({"weight_format": ["float32", "int4"], "d_model": 64})
    >>> with_gmse(runs)["gmse"].round(4).tolist()
    [0.0, 0.0116]
    """
    known = runs[["weight_format", "d_model"]].drop_duplicates()
    errors = {
        (name, width): _error(name, int(width))
        for name, width in known.itertuples(index=False)
    }
    pairs = zip(runs["weight_format"], runs["d_model"], strict=True)
    return runs.assign(gmse=[errors[pair] for pair in pairs])


def _error(name: str, width: int) -> float:
    fmt = parse_format(name)
    if isinstance(fmt, Element):
        return gaussian_absmax_error(fmt, width)
    return 0.0 if fmt is None else float("nan")


def weight_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs with low-bit weights alone: gmse, kind ("int", "float", "none").

    >>> from precision_lib.runs.run_table import load_runs
    >>> sorted(set(weight_runs(load_runs(table="short"))["kind"]))
    ['float', 'int', 'none']
    """
    table = with_gmse(weight_only(runs, *PLANS)).dropna(subset="gmse")
    whole = table["weight_format"].str.startswith("int")
    kind = pd.Series("float", table.index).mask(whole, "int")
    return table.assign(kind=kind.mask(table["gmse"] == 0, "none"))


def carried_over(
    table: pd.DataFrame, known: str, asked: str, draws: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Costs of formats of one kind as predicted from those of another.

    A law is fitted to unquantized runs and those of the kind `known`. What it says of
    the cost of a run of the kind `asked` (its loss less that of the same law without
    quantization) is held against the cost over the twin. Formats beyond the errors of
    the known ones are left out.

    Returns, index law; error, the mean absolute miss in nats, with low and high; paired
    with the second law: difference, difference_low, difference_high; runs.

    >>> from precision_lib.runs.run_table import load_runs
    >>> table = weight_runs(load_runs(table="short"))
    >>> carried_over(table, "int", "float", draws=50).index.tolist()
    ['capacity', 'effective-weights']
    """
    seen = table[table["kind"].isin(["none", known])]
    pairs = with_twins(table[table["kind"].isin(["none", asked])])
    pairs = pairs[pairs["gmse"].between(0, seen["gmse"].max())]
    cells = twins.cells(pairs)
    misses = {
        law: np.abs(predicted_cost(fit(seen, law, seed=seed), pairs) - pairs["cost"])
        for law in LAWS
    }
    rows = {}
    for law, miss in misses.items():
        error, low, high = resampled(mean_of(miss), cells, draws, seed)
        gap = miss - misses[LAWS[1]]
        mean, below, above = resampled(mean_of(gap), cells, draws, seed)
        rows[law] = {
            "error": error, "low": low, "high": high, "difference": mean,
            "difference_low": below, "difference_high": above, "runs": len(pairs),
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index")


def predicted_cost(law: Fit, pairs: pd.DataFrame) -> pd.Series:
    """What a law says that the low precision of these runs costs.

    >>> from precision_lib.laws import fit, planted_table
    >>> table = pd.DataFrame(planted_table("capacity", 60))
    >>> law = fit(table, "capacity", starts=5)
    >>> cost = predicted_cost(law, table)
    >>> bool((cost[table["gmse"] == 0] == 0).all())
    True
    """
    plain = pairs.assign(gmse=0.0, weight_bits=32)
    return pd.Series(law.predict(pairs) - law.predict(plain), pairs.index)
