"""What more parameters gain at equal D, and whether that changes with D.

No law of N and D is asked: the loss of each D has its own level, each size its own
effect, and the effects of all sizes grow or shrink together with one power of D. The
additive law of the paper (equation 1) says that the power is zero.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from precision_lib.errors import Undetermined
from precision_lib.findings.estimate import Estimate
from precision_lib.findings.measured import Measured, drift, finished, unquantized
from precision_lib.findings.noise_model import Array, MeanFit, fit_mean

MIDDLE = 7e6  # tokens, where the effects of the sizes are stated


def slope_exponent(measured: Measured, least: float = 1.75e6) -> Estimate:
    """Exponent in D of -dL/d ln N.

    `least`: runs of fewer tokens are left out.

    >>> from precision_lib.findings.measured import load_measured
    >>> found = slope_exponent(load_measured(["base"], "short"), least=7e5)
    >>> found.interval()[0] > 0.04  # short runs: the transient
    True
    """
    runs = unquantized(finished(measured.runs, least))
    fitted = fit_slopes(runs)
    return fitted.estimate(lambda p: float(p[0]), runs["model"].nunique())


def fit_slopes(runs: pd.DataFrame) -> MeanFit:
    """The exponent, a level for each D, and an effect for each size but the smallest.

    `runs`: unquantized and labelled.

    >>> from precision_lib.findings.measured import load_measured
    >>> runs = unquantized(finished(load_measured(["base"], "short").runs, 3e6))
    >>> len(fit_slopes(runs).parameters) == 1 + runs["tokens"].nunique() + 5
    True
    """
    if runs.empty:
        raise Undetermined("there is no unquantized run of so many tokens.")
    places, levels = pd.factorize(runs["tokens"], sort=True)
    sizes, kinds = pd.factorize(runs["N"], sort=True)
    ratio = runs["tokens"].to_numpy(float) / MIDDLE

    def mean(p: Array) -> Array:
        level, effect = p[1 : 1 + len(levels)], np.append(0.0, p[1 + len(levels) :])
        with np.errstate(invalid="ignore"):  # a step too far; `fit_mean` goes back
            return np.asarray(np.log(level[places] - ratio ** p[0] * effect[sizes]))

    loss = runs["loss"]
    by_size = loss.groupby(runs["N"]).mean().to_numpy()
    by_data = loss.groupby(runs["tokens"]).mean().to_numpy()
    start = np.concatenate(
        [[0.0], by_data + 0.1, np.linspace(0.1, 0.5, len(kinds))[1:]]
    )
    start[1 + len(levels) :] = np.maximum(by_size[0] - by_size[1:], 0.01)
    shared = drift(runs) | {"model": runs["model"], "cell": runs["cell"]}
    return fit_mean(np.log(loss), mean, start, shared)
