"""Claims of 2025 and 2026 that the stored runs can be asked, one function each."""

from __future__ import annotations

import numpy as np
import pandas as pd

from precision_lib.findings import twins
from precision_lib.findings.cost_powers import power_of
from precision_lib.findings.group_bootstrap import Array, resampled, slope_of
from precision_lib.findings.rivals import weight_only
from precision_lib.laws import bootstrap, fit

COARSE = {"int": ("int2", "int3", "int4"), "float": ("e2m0", "e3m0", "e2m1", "e4m1")}
TAILS = {
    "kurtosis of weights": "weight_kurtosis_mean",
    "max over median of weights": "weight_peak_mean",
    "kurtosis of activations": "activation_kurtosis_mean",
    "max over median of activations": "activation_peak_mean",
}


def kept_shares(
    runs: pd.DataFrame, kind: str, replicates: int = 200, seed: int = 0
) -> pd.DataFrame:
    """Shares of size and of data that coarse formats keep, in the law of Quartet.

    Zhang et al. (arXiv 2602.19241): integers, whose error is additive, keep fewer
    parameters; floats, whose error is relative, less data.

    Returns, index format; eff_N, eff_D, each with _low and _high (bootstrap over
    cells).

    `runs`: as `precision_lib.runs.run_table.load_runs` gives it; `kind`: "int" or
    "float".

    >>> from precision_lib.runs.run_table import load_runs
    >>> kept_shares(load_runs(table="short"), "int", 3).index.tolist()
    ['int2', 'int3', 'int4']
    """
    table = weight_only(runs, "base", "parts", "floating")
    table = table[table["weight_format"].isin(["float32", *COARSE[kind]])]
    cells = twins.cells(table)
    found = fit(table, "quartet", starts=20, seed=seed)
    draws = bootstrap(found, "cluster", replicates, seed, by=cells.to_numpy())
    rows: dict[str, dict[str, float]] = {}
    for name in COARSE[kind]:
        rows[name] = {}
        for side in ("eff_N", "eff_D"):
            low, high = draws.interval(f"{side}[{name}]")
            rows[name][side] = found.params[f"{side}[{name}]"]
            rows[name] |= {f"{side}_low": low, f"{side}_high": high}
    return pd.DataFrame.from_dict(rows, orient="index")


def exponents_by_width(
    runs: pd.DataFrame, bits: int = 2, draws: int = 300, seed: int = 0
) -> pd.DataFrame:
    """Exponents of the base law at few bits less those of the unquantized twins.

    Vaidhya et al. (Spectra 1.1, arXiv 2506.23025): ternary weights have a smaller
    exponent of N and a larger one of D. Both fits see the same cells of N and D, drawn
    together.

    Returns, index alpha and beta; low_bits, unquantized, difference, low and high.

    >>> from precision_lib.runs.run_table import load_runs
    >>> exponents_by_width(load_runs(table="short"), draws=3).index.tolist()
    ['alpha', 'beta']
    """
    table = weight_only(runs, "base", "parts")
    twin = ["N", "D", "seed"]
    low = table[table["weight_bits"] == bits].sort_values(twin)
    plain = table[table["weight_bits"] == 32].merge(low[twin], on=twin)
    pair = [low.reset_index(drop=True), plain.sort_values(twin).reset_index(drop=True)]
    cells = twins.cells(pair[0]).to_numpy()
    fits = [fit(one, "chinchilla", seed=seed) for one in pair]
    drawn = [bootstrap(one, "cluster", draws, seed, by=cells) for one in fits]
    rows = {}
    for name in ("alpha", "beta"):
        one, two = (found.params[name] for found in fits)
        gaps = drawn[0].params[name] - drawn[1].params[name]
        low_end, high_end = np.nanpercentile(gaps, [2.5, 97.5])
        rows[name] = {"low_bits": one, "unquantized": two, "difference": one - two,
                      "low": low_end, "high": high_end}  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index")


