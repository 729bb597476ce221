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
    "N and D": ("#4d4d4d", "*"),
    "Ouyang 2024": ("#2166ac", "s"),
    "Ouyang 2026": ("#67a9cf", "h"),
    "Panferov": ("#c51b7d", "P"),
    "Quartet": ("#5e3c99", "^"),
    "QuEST": ("#9970ab", ">"),
    "Chen": ("#1b7837", "v"),
    "power, added": ("#7fbf7b", "1"),
    "power, times": ("#5aae61", "2"),
    "two laws apart": ("#f4a582", "<"),
    "rounding alone": ("#878787", "x"),
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
    across = min(len(panels), 2)
    down = -(-len(panels) // across)
    figure, axes = plt.subplots(
        down, across, figsize=(6.6, 0.8 + 3.6 * down), squeeze=False
    )
    for ax in axes.flat[len(panels) :]:
        ax.axis("off")
    handles = {}
    for ax, (quantity, rows) in zip(axes.flat, panels, strict=False):
        rules = list(dict.fromkeys(rows["rule"]))
        laws = list(dict.fromkeys(rows["law"]))
        least = 0.6 * np.nanmin(rows[["error", "seeds"]].to_numpy(float))
        for _, row in rows.iterrows():
            label = LAWS[row["law"]]
            color, marker = _STYLES[label]
            shift = 0.7 * (laws.index(row["law"]) + 0.5) / len(laws) - 0.35
            place = rules.index(row["rule"]) + shift
            if np.isfinite(row["low"]) and row["low"] < row["high"]:
                ax.hlines(
                    place, max(row["low"], least), row["high"], color=color, lw=1.4
                )
            handles[label] = ax.plot(row["error"], place, marker, color=color, ms=5)[0]
        for place, rule in enumerate(rules):
            floor = rows.loc[rows["rule"] == rule, "seeds"].iloc[0]
            line = ax.vlines(floor, place - 0.42, place + 0.42, color="0.55", lw=2.5)
            handles["seeds alone"] = line
        ax.set_yticks(range(len(rules)), rules)
        ax.set(xscale="log", ylim=(len(rules) - 0.5, -0.5), title=quantity)
        ax.set_xlim(left=least)
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter("")
    figure.supxlabel("held-out error (%)", size="medium")
    figure.legend(handles.values(), handles, loc="outside upper center", ncols=3)
    return figure
