"""Figures of models in use: loss in so much memory, and who wins at equal memory."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from precision_lib.figures.grammar import reach
from precision_lib.figures.plain_words import count_tokens
from precision_lib.figures.style import DASHES, bits_label, bits_style

Array = npt.NDArray[np.float64]
Band = tuple[Array, Array, Array]


def loss_against_memory(served: pd.DataFrame, frontier: pd.DataFrame) -> Figure:
    """Loss of served models against the bits of their weights, with the best of each.

    `served`, `frontier`: columns memory (bits), bits and loss; see
    `precision_lib.findings.serving`.

    >>> table = pd.DataFrame({"memory": [1e5, 2e5], "bits": 4, "loss": [3.0, 2.9]})
    >>> figure = loss_against_memory(table, table)
    """
    figure, axes = plt.subplots()
    for bits in sorted(served["bits"].unique()):
        rows = served[served["bits"] == bits]
        label = "16 bits" if bits == 16 else bits_label(bits)
        axes.plot(rows["memory"], rows["loss"], ls="none", ms=5, alpha=0.75,
                  label=label, **bits_style(bits))  # fmt: skip
    axes.step(frontier["memory"], frontier["loss"], where="post", color="0.3", lw=1,
              zorder=1, label="best so far")  # fmt: skip
    axes.set(
        xscale="log",
        xlabel="memory of the weights N P (bits)",
        ylabel="loss when served (nats per token)",
    )
    axes.legend(ncols=2)
    return figure


def gain_against_data(gains: pd.DataFrame, column: str = "D") -> Figure:
    """Gain of the larger model in fewer bits against tokens, one line a width.

    `gains`: columns bits, `column` and gain, a row a model; points are means with 95%
    intervals.

    >>> table = pd.DataFrame({"bits": 4, "D": [1e5, 1e5, 2e5], "gain": [0.1, 0.2, 0.0]})
    >>> figure = gain_against_data(table)
    """
    figure, axes = plt.subplots()
    widths = sorted(gains["bits"].unique())
    for place, bits in enumerate(widths):
        groups = gains[gains["bits"] == bits].groupby(column)["gain"]
        mean, error = groups.mean(), reach(groups)
        shift = 1.02 ** (place - (len(widths) - 1) / 2)
        axes.errorbar(mean.index * shift, mean, error, capsize=3, lw=1.2,
                      label=bits_label(bits), **bits_style(bits))  # fmt: skip
    axes.axhline(0, color="0.4", lw=1)
    count_tokens(axes)
    axes.set(
        xlabel="training tokens D",
        ylabel="gain of the larger model\nin fewer bits (nats per token)",
    )
    axes.legend(ncols=2)
    return figure


def bands_against(
    x: Array, lines: Mapping[str, Band], xlabel: str, ylabel: str
) -> Figure:
    """Curves with their 95% bands over a logarithmic axis.

    >>> x = np.array([1.0, 10.0])
    >>> figure = bands_against(x, {"ours": (x, x, x)}, "cost", "bits")
    """
    figure, axes = plt.subplots()
    colors = ("black", "#b2182b", *sns.color_palette("colorblind", len(lines)))
    for (name, band), color, dash in zip(lines.items(), colors, DASHES, strict=False):
        axes.fill_between(x, band[1], band[2], color=color, alpha=0.15, lw=0)
        axes.plot(x, band[0], dash, color=color, label=name)
    axes.set(xscale="log", xlabel=xlabel, ylabel=ylabel)
    axes.legend()
    return figure


def losses_at_equal_memory(table: pd.DataFrame) -> Figure:
    """Loss of the larger model in fewer bits against that of its smaller rival.

    Points below the line are larger models that win.

    `table`: as `precision_lib.findings.serving.gains_at_equal_memory` gives it.

    >>> rows = pd.DataFrame({"bits": [4], "loss": [2.9], "rival": [3.0]})
    >>> figure = losses_at_equal_memory(rows)
    """
    figure, axes = plt.subplots(figsize=(5.2, 4.6))
    for bits in sorted(table["bits"].unique()):
        rows = table[table["bits"] == bits]
        axes.plot(rows["rival"], rows["loss"], ls="none", ms=5, label=bits_label(bits),
                  **bits_style(bits))  # fmt: skip
    ends = [table[["rival", "loss"]].min().min(), table["rival"].max()]
    axes.plot(ends, ends, color="0.4", lw=1)
    axes.set(
        xlabel="loss of the smaller model in more bits",
        ylabel="loss of the larger model in fewer bits",
    )
    axes.legend()
    return figure
