"""The best number of bits to train in, by laws fitted to tables of runs.

Cost in the sense of the paper's section 4.3 is proportional to N D P, so the best P is
where N_eff / N a bit is largest, for every law in which precision acts on N alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import numpy as np
import numpy.typing as npt
import pandas as pd

from precision_lib.decide import Decision, effective_size, optimal_precision, surface
from precision_lib.findings.twins import PARTS, TWIN, twin_groups, with_twins
from precision_lib.formats import HIGH_PRECISION_BITS
from precision_lib.laws import Bootstrap, Fit, bootstrap, fit

Array = npt.NDArray[np.float64]
Band = tuple[Array, Array, Array]
COLUMNS = list(PARTS.values())
PLANS = ("base", "parts", "joint")
LOWEST = 3  # bits of the paper's narrowest runs
REFERENCE = (1e5, 1e6)  # N and D at which shares are stated; the laws do not read them


def quantized_runs(
    runs: pd.DataFrame, *plans: str, lowest: int = LOWEST
) -> pd.DataFrame:
    """Finished runs of some plans with no part in fewer than `lowest` bits.

    Returns the rows with a column ``group``, one value for all runs of one N, D and
    seed.

    `runs`: as `precision_lib.runs.run_table.load_runs` gives it; `*plans`: names of
    sweeps; without any, those that the laws are fitted to. `lowest`: bits.

    >>> from precision_lib.runs.run_table import load_runs
    >>> found = quantized_runs(load_runs(), "base", "joint")
    >>> bool((found[COLUMNS].nunique(axis=1) == 1).all())
    True
    """
    keep = (runs["status"] == "finished") & runs["sweep"].isin(plans or PLANS)
    keep &= runs[COLUMNS].min(axis=1) >= lowest
    return runs.assign(group=twin_groups(runs))[keep].reset_index(drop=True)


def tied_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs in which all parts have the same bits, unquantized ones among them.

    >>> one = {"weight_bits": [4, 4], "activation_bits": [4, 8], "kv_bits": [4, 4]}
    >>> len(tied_runs(pd.DataFrame(one)))
    1
    """
    return runs[runs[COLUMNS].nunique(axis=1) == 1].reset_index(drop=True)


def refitted(
    table: pd.DataFrame, law: str, replicates: int = 1000, seed: int = 0
) -> tuple[Fit, Bootstrap]:
    """A fit that carries the replicates of a bootstrap over groups of twins.

    `table`: as `quantized_runs` gives it; `law`: name of a law of the loss.

    >>> from precision_lib.runs.run_table import load_runs
    >>> runs = quantized_runs(load_runs(), "tuning", "base", lowest=32)
    >>> found, draws = refitted(runs, "chinchilla", replicates=20)
    >>> len(found.replicates["alpha"])
    20
    """
    found = fit(table, law, seed=seed)
    draws = bootstrap(found, "cluster", replicates, seed, by=table["group"].to_numpy())
    return found.with_bootstrap(draws), draws


def best_bits(found: Fit, budget: float = 6e11) -> Decision:
    """The compute-optimal P of a fit, all parts in the same bits.

    `found`: with replicates, for an interval; `budget`: FLOP at 16 bits; the
    effective-parameter laws do not depend on it.

    >>> from precision_lib.decide import paper_fit
    >>> round(best_bits(paper_fit(), 1e21).values["P"], 2)
    7.0
    """
    return optimal_precision(surface(found), budget)


def share_of(found: Fit, bits: Array) -> Band:
    """N_eff / N over bits that all parts have, with the ends of its 95% interval.

    Where a fit carries no replicates the ends are the curve itself; NaN where the law
    has no value.

    >>> from precision_lib.decide import paper_fit
    >>> share_of(paper_fit(), np.array([4.0, 8.0]))[0].round(3).tolist()
    [0.191, 0.828]
    """
    return _band(_shares(found, bits))


def gain_over_16_bits(found: Fit, bits: Array) -> Band:
    """Effective parameters a FLOP, as a multiple of those at 16 bits.

    ``(f(P) / P) / (f(16) / 16)``: above 1, the same money trains more at P bits.

    >>> from precision_lib.decide import paper_fit
    >>> gain_over_16_bits(paper_fit(), np.array([7.0, 16.0]))[0].round(2).tolist()
    [1.7, 1.0]
    """
    shares = _shares(found, np.append(bits, 16.0))
    return _band(16 * shares[:-1] / shares[-1] / np.asarray(bits)[:, None])


def _shares(found: Fit, bits: Array) -> Array:
    """N_eff / N of the fit (first column) and of every replicate, a row a width."""
    whole = surface(found)
    answers = [effective_size(whole, *REFERENCE, float(each)) for each in bits]
    return np.array(
        [np.append(a.values["share"], a.draws.get("share", [])) for a in answers]
    )


def _band(draws: Array) -> Band:
    """The first column, and the middle 95% of the others."""
    if draws.shape[1] == 1:
        return draws[:, 0], draws[:, 0], draws[:, 0]
    known = np.isfinite(draws[:, 1:]).any(axis=1)
    ends = np.full((2, len(draws)), np.nan)
    ends[:, known] = np.nanpercentile(draws[known, 1:], [2.5, 97.5], axis=1)
    return draws[:, 0], ends[0], ends[1]


ARMS: Mapping[str, Mapping[str, object]] = {
    "a scale a tensor": {"activation_granularity": "tensor", "rotation": 0},
    "a scale a token": {"activation_granularity": "token", "rotation": 0},
    "rotated": {"activation_granularity": "tensor", "rotation": 16},
}


def arms(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Tied runs with activations scaled in three ways, on the cells that all have.

    Returns, by the name of the arm: the unquantized runs, then the quantized ones, in
    the same order in each, so that a bootstrap with one seed draws the same cells.

    `runs`: with the plans base, parts, joint and granularity.

    >>> from precision_lib.runs.run_table import load_runs
    >>> list(arms(load_runs()))
    ['a scale a tensor', 'a scale a token', 'rotated']
    """
    table = quantized_runs(runs, *PLANS, "granularity")
    low = table[COLUMNS] < HIGH_PRECISION_BITS
    high = table[~low.any(axis=1)]
    table = tied_runs(table[low.all(axis=1)])
    key = [*TWIN, "activation_bits"]
    found = {}
    for name, settings in ARMS.items():
        keep = (table[list(settings)] == pd.Series(settings)).all(axis=1)
        found[name] = table[keep].sort_values(key).set_index(key)
    shared = reduce(pd.Index.intersection, (one.index for one in found.values()))
    rows = {name: one.loc[shared].reset_index() for name, one in found.items()}
    return {
        name: pd.concat([high, one[high.columns]], ignore_index=True)
        for name, one in rows.items()
    }


def arm_costs(found: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What each quantized run of some arms lost against its unquantized twin.

    Returns columns arm, N, D, seed, bits and cost (nats per token).

    `found`: as `arms` gives it.

    >>> from precision_lib.runs.run_table import load_runs
    >>> arm_costs(arms(load_runs())).columns.tolist()
    ['arm', 'N', 'D', 'seed', 'bits', 'cost']
    """
    pairs = pd.concat([with_twins(one).assign(arm=name) for name, one in found.items()])
    pairs = pairs.rename(columns={"activation_bits": "bits"}).reset_index(drop=True)
    return pairs[["arm", *TWIN, "bits", "cost"]]
