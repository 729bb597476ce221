"""The error of formats on Gaussian numbers, and what a law says that low bits cost.

Panferov et al. (arXiv 2506.01863) give the share of parameters that a format keeps as a
function of that error alone (GMSE).
"""

from __future__ import annotations

import pandas as pd

from precision_lib.formats import Element, parse_format
from precision_lib.formats.gaussian import gaussian_absmax_error
from precision_lib.laws import Fit


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
