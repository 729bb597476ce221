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
    values: Sequence[float] | npt.NDArray[np.float64], level: float = 0.95
) -> tuple[float, float, float]:
    """Mean with Student's interval; the whole line where there is one value.

    >>> [round(x, 2) for x in mean_interval([1.0, 2.0, 3.0])]
    [2.0, -0.48, 4.48]
    """
    x = np.asarray(values, dtype=float)
    if not x.size:
        raise UserError("there are no values to take a mean of.")
    if x.size == 1:
        return float(x[0]), -np.inf, np.inf
    half = student.ppf(0.5 + level / 2, x.size - 1) * x.std(ddof=1) / np.sqrt(x.size)
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


def growth(
    table: pd.DataFrame,
    by: str,
    value: str = "delta",
    level: float = 0.95,
    within: Sequence[str] = ("N",),
    pooled: bool = False,
) -> pd.DataFrame:
    """The power of D with which a value grows, for each setting by itself.

    Least squares of log value on log D, with a constant for each size: the PTQ law
    at one width, whatever it says of N and of bits. Applied
    to a ``ratio`` of `contrasts` it is the difference of two such powers, taken within
    pairs.

    Returns a row a setting: gamma_D, low, high, runs and smallest and largest D.
    Settings with too few runs for an interval are left out. Raises UserError if a value
    is zero or negative.

    `table`: columns D, N and those named; one row a run. `by`: column that holds the
    name of the setting; `value`: a positive column; `within`: columns whose every
    combination has a constant of its own; `pooled`: take the scatter around the lines
    to be the same under every setting, so that settings with few runs have an interval
    too.

    >>> table = pd.DataFrame({"N": 9, "D": [1e6, 2e6, 4e6], "schedule": "cosine"})
    >>> growth(table.assign(delta=[0.1, 0.2, 0.4]), "schedule")["gamma_D"].round(3)
    cosine    1.0
    Name: gamma_D, dtype: float64
    """
    if (table[value] <= 0).any():
        raise UserError(
            f"column '{value}' has values at or below zero, which have no logarithm; "
            "take fewer bits."
        )
    lines = [_line(name, here, value, within) for name, here in table.groupby(by)]
    known = [line for line in lines if line["x2"] > 0]
    rows = {}
    for line in known:
        shared = known if pooled else [line]
        free = sum(one["free"] for one in shared)
        if free < 1:
            continue
        variance = sum(one["rest"] for one in shared) / free
        half = float(
            student.ppf(0.5 + level / 2, free) * np.sqrt(variance / line["x2"])
        )
        ends = {"low": line["gamma_D"] - half, "high": line["gamma_D"] + half}
        rows[line["name"]] = {**line, **ends}
    columns = ["gamma_D", "low", "high", "runs", "smallest_D", "largest_D"]
    order = [name for name in dict.fromkeys(table[by]) if name in rows]
    found = pd.DataFrame.from_dict(rows, orient="index", columns=[*columns])
    return found.loc[order].astype({"runs": int})


def _line(
    name: object, here: pd.DataFrame, value: str, within: Sequence[str]
) -> dict[str, Any]:
    """Slope of log value on log D in one setting, and what its error needs."""
    y, x = np.log(here[value].to_numpy(float)), np.log(here["D"].to_numpy(float))
    cell = here.groupby(list(within)).ngroup().to_numpy()
    y, x = _centered(y, cell), _centered(x, cell)
    squares = float((x**2).sum())
    slope = float((x * y).sum() / squares) if squares else 0.0
    return {
        "name": name,
        "gamma_D": slope,
        "x2": squares,
        "rest": float(((y - slope * x) ** 2).sum()),
        "free": len(here) - len(set(cell)) - 1,
        "runs": len(here),
        "smallest_D": here["D"].min(),
        "largest_D": here["D"].max(),
    }


def _centered(
    x: npt.NDArray[np.float64], cell: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    means = np.bincount(cell, x) / np.bincount(cell)
    return np.asarray(x - means[cell])


def factor_at_equal_data(
    table: pd.DataFrame,
    column: str,
    reference: str,
    other: str,
    value: str = "delta",
    level: float = 0.95,
) -> tuple[float, float, float]:
    """By what factor a setting changes a value at equal N and D.

    Least squares of log value on log D, with a constant for each size, one power of D
    for both settings and the factor; the runs of the two need not have the same D.

    Raises UserError if a value is zero or negative, or a setting has no runs.

    Returns
    -------
    estimate, low, high : float
        Infinite ends where there are too few runs for an interval.

    Examples
    --------
    >>> table = pd.DataFrame({"N": 9, "D": [1, 2, 4, 1.5, 3], "how": list("aaabb")})
    >>> factor = np.where(table["how"] == "b", 3.0, 1.0)
    >>> table = table.assign(delta=table["D"] ** 0.5 * factor)
    >>> round(factor_at_equal_data(table, "how", "a", "b")[0], 6)
    3.0
    """
    here = table[table[column].isin([reference, other])]
    if here[column].nunique() < 2 or (here[value] <= 0).any():
        raise UserError(
            f"column '{value}' needs values above zero under both '{reference}' and "
            f"'{other}' of column '{column}'."
        )
    sizes = pd.get_dummies(here["N"]).to_numpy(float)
    changed = (here[column] == other).to_numpy(float)
    x = np.column_stack([changed, np.log(here["D"].to_numpy(float)), sizes])
    y = np.log(here[value].to_numpy(float))
    found, _, rank, _ = np.linalg.lstsq(x, y, rcond=None)
    free = len(y) - int(rank)
    if free < 1 or rank < x.shape[1]:
        return float(np.exp(found[0])), 0.0, np.inf
    variance = float(((y - x @ found) ** 2).sum()) / free
    error = np.sqrt(variance * np.linalg.inv(x.T @ x)[0, 0])
    half = float(student.ppf(0.5 + level / 2, free) * error)
    ends = np.exp([found[0], found[0] - half, found[0] + half])
    return float(ends[0]), float(ends[1]), float(ends[2])
