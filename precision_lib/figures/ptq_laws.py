"""Figures of how the cost of rounding goes, by method."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D


def constants_by_method(
    tables: Mapping[str, pd.DataFrame], names: Mapping[str, str]
) -> Figure:
    """Numbers with intervals, a panel a number and a row a method.

    `tables`: as `precision_lib.findings.method_growth.growths` gives them; `names`:
    the rows to show, with what each panel says.

    >>> row = {"estimate": [0.5], "low": [0.4], "high": [0.6], "paper": [0.51]}
    >>> table = pd.DataFrame(row, index=["gamma_D"])
    >>> figure = constants_by_method({"GPTQ": table}, {"gamma_D": "of D"})
    """
    figure, axes = plt.subplots(
        1, len(names), sharey=True, squeeze=False,
        figsize=(6.6, 1.4 + 0.4 * len(tables)),
    )  # fmt: skip
    for axis, (constant, label) in zip(axes[0], names.items(), strict=True):
        for place, table in enumerate(tables.values()):
            row = table.loc[constant]
            axis.hlines(place, row["low"], row["high"], color="0.45", lw=2)
            axis.plot(row["estimate"], place, "o", color="black", ms=6)
            axis.axvline(row["paper"], color="#b2182b", ls="--", lw=1.2)
        axis.set(xlabel=label, ylim=(len(tables) - 0.5, -0.5))
        axis.set_yticks(range(len(tables)), list(tables))
        axis.grid(axis="y", visible=False)
        axis.locator_params(axis="x", nbins=3)
    line = Line2D([], [], color="#b2182b", ls="--", label="paper (GPTQ)")
    figure.legend(handles=[line], loc="outside upper center")
    return figure
