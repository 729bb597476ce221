"""Differences between twin runs: what low precision cost, run by run.

Twins share size, tokens, seed and so the data order and the initial weights; they
differ in precision only. Their difference is free of most of the noise of a seed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from precision_lib.errors import UserError
from precision_lib.formats import HIGH_PRECISION_BITS

PARTS = {"weights": "weight_bits", "activations": "activation_bits", "kv": "kv_bits"}
LOWEST = {"weights": 2, "activations": 3, "kv": 2}
TWIN = ["N", "D", "seed"]
_SEVERAL = ("one", "tied", "any")


def law_runs(
    runs: pd.DataFrame,
    part: str | None = None,
    lowest: Mapping[str, int] | None = None,
) -> pd.DataFrame:
    """The finished runs that a law is fitted to: those of role "fit".

    Raises UserError if the part is unknown.

    `runs`: as `precision_lib.runs.run_table.load_runs` gives it; `part`: "weights",
    "activations" or "kv": runs in which this part alone is quantized, and the
    unquantized ones; "one": those of the three together; "tied": runs with all parts in
    the same bits, and the unquantized ones; "any": all. None: only the unquantized
    ones. `lowest`: fewest bits of each part; runs below are left out. `LOWEST` leaves
    out 2-bit activations, in which training breaks.

    >>> from precision_lib.runs.run_table import load_runs
    >>> law_runs(load_runs())["weight_bits"].unique().tolist()
    [32]
    """
    keep = (runs["status"] == "finished") & (runs["role"] == "fit")
    keep &= of_part(runs, part)
    for name, fewest in (lowest or {}).items():
        keep &= runs[PARTS[name]] >= fewest
    return runs[keep].reset_index(drop=True)


def of_part(runs: pd.DataFrame, part: str | None) -> pd.Series:
    """Whether each run is one of a part's, as `law_runs` names them.

    Raises UserError if the part is unknown.

    >>> runs = pd.DataFrame({"weight_bits": [32, 4], "activation_bits": [32, 4]})
    >>> of_part(runs.assign(kv_bits=32), None).tolist()
    [True, False]
    """
    bits = runs[list(PARTS.values())]
    low = bits != HIGH_PRECISION_BITS
    if part is None:
        return ~low.any(axis=1)
    if part == "any":
        return pd.Series(True, index=runs.index)
    if part == "one":
        return low.sum(axis=1) <= 1
    if part == "tied":
        return bits.nunique(axis=1) == 1
    if part not in PARTS:
        known = ", ".join([*PARTS, *_SEVERAL])
        raise UserError(f"unknown part '{part}'; choose one of {known}.")
    others = [column for name, column in PARTS.items() if name != part]
    return ~low[others].any(axis=1)


def twin_groups(runs: pd.DataFrame) -> pd.Series:
    """A name for each set of twins, for a bootstrap that keeps them together.

    >>> twin_groups(pd.DataFrame({"N": [9], "D": [5], "seed": [0]})).tolist()
    ['9-5-0']
    """
    return runs[TWIN].astype(str).agg("-".join, axis=1)


def cells(runs: pd.DataFrame) -> pd.Series:
    """A name for each pair of N and D, for a bootstrap that draws these.

    >>> cells(pd.DataFrame({"N": [9, 9], "D": [5, 6]})).tolist()
    ['9-5', '9-6']
    """
    return runs["N"].astype(str) + "-" + runs["D"].astype(str)


def with_part(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs with columns ``part`` and ``bits`` that say what is quantized.

    ``part`` is "weights", "activations", "kv", "tied" (all in the same bits),
    "several" or "none"; ``bits`` are those of the part in the fewest.

    >>> table = pd.DataFrame({"weight_bits": [4, 32, 5], "kv_bits": [32, 32, 5]})
    >>> with_part(table.assign(activation_bits=[32, 32, 5]))["part"].tolist()
    ['weights', 'none', 'tied']
    """
    bits = runs[list(PARTS.values())].rename(columns={v: k for k, v in PARTS.items()})
    low = bits != HIGH_PRECISION_BITS
    count = low.sum(axis=1)
    name = low.idxmax(axis=1).where(count == 1, "several").mask(count == 0, "none")
    tied = (bits.nunique(axis=1) == 1) & (count > 0)
    return runs.assign(part=name.mask(tied, "tied"), bits=bits.min(axis=1))