def tails_and_cost(
    ptq: pd.DataFrame,
    statistics: pd.DataFrame,
    method: str,
    bits: int,
    draws: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Rank correlation of what rounding costs with how heavy the tails are.

    Over all runs, and within cells of one N and D, where runs differ in rate, batch and
    seed alone. Vlassis et al. (arXiv 2509.23500): tails do not predict the cost of
    rounding across ways to train.

    Returns, index what of `TAILS`; all and within, each with _low and _high (bootstrap
    over runs), runs and within_runs.

    `ptq`, `statistics`: of the second table; `data/statistics.csv` has a row a run.

    >>> ptq = pd.DataFrame({"run_id": list("abcd"), "N": 1, "D": 1, "post_bits": 3})
    >>> ptq = ptq.assign(method="rtn", delta=[0.1, 0.2, 0.3, 0.4])
    >>> tails = {column: [1.0, 2.0, 3.0, 5.0] for column in TAILS.values()}
    >>> found = tails_and_cost(
    ...     ptq, pd.DataFrame({"run_id": list("abcd"), **tails}), "rtn", 3, draws=20)
    >>> float(found.loc["kurtosis of weights", "within"].round(6))
    1.0
    """
    rows = ptq[(ptq["method"] == method) & (ptq["post_bits"] == bits)]
    rows = rows.merge(statistics, on="run_id")
    cells = twins.cells(rows)
    alike = rows[cells.map(cells.value_counts()) > 2]
    own = twins.cells(alike)
    table = {}
    for what, column in TAILS.items():
        inside, every = (
            _centred(alike[[column, "delta"]], own),
            _centred(rows[[column, "delta"]], pd.Series("all", rows.index)),
        )
        table[what] = {
            **_correlation("all", every.to_numpy(), draws, seed), "runs": len(rows),
            **_correlation("within", inside.to_numpy(), draws, seed),
            "within_runs": len(alike),
        }  # fmt: skip
    return pd.DataFrame.from_dict(table, orient="index")


def _centred(values: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """Ranks within each group, from -1/2 to 1/2."""
    grouped = values.groupby(groups.to_numpy())
    middle = (grouped.transform("size").to_numpy() + 1) / 2
    ranks = grouped.rank().sub(middle, axis=0)
    return ranks.div(2 * middle - 1, axis=0)


def _correlation(name: str, pairs: Array, draws: int, seed: int) -> dict[str, float]:
    x, y = pairs.T
    moments = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y])

    def correlation(weights: Array) -> Array:
        n, sx, sy, sxy, sxx, syy = moments @ weights.T
        spread = (sxx - sx**2 / n) * (syy - sy**2 / n)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((sxy - sx * sy / n) / np.sqrt(spread))

    value, low, high = resampled(correlation, np.arange(len(x)), draws, seed)
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def power_of_calibration(
    rounded: pd.DataFrame, draws: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """The power of the number of calibration windows in what GPTQ costs.

    Zhou et al. (arXiv 2508.18609): a larger calibration set lowers the loss after
    rounding, as a power. Over all sizes, and from the 32 windows on.

    Returns, index "from 8 windows" and so on; estimate, low, high (bootstrap over
    models), models.

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
        value, low, high = resampled(slope, wide["run_id"], draws, seed)
        rows[f"from {least} windows"] = {
            "estimate": value, "low": low, "high": high,
            "models": wide["run_id"].nunique(),
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index")


def noise_beside_rounding(
    ptq: pd.DataFrame, bits: int, draws: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Powers of D in the cost of rounding, of noise of its size, and in their ratio.

    Springer et al. (arXiv 2503.19206): a longer-trained model is more sensitive to any
    fixed disturbance; then noise costs the more, too, with the same power.

    Returns, index "rounding", "noise" and "ratio"; estimate, low, high, runs.

    `ptq`: of the second table, in which the method "noise" is.

    >>> cells = pd.DataFrame({"N": [1, 1, 2, 2, 4], "D": [1, 2, 1, 4, 2]})
    >>> ptq = pd.concat([cells.assign(method=name) for name in ("rtn", "noise")])
    >>> ptq = ptq.assign(post_bits=3, role="fit", seed=0, delta=0.1 * ptq["D"] ** 0.5)
    >>> noise_beside_rounding(ptq, 3, draws=20)["estimate"].round(6).abs().tolist()
    [0.5, 0.5, 0.0]
    """
    rows = ptq[(ptq["post_bits"] == bits) & (ptq["role"] == "fit")]
    wide = rows.pivot_table(
        index=["N", "D", "seed"], columns="method", values="delta"
    ).reset_index()
    costs = {"rounding": wide["rtn"], "noise": wide["noise"]}
    costs["ratio"] = costs["rounding"] / costs["noise"]
    found = {
        name: power_of(wide.assign(cost=cost, all=1), "D", "all", draws, seed)
        for name, cost in costs.items()
    }
    return pd.DataFrame.from_dict(found, orient="index")
