"""What one setting changes: runs that differ in it alone, side by side.

Differences are taken within pairs, runs of the same size, tokens and seed, and
intervals are Student's over the pairs: with a handful of runs a bootstrap would be
too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student

from precision_lib.errors import UserError

PAIR = ("N", "D", "seed")


def mean_interval(
    values: Sequence[float] | npt.NDArray[np.float64],
) -> tuple[float, float, float]:
    """Mean with Student's 95% interval; the whole line where there is one value.

    >>> [round(x, 2) for x in mean_interval([1.0, 2.0, 3.0])]
    [2.0, -0.48, 4.48]
    """
    x = np.asarray(values, dtype=float)
    if not x.size:
        raise UserError("there are no values to take a mean of.")
    if x.size == 1:
        return float(x[0]), -np.inf, np.inf
    half = student.ppf(0.975, x.size - 1) * x.std(ddof=1) / np.sqrt(x.size)
    return float(x.mean()), float(x.mean() - half), float(x.mean() + half)


def contrasts(
    table: pd.DataFrame,
    column: str,
    reference: str,
    value: str,
    on: Sequence[str] = PAIR,
) -> pd.DataFrame:
    """Each run beside its twin under the reference setting.

    Returns the rows that have a twin, with its value as ``reference``, ``difference``
    (in units of the value) and ``ratio``. Raises UserError if two runs of the reference
    setting could be the twin of one.

    `table`: one row a run; `column`: holds the name of the setting; `reference`: the
    setting that the others are compared with; `value`: column that is compared; `on`:
    what twins have in common.

    >>> table = pd.DataFrame({"N": 9, "D": [1, 2, 1], "seed": 0, "loss": [3.0, 2.0, 6]})
    >>> table["schedule"] = ["cosine", "cosine", "constant"]
    >>> contrasts(table, "schedule", "cosine", "loss")["ratio"].tolist()
    [2.0]
    """
    is_twin = table[column] == reference
    twins = table.loc[is_twin, [*on, value]].rename(columns={value: "reference"})
    if twins.duplicated(list(on)).any():
        raise UserError(
            f"two runs with {column} '{reference}' have the same {', '.join(on)}."
        )
    paired = table[~is_twin].merge(twins, on=list(on))
    return paired.assign(
        difference=paired[value] - paired["reference"],
        ratio=paired[value] / paired["reference"],
    )


def mean_differences(paired: pd.DataFrame, by: str | list[str]) -> pd.DataFrame:
    """Mean difference of each group of pairs, with its 95% interval.

    Returns a row a group: estimate, low, high, pairs.

    `paired`: as `contrasts` gives it; `by`: columns that name a group.

    >>> pair = pd.DataFrame({"setting": "a", "difference": [1.0, 2.0, 3.0]})
    >>> mean_differences(pair, "setting").round(2).to_dict("index")
    {'a': {'estimate': 2.0, 'low': -0.48, 'high': 4.48, 'pairs': 3}}
    """
    return _summary(paired.groupby(by, sort=False)["difference"], by)


def mean_ratios(paired: pd.DataFrame, by: str | list[str]) -> pd.DataFrame:
    """Geometric mean of the ratio of each group of pairs, with its 95% interval.

    >>> pair = pd.DataFrame({"setting": "a", "ratio": [1.0, 2.0, 4.0]})
    >>> mean_ratios(pair, "setting").round(2).to_dict("index")
    {'a': {'estimate': 2.0, 'low': 0.36, 'high': 11.19, 'pairs': 3}}
    """
    positive = paired[paired["ratio"] > 0]
    logs = positive.assign(log=np.log(positive["ratio"]))
    table = _summary(logs.groupby(by, sort=False)["log"], by)
    ends = ["estimate", "low", "high"]
    return table.assign(**{end: np.exp(table[end]) for end in ends})


def _summary(groups: Any, by: str | list[str]) -> pd.DataFrame:
    columns = ["estimate", "low", "high"]
    rows = {name: mean_interval(values.to_numpy()) for name, values in groups}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    if isinstance(by, list):
        table.index = pd.MultiIndex.from_tuples(list(rows), names=by)
    return table.assign(pairs=groups.size().to_numpy())
