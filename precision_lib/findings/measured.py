"""The measured runs that an estimand reads, and what they are grouped by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from precision_lib.errors import Undetermined
from precision_lib.findings.noise_model import Shared
from precision_lib.findings.twins import PARTS
from precision_lib.formats import HIGH_PRECISION_BITS
from precision_lib.paths import RunTable
from precision_lib.runs.run_table import load_ptq, load_runs

UNIT = 875_000  # tokens; every D of the second table is this times a power of two


class Measured(NamedTuple):
    """Runs and their roundings, of some plans.

    `runs`, `ptq`: as `precision_lib.runs.run_table` loads them.

    >>> load_measured(["base"], "short").runs["sweep"].unique().tolist()
    ['base']
    """

    runs: pd.DataFrame
    ptq: pd.DataFrame


def load_measured(blocks: Iterable[str], table: RunTable = "main") -> Measured:
    """The runs of these plans.

    >>> len(load_measured(["joint"], "short").runs)
    60
    """
    plans = set(blocks)
    tables = load_runs(table=table), load_ptq(table=table)
    return Measured(*(one[one["sweep"].isin(plans)] for one in tables))


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """Rows with what noise is shared by: ``model``, ``cell``, and ``tokens``.

    ``tokens`` is D to the nearest power of two times `UNIT`: batches divide D into
    steps, so that runs of one asked D differ by less than a hundredth.

    >>> rows = labelled(pd.DataFrame({"N": [9], "D": [1_749_000], "seed": [1]}))
    >>> rows[["model", "cell", "tokens"]].values.tolist()
    [['9-1', '9-1750000', 1750000]]
    """
    power = np.round(np.log2(table["D"] / UNIT)).astype(int)
    tokens = (UNIT * 2.0**power).astype(int)
    model = table["N"].astype(str) + "-" + table["seed"].astype(str)
    cell = table["N"].astype(str) + "-" + tokens.astype(str)
    return table.assign(tokens=tokens, model=model, cell=cell)


def drift(rows: pd.DataFrame) -> dict[str, Shared]:
    """The source of noise in which models of a size drift apart, for `fit_mean`.

    `rows`: labelled.

    >>> rows = pd.DataFrame({"model": ["a", "a"], "N": 9, "tokens": [10, 100]})
    >>> labels, much = drift(rows)["drift"]
    >>> much.round(1).tolist()
    [0.0, 2.3]
    """
    return {"drift": (rows["model"], drifted(rows, rows))}


def drifted(rows: pd.DataFrame, first: pd.DataFrame) -> pd.Series:
    """How far each row has drifted: with ln D, and with one over the root of N.

    From the least D and N of `first`. In our runs the restricted likelihood prefers
    this to a drift that is the same for every N, and to none.

    >>> rows = pd.DataFrame({"N": [9, 36], "tokens": [10, 100]})
    >>> drifted(rows, rows).round(1).tolist()
    [0.0, 1.2]
    """
    longer = np.log(rows["tokens"] / first["tokens"].min())
    return longer * (rows["N"] / first["N"].min()) ** -0.5


def finished(runs: pd.DataFrame, least: float = 0.0) -> pd.DataFrame:
    """Finished runs of at least so many tokens, labelled.

    >>> runs = pd.DataFrame({"N": 9, "D": [875_000, 1_750_000], "seed": 0})
    >>> len(finished(runs.assign(status="finished"), least=1.75e6))
    1
    """
    rows = labelled(runs[runs["status"] == "finished"])
    return rows[rows["tokens"] >= least].reset_index(drop=True)


def unquantized(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of runs that were trained in high precision.

    >>> bits = pd.DataFrame({"weight_bits": [4, 32], "activation_bits": 32})
    >>> len(unquantized(bits.assign(kv_bits=32)))
    1
    """
    high = table[list(PARTS.values())] == HIGH_PRECISION_BITS
    return table[high.all(axis=1)].reset_index(drop=True)


def near_size(table: pd.DataFrame, size: float) -> pd.DataFrame:
    """Rows of the model size nearest to `size`, which the rows must have within 10%.

    Raises Undetermined if there is none.

    >>> near_size(pd.DataFrame({"N": [23_936, 98_064]}), 24e3)["N"].tolist()
    [23936]
    """
    gap = np.abs(np.log(table["N"] / size))
    if table.empty or gap.min() > 0.1:
        raise Undetermined(f"no run has a size near {size:,.0f}.")
    return table[gap == gap.min()].reset_index(drop=True)


def at_tokens(table: pd.DataFrame, tokens: float) -> pd.DataFrame:
    """Rows of one number of tokens.

    Raises Undetermined if there is none.

    >>> len(at_tokens(pd.DataFrame({"tokens": [7_000_000, 14_000_000]}), 7e6))
    1
    """
    rows = table[table["tokens"] == round(tokens)]
    if rows.empty:
        raise Undetermined(f"no run has {tokens:,.0f} tokens.")
    return rows.reset_index(drop=True)
