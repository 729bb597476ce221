"""The figure of floating-point types; the style is that of `figures`."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from precision_lib.figures.grammar import cost_axis, setting_style, type_name

LOOKS = {
    "integer": {"color": "black", "marker": "o", "linestyle": "-", "label": "integers"},
    "float": {
        **setting_style(1), "linestyle": "none", "label": "floating-point types",
    },
}  # fmt: skip
PLACES: dict[str, dict[str, Any]] = {
    "left": {"xytext": (-8, 6), "ha": "right"},
    "right": {"xytext": (8, 3), "ha": "left"},
    "below": {"xytext": (7, -16), "ha": "left"},
    "under": {"xytext": (-6, -14), "ha": "right"},  # and so under a falling line
    "above": {"xytext": (0, 9), "ha": "center"},
}


def cost_by_bits_and_error(table: pd.DataFrame) -> Figure:
    """Cost of each type of weights against its bits, and against its error.

    Bars are 95% intervals; a line joins the integers; near zero the axis is linear.

    `table`: of `precision_lib.findings.floating_types.costs_by_type`.

    >>> rows = {"kind": "float", "bits": 4, "gmse": 0.01, "cost": 0.1}
    >>> table = pd.DataFrame(rows | {"low": 0.05, "high": 0.15}, index=["e2m1"])
    >>> cost_by_bits_and_error(table).axes[1].get_xscale()
    'log'
    """
    figure, axes = plt.subplots(2, 1, sharey=True, figsize=(6.6, 7.6))
    for axis, column in zip(axes, ("bits", "gmse"), strict=True):
        for kind, look in LOOKS.items():
            rows = table[table["kind"] == kind].sort_values(column)
            axis.plot(rows[column], rows["cost"], ms=6, lw=1.2, **look)
            axis.vlines(rows[column], rows["low"], rows["high"], look["color"], lw=1.5)
            for text, x, y, place in _labels(rows, column) if kind == "float" else ():
                axis.annotate(
                    text, (x, y), fontsize="small", color=look["color"],
                    textcoords="offset points", **PLACES[place],
                )  # fmt: skip
        axis.axhline(0, color="0.5", lw=0.8)
        cost_axis(axis)
    axes[0].xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].set(xlabel="bits of the weights in training")
    figure.supylabel("cost (nats per token)", fontsize="medium")
    axes[1].set(xlabel="relative square error", xscale="log")
    axes[1].margins(x=0.25)
    axes[0].margins(x=0.18)
    axes[1].xaxis.set_minor_locator(NullLocator())
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center",
                  ncols=2)  # fmt: skip
    return figure


def _labels(rows: pd.DataFrame, column: str) -> list[tuple[str, float, float, str]]:
    """Names of the types, and where; types of nearly the same error share a label."""
    if column == "gmse":
        near = rows[column].diff().fillna(0) <= 0.3 * rows[column]
        groups = rows.groupby((~near).cumsum())
        return [
            (", ".join(map(type_name, here.index)), here[column].min(),
             here["cost"].max(), "left")
            for _, here in groups
        ]  # fmt: skip
    found = []
    for name, row in rows.iterrows():
        beside = rows[(rows["cost"] / row["cost"]).between(1 / 1.6, 1.6)]["bits"]
        after, before = (
            (row["bits"] + 1 in set(beside)),
            (row["bits"] - 1 in set(beside)),
        )
        place = "above" if after and before else "left" if after else "right"
        bars = rows[rows["bits"] == row["bits"] + 1]  # beside, which a name may cross
        if place == "right" and any(
            (bars["low"] < row["cost"]) & (row["cost"] < bars["high"])
        ):
            place = "below"
        elif place == "left" and row["bits"] - 1 not in set(rows["bits"]):
            place = "under"
        found.append((type_name(str(name)), row["bits"], row["cost"], place))
    return found
