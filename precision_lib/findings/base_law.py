"""Constants of the base law, and which of them the runs determine.

The law is fitted under the one noise model of our runs: what the runs of a model (N and
seed) share and what those of an N and D do are in the errors, so that a lack of fit is.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from precision_lib.findings.cost_growth import SIZE
from precision_lib.findings.measured import Measured, finished, unquantized
from precision_lib.findings.noise_model import Array, fit_mean
from precision_lib.findings.size_slope import MIDDLE
from precision_lib.laws import fit

CONSTANTS = ("E", "alpha", "beta")


def constants(measured: Measured, least: float) -> pd.DataFrame:
    """E, alpha and beta of the runs of at least so many tokens, with their errors.

    Returns, index the constant. Columns: estimate, error (standard), relative (error
    over estimate), low and high (95%), models, and runs. Raises Undetermined if the
    runs do not determine the law.

    `least`: runs of fewer tokens are left out.

    >>> from precision_lib.findings.measured import load_measured
    >>> found = constants(load_measured(["base"], "short"), 7e5)
    >>> bool(found.loc["beta", "relative"] < found.loc["alpha", "relative"])
    True
    """
    runs = unquantized(finished(measured.runs, least))
    size = runs["N"].to_numpy(float) / SIZE
    data = runs["D"].to_numpy(float) / MIDDLE
    law = fit(runs, "chinchilla", loss="ls").params
    fronts = law["A"] * SIZE ** -law["alpha"], law["B"] * MIDDLE ** -law["beta"]
    start = [law["E"], law["alpha"], law["beta"], *np.log(fronts)]

    def mean(p: Array) -> Array:
        terms = np.exp(p[3]) * size ** -p[1] + np.exp(p[4]) * data ** -p[2]
        return np.asarray(np.log(p[0] + terms))

    shared = {"model": runs["model"], "cell": runs["cell"]}
    fitted = fit_mean(np.log(runs["loss"]), mean, start, shared)
    models = runs["model"].nunique()
    rows = {}
    for place, name in enumerate(CONSTANTS):
        found = fitted.parameter(place, models)
        relative = found.error / abs(found.value)
        row = {"estimate": found.value, "error": found.error, "relative": relative}
        rows[name] = row | found.row(units="models") | {"runs": len(runs)}
    return pd.DataFrame.from_dict(rows, orient="index")
