"""Whether rounding before, or too little calibration text, keeps GPTQ from winning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from precision_lib.errors import UserError
from precision_lib.findings.group_bootstrap import mean_of, resampled
from precision_lib.paths import DATA

EXPLAINS, DOES_NOT = 1.5, 1.25  # factors, decided before the first row


def load_rounded_before(path: Path | None = None) -> pd.DataFrame:
    """The roundings that `python -m tools.rounded_before` made.

    Raises UserError if the file is missing.
    """
    path = path or DATA / "rounded_before.csv"
    if not path.exists():
        raise UserError(f"{path} is missing; python -m tools.rounded_before makes it.")
    return pd.read_csv(path, keep_default_na=False)


def over_nearest(rounded: pd.DataFrame) -> pd.DataFrame:
    """Delta by GPTQ over delta to nearest, a geometric mean over widths and draws.

    Returns a row a model; columns (rounded before or not, calibration windows).

    >>> list(over_nearest(load_rounded_before()).columns.names)
    ['again', 'windows']
    """
    logs = rounded.assign(log=np.log(rounded["delta"]), again=rounded["before"] != "")
    key = ["run_id", "again", "post_bits"]
    nearest = logs[logs["method"] == "rtn"].set_index(key)["log"].rename("nearest")
    more = logs[logs["method"] == "gptq"].join(nearest, on=key)
    more["ratio"] = more["log"] - more["nearest"]
    return more.pivot_table("ratio", "run_id", ["again", "windows"]).apply(np.exp)


def explanations(ratios: pd.DataFrame) -> pd.DataFrame:
    """By what factor each explanation moves the ratio, with a 95% interval over models.

    Returns rows "rounded before" (at the shortest calibration) and "calibration" (the
    longest set over the shortest, of models not rounded before); estimate, low, high,
    units.

    `ratios`: as of :func:`over_nearest`.

    >>> found = explanations(over_nearest(load_rounded_before()))
    >>> bool((found["low"] <= found["estimate"]).all())
    True
    """
    logs = np.log(ratios)
    few, many = min(logs[False].columns), max(logs[False].columns)
    moved = {
        "rounded before": logs[True, few] - logs[False, few],
        "calibration": logs[False, many] - logs[False, few],
    }
    rows = {
        what: [*np.exp(resampled(mean_of(by), by.index)), len(by)]
        for what, by in moved.items()
    }
    columns = ["estimate", "low", "high", "units"]
    return pd.DataFrame.from_dict(rows, "index", columns=columns)


def told(estimate: float, low: float, high: float, up: bool) -> str:
    """What an interval of a factor says of an explanation, in words of a sentence.

    `up`: the explanation needs the factor to be above 1, else below.

    >>> told(1.7, 1.6, 1.9, True), told(1.0, 0.9, 1.1, True), told(1.2, 0.8, 1.7, True)
    ('accounts for it', 'does not account for it', 'stays open')
    """
    if (low >= EXPLAINS) if up else (high <= 1 / EXPLAINS):
        return "accounts for it"
    within = low >= 1 / DOES_NOT and high <= DOES_NOT
    return "does not account for it" if within else "stays open"
