"""How the cost of each method of rounding goes with data, size and bits."""

from __future__ import annotations

import pandas as pd

from precision_lib.decide import paper_degradation
from precision_lib.findings.delta_growth import curvature_in_bits, exponent
from precision_lib.findings.measured import Measured

NAMES = {"rtn": "nearest", "gptq": "GPTQ", "awq": "AWQ", "noise": "noise"}


def growths(measured: Measured, least: float) -> dict[str, pd.DataFrame]:
    """Exponents of delta in D and 1/N, and the bend of ln delta in the bits, by method.

    The bend is that of `precision_lib.findings.delta_growth.curvature_in_bits`: zero
    for an exponential.

    Returns, by the method's name: index D, N and bits; columns estimate, low and high
    (95%), and paper. `least`: tokens of the shortest run.

    >>> from precision_lib.findings.measured import load_measured
    >>> found = growths(load_measured(["base"]), 3.5e6)
    >>> list(found), bool(found["GPTQ"].loc["D", "low"] > 0)
    (['nearest', 'GPTQ', 'AWQ', 'noise'], True)
    """
    paper = paper_degradation().params
    theirs = {"D": paper["gamma_D"], "N": paper["gamma_N"], "bits": 0.0}
    found = {}
    for method, name in NAMES.items():
        ours = {
            "D": exponent(measured, "D", method, least),
            "N": exponent(measured, "N", method, least),
            "bits": curvature_in_bits(measured, method, least),
        }
        rows = {of: one.row() | {"paper": theirs[of]} for of, one in ours.items()}
        table = pd.DataFrame.from_dict(rows, orient="index")
        found[name] = table.drop(columns="units")
    return found
