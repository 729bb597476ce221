"""The figure of the contests of rival laws."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from precision_lib.findings.rival_contests import LAWS

_STYLES = {
    "the paper": ("#b2182b", "o"),
    "coupled": ("#e08214", "D"),
    "effective data": ("#8c6d00", "X"),
    "Ouyang": ("#2166ac", "s"),
    "Quartet": ("#5e3c99", "^"),
    "Chen": ("#1b7837", "v"),
}


def held_out_errors(table: pd.DataFrame) -> Figure:
    """The held-out error of each law, a panel a quantity, a row what was held out.

    Bars are 95% intervals of the difference from the paper's law, drawn at the error; a
    grey line is the error that seeds leave to the best law.

    `table`: as `precision_lib.findings.rival_contests.standings` gives it.

    >>> row = {"quantity": "loss", "rule": "between", "law": "quartet", "error": 2.0}
    >>> row |= {"low": 1.0, "high": 3.0, "seeds": 0.5}
    >>> len(held_out_errors(pd.DataFrame([row])).axes)
    1
    """
    panels = list(table.groupby("quantity", sort=False))
    figure, axes = plt.subplots(
        1, len(panels), figsize=(2.7 * len(panels), 4.2), squeeze=False
    )
    handles = {}
    for ax, (quantity, rows) in zip(axes.flat, panels, strict=True):
        rules = list(dict.fromkeys(rows["rule"]))
        laws = list(dict.fromkeys(rows["law"]))
        for _, row in rows.iterrows():
            label = LAWS[row["law"]]
            color, marker = _STYLES[label]
            shift = 0.7 * (laws.index(row["law"]) + 0.5) / len(laws) - 0.35
            place = rules.index(row["rule"]) + shift
            if np.isfinite(row["low"]) and row["low"] < row["high"]:
                ax.hlines(place, max(row["low"], 0), row["high"], color=color, lw=1.4)
            handles[label] = ax.plot(row["error"], place, marker, color=color, ms=5)[0]
        for place, rule in enumerate(rules):
            floor = rows.loc[rows["rule"] == rule, "seeds"].iloc[0]
            line = ax.vlines(floor, place - 0.42, place + 0.42, color="0.55", lw=2.5)
            handles["seeds alone"] = line
        ax.set_yticks(range(len(rules)), rules)
        ax.set(xlim=(0, None), ylim=(len(rules) - 0.5, -0.5), title=quantity)
    figure.supxlabel("held-out error (%)", size="medium")
    figure.legend(
        handles.values(), handles, loc="outside upper center", ncols=len(handles)
    )
    return figure
