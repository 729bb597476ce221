"""Whether low precision costs parameters, or an error that grows with D.

If low precision takes parameters away (the paper, equation 3), its cost is the size
slope times what was lost, and has the size slope's exponents in D and N. Chen et al.
(arXiv 2505.14302) have it grow faster with D. Both exponents are read off the same fit,
which gives each D its own level and no law to the loss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from precision_lib.errors import Undetermined
from precision_lib.findings.estimate import Estimate
from precision_lib.findings.measured import Measured, drift, finished
from precision_lib.findings.noise_model import Array, MeanFit, fit_linear, fit_mean
from precision_lib.findings.size_slope import MIDDLE
from precision_lib.findings.twins import with_part

LADDER = {"weights": 3, "activations": 4, "kv": 3, "tied": 4}
SIZE = 98e3  # parameters, where costs are stated


class Growth(NamedTuple):
    """Exponents of the costs beside those of the size slope.

    `fitted`: its first parameters are the size slope's exponents in D and in N, then of
    each part those of its cost in D, in N, and the logarithm of the cost; `runs`: the
    rows.

    >>> Growth(None, ["tied"], pd.DataFrame()).parts
    ['tied']
    """

    fitted: MeanFit
    parts: list[str]
    runs: pd.DataFrame

    def excess(self, which: int, parts: list[str]) -> Callable[[Array], float]:
        """Mean over `parts` of an exponent of the cost, less the size slope's.

        `which` is 0 for the exponent in D and 1 for that in N.
        """
        places = [2 + 3 * self.parts.index(part) + which for part in parts]
        return lambda p: float(np.mean(p[places]) - p[which])

    def estimate(self, of: Callable[[Array], float]) -> Estimate:
        """A function of the exponents, counted by models."""
        return self.fitted.estimate(of, self.runs["model"].nunique())


def excess_exponent(
    measured: Measured, least: float = 1.75e6, parts: list[str] | None = None
) -> Estimate:
    """Exponent in D of the cost of low precision less that of the size slope.

    Raises Undetermined if a part of the ladder has no runs.

    `least`: runs of fewer tokens are left out. `parts`: those of `LADDER` whose mean is
    wanted; all of them.
    """
    growth = fit_growth(measured, least)
    return growth.estimate(growth.excess(0, parts or growth.parts))


def excess_size_exponent(
    measured: Measured, least: float = 1.75e6, parts: list[str] | None = None
) -> Estimate:
    """Exponent in N of the cost of low precision less that of the size slope.

    Parameters and errors are those of `excess_exponent`.
    """
    growth = fit_growth(measured, least)
    return growth.estimate(growth.excess(1, parts or growth.parts))


def fit_growth(measured: Measured, least: float) -> Growth:
    """Loss by a level of each D, a power of N whose size goes with D, and costs."""
    rows = with_part(finished(measured.runs, least))
    ladder = rows["part"].map(LADDER) == rows["bits"]
    rows = rows[ladder | (rows["part"] == "none")].reset_index(drop=True)
    parts = [part for part in LADDER if (rows["part"] == part).any()]
    if missing := [part for part in LADDER if part not in parts]:
        bits = LADDER[missing[0]]
        raise Undetermined(f"there is no run with {missing[0]} at {bits} bits.")
    places, levels = pd.factorize(rows["tokens"], sort=True)
    tokens = rows["tokens"].to_numpy(float) / MIDDLE
    size = rows["N"].to_numpy(float) / SIZE
    masks = [(rows["part"] == part).to_numpy() for part in parts]
    known = 2 + 3 * len(parts)

    def mean(p: Array) -> Array:
        loss = p[known + 1 :][places] + np.exp(p[known]) * tokens ** p[0] * size ** p[1]
        for i, mask in enumerate(masks):
            in_data, in_size, cost = p[2 + 3 * i : 5 + 3 * i]
            costs = np.exp(cost) * tokens[mask] ** in_data * size[mask] ** in_size
            loss[mask] += costs
        return np.asarray(np.log(loss))

    by_data = rows["loss"].groupby(rows["tokens"]).min().to_numpy()
    start = np.concatenate(
        [[0.05, -0.3], [0.1, -0.3, -1.8] * len(parts), [-0.5], by_data - 0.5]
    )
    shared = drift(rows) | {"model": rows["model"], "cell": rows["cell"]}
    shared["data and order"] = rows["model"] + rows["cell"]
    low = {"low precision": rows["part"] != "none"}
    return Growth(fit_mean(np.log(rows["loss"]), mean, start, shared, low), parts, rows)


def allocation_shift(measured: Measured) -> Estimate:
    """ln(size slope / data slope), all parts at 4 bits less unquantized.

    Both slopes are those of a plane through the losses at 24k to 222k parameters and
    3.5M to 14M tokens, whose curvature the two precisions share. At given compute the
    best N grows with the ratio (equation 6 of the paper).
    """
    rows = with_part(finished(measured.runs, 3.5e6))
    rows = rows[rows["N"].between(22e3, 240e3) & (rows["tokens"] <= 14e6)]
    tied = (rows["part"] == "tied") & (rows["bits"] == LADDER["tied"])
    rows = rows[tied | (rows["part"] == "none")].reset_index(drop=True)
    low = (rows["part"] == "tied").to_numpy(float)
    size = np.log(rows["N"].to_numpy(float) / 73e3)
    data = np.log(rows["tokens"].to_numpy(float) / MIDDLE)
    one = np.ones_like(size)
    columns = [one, size, data, low, low * size, low * data]
    columns += [size**2, data**2, size * data]
    shared = {"model": rows["model"], "cell": rows["cell"]}
    shared["data and order"] = rows["model"] + rows["cell"]
    fitted = fit_linear(rows["loss"], columns, shared, {"low precision": low})

    def shift(p: Array) -> float:
        return float(np.log((p[1] + p[4]) / (p[2] + p[5])) - np.log(p[1] / p[2]))

    return fitted.estimate(shift, rows["model"].nunique())