def with_twins(runs: pd.DataFrame) -> pd.DataFrame:
    """Each quantized run beside its unquantized twin.

    Adds ``twin_loss`` and ``cost``, the loss above the twin's in nats per token; runs
    without a twin and the unquantized ones drop out.

    >>> from precision_lib.runs.run_table import load_runs
    >>> (with_twins(law_runs(load_runs(), "weights"))["weight_bits"] < 32).all()
    np.True_
    """
    columns = list(PARTS.values())
    high = (runs[columns] == HIGH_PRECISION_BITS).all(axis=1)
    twins = runs.loc[high, [*TWIN, "loss"]].rename(columns={"loss": "twin_loss"})
    paired = runs[~high].merge(twins, on=TWIN, validate="many_to_one")
    return paired.assign(cost=paired["loss"] - paired["twin_loss"])


def law_roundings(
    ptq: pd.DataFrame, bits: tuple[int, int], method: str = "rtn"
) -> pd.DataFrame:
    """Roundings by `method`, to `bits` (first and last), of unquantized runs to fit.

    >>> from precision_lib.runs.run_table import load_ptq
    >>> law_roundings(load_ptq(), (3, 6))["post_bits"].unique().tolist()
    [3, 4, 5, 6]
    """
    keep = ptq["post_bits"].between(*bits) & (ptq["method"] == method)
    keep &= ptq["role"] == "fit"
    for column in PARTS.values():
        keep &= ptq[column] == HIGH_PRECISION_BITS
    return ptq[keep].reset_index(drop=True)


def best_data(ptq: pd.DataFrame) -> pd.DataFrame:
    """The measured D at which the loss after rounding was lowest.

    One row a size and bit width, seeds averaged. ``turned`` says whether the loss of
    a longer run is above the minimum by more than twice the standard deviation over
    seeds at that width, so that the minimum was seen and is not luck.

    >>> table = pd.DataFrame({"N": 9, "D": [1, 1, 2, 3], "post_bits": 3})
    >>> best_data(table.assign(post_loss=[2.9, 3.1, 2.0, 4.0])).to_dict("records")
    [{'post_bits': 3, 'N': 9, 'best_D': 2, 'turned': True}]
    """
    noise = seed_noise(ptq, "post_loss")
    mean = ptq.groupby(["post_bits", "N", "D"], as_index=False)["post_loss"].mean()
    rows = []
    for (bits, size), here in mean.groupby(["post_bits", "N"]):
        lowest = here.loc[here["post_loss"].idxmin()]
        later = here.loc[here["D"] > lowest["D"], "post_loss"]
        turned = bool((later > lowest["post_loss"] + 2 * noise.get(bits, 0.0)).any())
        best = int(lowest["D"])
        rows.append({"post_bits": bits, "N": size, "best_D": best, "turned": turned})
    return pd.DataFrame(rows)


def seed_noise(ptq: pd.DataFrame, column: str) -> pd.Series:
    """Standard deviation over seeds of a column at each bit width, pooled over N and D.

    >>> table = pd.DataFrame({"N": 9, "D": [1, 1, 2], "post_bits": 3})
    >>> seed_noise(table.assign(delta=[0.1, 0.3, 0.5]), "delta").round(3).to_dict()
    {3: 0.141}
    """
    cells = ptq.groupby("post_bits")
    return cells.apply(lambda rows: pooled_deviation(rows[column], rows[["N", "D"]]))


def pooled_deviation(values: pd.Series, cells: pd.DataFrame) -> float:
    """Standard deviation of repetitions: what is left when each cell has its own mean.

    NaN where no cell has two.

    >>> cells = pd.DataFrame({"N": [1, 1, 2]})
    >>> round(pooled_deviation(pd.Series([1.0, 3.0, 9.0]), cells), 3)
    1.414
    """
    groups = values.groupby([cells[name] for name in cells])
    freedom = len(values) - groups.ngroups
    squares = float(((values - groups.transform("mean")) ** 2).sum())
    return float(np.sqrt(squares / freedom)) if freedom else float("nan")
