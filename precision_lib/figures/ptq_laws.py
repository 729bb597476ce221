"""Figures of the PTQ law, fitted to several methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from precision_lib.figures.ablations import data_axis
from precision_lib.figures.style import bits_label, bits_style
from precision_lib.laws import Fit


def constants_by_method(
    tables: Mapping[str, pd.DataFrame], names: Mapping[str, str]
) -> Figure:
    """Constants of one law with intervals, a panel a constant and a row a method.

    `tables`: as `precision_lib.findings.intervals.constants` gives them, by method;
    `names`: the constants to show, with what each panel says.

    >>> row = {"estimate": [0.5], "low": [0.4], "high": [0.6], "paper": [0.51]}
    >>> table = pd.DataFrame(row, index=["gamma_D"])
    >>> figure = constants_by_method({"GPTQ": table}, {"gamma_D": "of D"})
    """
    figure, axes = plt.subplots(
        1, len(names), sharey=True, squeeze=False,
        figsize=(7.2, 1.4 + 0.4 * len(tables)),
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
    line = Line2D([], [], color="#b2182b", ls="--", label="paper (GPTQ)")
    figure.legend(handles=[line], loc="outside upper center")
    return figure


def residuals_of_cost(fits: Mapping[str, tuple[Fit, pd.DataFrame]]) -> Figure:
    """Residuals of fitted costs of rounding against D, a panel a method.

    On the scale of the fit: for costs well above its floor, differences of logarithms.

    `fits`: a fit of a law of delta and the roundings it was fitted to.

    >>> from precision_lib.decide.paper import paper_degradation
    >>> table = pd.DataFrame({"N": 3e7, "D": [1e9, 9e9], "post_bits": [3, 4]})
    >>> law = paper_degradation()
    >>> figure = residuals_of_cost({"GPTQ": (law, table.assign(delta=0.1))})
    """
    figure, axes = plt.subplots(
        1, len(fits), sharey=True, squeeze=False, figsize=(7.2, 3.4)
    )
    widths: Sequence[int] = sorted(
        {int(b) for _, table in fits.values() for b in table["post_bits"]}
    )
    for axis, (name, (law, table)) in zip(axes[0], fits.items(), strict=True):
        floor = law.settings.floor or 1e-3
        residual = np.arcsinh(table["delta"] / floor)
        residual = residual - np.arcsinh(law.predict(table) / floor)
        for bits in widths:
            here = table["post_bits"] == bits
            axis.plot(
                table["D"][here], residual[here], ls="none", ms=4, **bits_style(bits)
            )
        axis.axhline(0, color="0.4", lw=1)
        axis.set(title=name)
        data_axis(axis, table["D"], 3.0)
    marks = [
        Line2D([], [], ls="none", label=bits_label(b), **bits_style(b)) for b in widths
    ]
    figure.legend(handles=marks, loc="outside upper center", ncols=len(widths))
    axes[0][0].set_ylabel("measured over predicted\n(difference of asinh)")
    figure.supxlabel("training tokens D", fontsize="medium")
    return figure
