"""Claims of 2025 and 2026 that the second table can be asked, one function each.

Each gives estimates with their 95% intervals; `precision_lib.findings.rival_numbers`
puts them beside what is claimed.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from precision_lib.findings import twins
from precision_lib.findings.composition import KINDS
from precision_lib.findings.cost_growth import fit_growth
from precision_lib.findings.estimate import Estimate
from precision_lib.findings.floating_types import costs_by_type
from precision_lib.findings.group_bootstrap import Array, resampled, slope_of
from precision_lib.findings.measured import Measured
from precision_lib.findings.part_costs import fit_cells, label
from precision_lib.findings.twins import TWIN, law_runs
from precision_lib.laws import bootstrap, fit

ENDS = ["estimate", "low", "high"]
TAILS = {
    "kurtosis of weights": "weight_kurtosis_mean",
    "max over median of weights": "weight_peak_mean",
    "kurtosis of activations": "activation_kurtosis_mean",
    "max over median of activations": "activation_peak_mean",
}


def kept_shares(
    rows: pd.DataFrame, replicates: int = 200, seed: int = 0
) -> pd.DataFrame:
    """Shares of size and of data that kinds of training keep, in the law of Quartet.

    Zhang et al. (arXiv 2602.19241): integers, whose error is additive, keep fewer
    parameters and all of the data.

    Returns, index side, "eff_N" or "eff_D", and weight_format, without the unquantized
    one; estimate, low and high (bootstrap over cells of N and D), units, their number.

    `rows`: as `precision_lib.findings.rivals.kinds_of_training` gives it.

    >>> from precision_lib.findings.rivals import kinds_of_training
    >>> from precision_lib.runs.run_table import load_runs
    >>> found = kept_shares(kinds_of_training(load_runs()), 5)
    >>> bool((found.loc["eff_N", "high"] < 1).all())
    True
    """
    cells = twins.cells(rows)
    with np.errstate(over="ignore"):  # of replicates that lead astray
        found = fit(rows, "quartet", starts=20, seed=seed)
        draws = bootstrap(found, "cluster", replicates, seed, by=cells.to_numpy())
    kinds = sorted(set(rows["weight_format"]) - {"float32"})
    table = {}
    for side in ("eff_N", "eff_D"):
        for kind in kinds:
            name = f"{side}[{kind}]"
            ends = draws.interval(name)
            table[side, kind] = [found.params[name], *ends, cells.nunique()]
    index = pd.MultiIndex.from_tuples(list(table))
    return pd.DataFrame(list(table.values()), index, [*ENDS, "units"])


def exponents_by_width(
    runs: pd.DataFrame, bits: int = 3, draws: int = 300, seed: int = 0
) -> pd.DataFrame:
    """Exponents of the base law at few bits less those of the unquantized twins.

    Vaidhya et al. (Spectra 1.1, arXiv 2506.23025): ternary weights have a smaller
    exponent of N and a larger one of D. Both fits see the same cells of N and D, drawn
    together.

    Returns, index alpha and beta; estimate, low, high and units (cells).

    >>> from precision_lib.runs.run_table import load_runs
    >>> exponents_by_width(load_runs(), draws=3).index.tolist()
    ['alpha', 'beta']
    """
    table = law_runs(runs[runs["sweep"].isin(["base", "ladder"])], "weights")
    low = table[table["weight_bits"] == bits].sort_values(TWIN)
    plain = table[table["weight_bits"] == 32].merge(low[TWIN], on=TWIN)
    low = low.merge(plain[TWIN], on=TWIN)
    pair = [one.sort_values(TWIN).reset_index(drop=True) for one in (low, plain)]
    cells = twins.cells(pair[0])
    fits = [fit(one, "chinchilla", seed=seed) for one in pair]
    drawn = [bootstrap(f, "cluster", draws, seed, by=cells.to_numpy()) for f in fits]
    rows = {}
    for name in ("alpha", "beta"):
        gaps = drawn[0].params[name] - drawn[1].params[name]
        ends = np.nanpercentile(gaps, [2.5, 97.5])
        gap = fits[0].params[name] - fits[1].params[name]
        rows[name] = [gap, *ends, cells.nunique()]
    return pd.DataFrame.from_dict(rows, "index", columns=[*ENDS, "units"])


def beyond_integers(measured: Measured, D: float) -> pd.DataFrame:
    """What floating-point weights cost above integers of the same error, in nats.

    Panferov et al. (arXiv 2506.01863): the error of a format on Gaussian numbers alone
    says what training in it costs. Types whose error lies beyond those of the integers
    are left out; the noise of the integers' line is not in the interval.

    Returns, index weight_format; estimate, low, high and units (models).

    >>> from precision_lib.findings.measured import load_measured
    >>> main = load_measured(["base", "ladder", "bits", "formats"])
    >>> "e2m1" in beyond_integers(main, 7e6).index
    True
    """
    table = costs_by_type(measured, D)
    table = table[table["kind"] == "float"].dropna(subset="by_error")
    found = table[["cost", "low", "high"]].sub(table["by_error"], axis=0)
    return found.set_axis(ENDS, axis=1).assign(units=table["models"])


def weights_over_activations(measured: Measured, least: float) -> Estimate:
    """The power of D in the cost of 3-bit weights less that of 4-bit activations.

    Chen et al. (arXiv 2505.14302) have .161 and .033 at 4 bits (Table 1).
    """
    growth = fit_growth(measured, least)
    one, two = (growth.excess(0, [part]) for part in ("weights", "activations"))
    return growth.estimate(lambda p: one(p) - two(p))


def pair_over_sum(measured: Measured, D: float, bits: int = 4) -> Estimate:
    """Cost of weights and activations at `bits` together, over the sum of both alone.

    Chen et al. (arXiv 2505.14302) have .906 at 4 bits (Fig. 6).

    >>> from precision_lib.findings.measured import load_measured
    >>> found = pair_over_sum(load_measured(["base", "ladder", "bits"]), 7e6)
    >>> 0.5 < found.value < 1.2
    True
    """
    cells = fit_cells(measured, D)
    kinds = [KINDS["weight_format"], KINDS["activation_format"]]
    alone = [label({kind: bits}) for kind in kinds]
    both = label(dict.fromkeys(kinds, bits))

    def ratio(p: Array, size: int) -> float:
        whole = sum(cells.cost(p, size, part) for part in alone)
        return float(cells.cost(p, size, both) / whole)

    return cells.mean(ratio, both, *alone)


def tails_and_cost(
    ptq: pd.DataFrame,
    statistics: pd.DataFrame,
    method: str,
    bits: int,
    within: bool = True,
    draws: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Rank correlation of what rounding costs with how heavy the tails are.

    Within cells of one N and D, where runs differ in rate, batch and seed alone, or
    over all runs. Vlassis et al. (arXiv 2509.23500): tails do not predict the cost of
    rounding across ways to train.

    Returns, index what of `TAILS`; estimate, low, high (bootstrap over runs) and units.

    `ptq`, `statistics`: of the second table; `data/statistics.csv` has a row a run.

    >>> ptq = pd.DataFrame({"run_id": list("abcd"), "N": 1, "D": 1, "post_bits": 3})
    >>> ptq = ptq.assign(method="rtn", delta=[0.1, 0.2, 0.3, 0.4])
    >>> tails = {column: [1.0, 2.0, 3.0, 5.0] for column in TAILS.values()}
    >>> found = tails_and_cost(
    ...     ptq, pd.DataFrame({"run_id": list("abcd"), **tails}), "rtn", 3, draws=20)
    >>> float(found.loc["kurtosis of weights", "estimate"].round(6))
    1.0
    """
    rows = ptq[(ptq["method"] == method) & (ptq["post_bits"] == bits)]
    rows = rows.merge(statistics, on="run_id")
    groups = twins.cells(rows) if within else pd.Series("all", rows.index)
    kept = groups.map(groups.value_counts()) > 2
    rows, groups = rows[kept], groups[kept]
    table = {}
    for what, column in TAILS.items():
        ranks = _centred(rows[[column, "delta"]], groups).to_numpy()
        table[what] = [*_correlation(ranks, draws, seed), len(rows)]
    return pd.DataFrame.from_dict(table, "index", columns=[*ENDS, "units"])


