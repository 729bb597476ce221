"""Figures of the chapter on a pretrained model."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from precision_lib.figures.grammar import METHOD_NAMES, method_style
from precision_lib.figures.style import bits_label, bits_style
from precision_lib.laws import Fit


def cost_against_bits(table: pd.DataFrame, fit: Fit) -> Figure:
    """What rounding costs at each width, one line a method, and the law's prediction.

    Costs at or below zero, which a logarithmic axis cannot hold, are left out, and
    so is a method without rows.

    `table`: as `precision_lib.pretrained.ptq_table.load_pretrained_table` gives it, of
    one model; `fit`: law that predicts delta from N, D and post_bits.

    >>> from precision_lib.decide import paper_degradation
    >>> row = {"N": 1e8, "D": 2e12, "method": "rtn", "post_bits": 4, "delta": 0.7}
    >>> figure = cost_against_bits(pd.DataFrame([row]), paper_degradation())
    """
    figure, axes = plt.subplots()
    bits = np.linspace(table["post_bits"].min(), table["post_bits"].max(), 50)
    line = pd.DataFrame({"post_bits": bits, "N": table["N"].iloc[0]})
    line["D"] = table["D"].iloc[0]
    axes.plot(bits, fit.predict(line), color="0.4", ls=":", lw=2, label="paper's law")
    for method, name in METHOD_NAMES.items():
        rows = table[(table["method"] == method) & (table["delta"] > 0)]
        rows = rows.sort_values("post_bits")
        if rows.empty:
            continue
        axes.plot(rows["post_bits"], rows["delta"], label=name, **method_style(method))
    axes.set(xlabel="bits of the rounded weights", yscale="log")
    axes.set_ylabel("cost of rounding δ (nats per token)")
    axes.legend()
    return figure


def noise_against_kurtosis(layers: pd.DataFrame) -> Figure:
    """Decibels that each matrix falls short of normal numbers, against its kurtosis.

    >>> row = {"kurtosis": 4.0, "post_bits": 4, "sqnr": 16.0, "sqnr_normal": 17.0}
    >>> figure = noise_against_kurtosis(pd.DataFrame([row]))
    """
    figure, axes = plt.subplots()
    for bits, rows in layers.groupby("post_bits"):
        width = float(str(bits))
        gap = rows["sqnr"] - rows["sqnr_normal"]
        style = bits_style(width)
        label = bits_label(width)
        axes.plot(rows["kurtosis"], gap, ls="none", ms=5, label=label, **style)
    axes.axvline(3, color="0.4", ls=":", label="normal")
    axes.axhline(0, color="0.4", lw=1)
    axes.set(xlabel="kurtosis of the matrix", xscale="log")
    axes.set_ylabel("signal to noise beside normal (dB)")
    axes.legend(loc="lower left", bbox_to_anchor=(0.1, 0))  # right of the line
    return figure
