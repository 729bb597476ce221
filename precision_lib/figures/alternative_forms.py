"""Figures that set rival laws side by side."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from precision_lib.figures.style import bits_style
from precision_lib.findings.alternative_forms import LABELS
from precision_lib.formats import HIGH_PRECISION_BITS

PAPER = "#b2182b"
Array = npt.NDArray[np.float64]


def scores_and_gaps(table: pd.DataFrame) -> Figure:
    """R² of each law on held-out runs, and how far the reference is above it.

    Dots and bars are ours with 95% intervals, crosses the paper's.

    `table`: as `precision_lib.findings.alternative_forms.scores` gives it.

    >>> from precision_lib.findings.alternative_forms import scores
    >>> y = np.arange(9.0)
    >>> guesses = {"effective-weights": y, "effective-data": y + 1}
    >>> figure = scores_and_gaps(scores(y, guesses, y))
    """
    figure, (left, right) = plt.subplots(1, 2, sharey=True, figsize=(7.6, 3.2))
    y = np.arange(len(table))
    columns = {left: ("r2", "low", "high", "paper")}
    columns[right] = ("gap", "gap_low", "gap_high", "paper_gap")
    for axis, (middle, low, high, paper) in columns.items():
        axis.hlines(y, table[low], table[high], color="black", lw=2)
        axis.plot(table[middle], y, "o", color="black", label="our runs")
        axis.plot(table[paper], y, "x", color=PAPER, mew=2, label="the paper's")
    right.axvline(0, color="0.4", lw=1)
    left.set(yticks=y, yticklabels=[LABELS[law] for law in table.index])
    left.set_xlabel("R² on held-out runs")
    right.set_xlabel("R² of N_eff minus that of the law")
    left.invert_yaxis()
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure


def residuals_by_law(bits: Array, residuals: Mapping[str, Array]) -> Figure:
    """Residuals against bits, one panel a law; black bars are medians.

    `bits`: 32 is drawn as 9; `residuals`: measured minus predicted, nats per token, by
    law.

    >>> figure = residuals_by_law(np.array([4, 32]), {"effective-data": np.zeros(2)})
    """
    columns = min(3, len(residuals))
    rows = -(-len(residuals) // columns)
    figure, axes = plt.subplots(
        rows, columns, sharex=True, sharey=True, squeeze=False,
        figsize=(7.4, 1.0 + 2.0 * rows),
    )  # fmt: skip
    for axis in axes.flat[len(residuals) :]:
        axis.set_axis_off()
    for axis, (law, found) in zip(axes.flat, residuals.items(), strict=False):
        for width in sorted(set(bits)):
            y = found[bits == width]
            place = min(width, 9)
            x = place + np.linspace(-0.25, 0.25, y.size)
            axis.plot(x, y, ls="none", ms=3, alpha=0.8, **bits_style(width))
            axis.hlines(np.median(y), place - 0.4, place + 0.4, color="black")
        axis.axhline(0, color="0.4", lw=1)
        axis.set_title(LABELS[law], fontsize="medium")
    ticks = [int(b) for b in sorted(set(bits))]
    names = ["32" if b == HIGH_PRECISION_BITS else f"{b}" for b in ticks]
    axes[0][0].set_xticks([min(b, 9) for b in ticks], names)
    figure.supxlabel("bits of the weights in training", fontsize="medium")
    figure.supylabel("measured minus predicted (nats per token)", fontsize="medium")
    return figure