def _centred(values: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """Ranks within each group, from -1/2 to 1/2."""
    grouped = values.groupby(groups.to_numpy())
    middle = (grouped.transform("size").to_numpy() + 1) / 2
    ranks = grouped.rank().sub(middle, axis=0)
    return ranks.div(2 * middle - 1, axis=0)


def _correlation(pairs: Array, draws: int, seed: int) -> tuple[float, float, float]:
    x, y = pairs.T
    moments = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y])

    def correlation(weights: Array) -> Array:
        n, sx, sy, sxy, sxx, syy = moments @ weights.T
        spread = (sxx - sx**2 / n) * (syy - sy**2 / n)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((sxy - sx * sy / n) / np.sqrt(spread))

    return resampled(correlation, np.arange(len(x)), draws, seed)


def power_of_calibration(
    rounded: pd.DataFrame, draws: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """The power of the number of calibration windows in what GPTQ costs.

    Zhou et al. (arXiv 2508.18609): a larger calibration set lowers the loss after
    rounding, as a power. Over all sizes of the set, and from larger ones on.

    Returns, index "from 8 windows" and so on; estimate, low, high (bootstrap over
    models), units, their number.

    `rounded`: `data/calibration_size.csv`: run_id, windows, draw, delta.

    >>> made = pd.DataFrame({"run_id": ["a"] * 4 + ["b"] * 4, "windows": [8, 32] * 4})
    >>> made["delta"] = 0.3 * made["windows"] ** -0.5
    >>> power_of_calibration(made, draws=20)["estimate"].round(6).tolist()
    [-0.5]
    """
    rows = {}
    for least in sorted(rounded["windows"].unique())[:-1]:
        wide = rounded[rounded["windows"] >= least]
        levels = pd.get_dummies(wide["run_id"]).to_numpy(float)
        windows = np.log(wide["windows"].to_numpy(float))
        x = np.column_stack([windows - windows.mean(), levels])
        slope = slope_of(x, np.log(wide["delta"].to_numpy(float)), 1, column=0)
        ends = resampled(slope, wide["run_id"], draws, seed)
        rows[f"from {least} windows"] = [*ends, wide["run_id"].nunique()]
    return pd.DataFrame.from_dict(rows, "index", columns=[*ENDS, "units"])
