"""Figure of whether size and data add up."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from precision_lib.figures.grammar import data_axis, size_styles
from precision_lib.laws import Fit

STYLES = ("--", "-", ":")


def size_gains_against_data(gains: pd.DataFrame, laws: Mapping[str, Fit]) -> Figure:
    """What each larger size gains over the smallest, against D, beside laws.

    `gains`: of `precision_lib.findings.size_data_coupling.size_gains`, with column
    smallest, the size that all others are compared with; `laws`: by label; laws of N
    and D.

    >>> from precision_lib.laws import example_fit
    >>> gains = pd.DataFrame({"N": [9e7], "D": 1e9, "gain": 0.1, "error": 0.01})
    >>> figure = size_gains_against_data(
    ...     gains.assign(smallest=3e7), {"added": example_fit()}
    ... )
    >>> figure.axes[0].get_xscale()
    'log'
    """
    figure, axes = plt.subplots(figsize=(6.6, 4.4))
    sizes = sorted(gains["N"].unique())
    grid = np.geomspace(gains["D"].min(), gains["D"].max(), 60)
    looks = size_styles([*sizes, *gains["smallest"]])
    for size, look in ((size, looks[size]) for size in sizes):
        rows, color, marker = gains[gains["N"] == size], look["color"], look["marker"]
        axes.errorbar(
            rows["D"], rows["gain"], 1.96 * rows["error"],
            fmt=marker, color=color, label=f"N = {size:,.0f}", capsize=2,
        )  # fmt: skip
        larger = pd.DataFrame({"N": size, "D": grid})
        smaller = larger.assign(N=rows["smallest"].iloc[0])
        for law, style in zip(laws.values(), STYLES, strict=False):
            gain = law.predict(smaller) - law.predict(larger)
            axes.plot(grid, gain, style, color=color, lw=1.3)
    for label, style in zip(laws, STYLES, strict=False):
        axes.plot([], [], style, color="0.4", label=label)
    data_axis(axes, gains["D"])
    ylabel = "loss of the smallest size less that of N (nats)"
    axes.set(xlabel="training tokens D", ylabel=ylabel)
    figure.legend(loc="outside upper center", ncols=3)
    return figure
