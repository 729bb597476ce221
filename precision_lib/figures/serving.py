"""Figures of models in use: loss in so much memory, and who wins at equal memory."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from precision_lib.figures.grammar import reach
from precision_lib.figures.plain_words import count_tokens
from precision_lib.figures.style import bits_label, bits_style


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
              zorder=1, label="best for its memory")  # fmt: skip
    axes.set(
        xscale="log",
        xlabel="memory of the weights N P (bits)",
        ylabel="loss when served (nats per token)",
    )
    axes.legend(ncols=2)
    return figure


def gain_against_data(gains: pd.DataFrame) -> Figure:
    """Gain of the larger model in fewer bits against tokens, one line a width.

    `gains`: columns bits, D and gain, a row a model; points are means with 95%
    intervals.

    >>> table = pd.DataFrame({"bits": 4, "D": [1e5, 1e5, 2e5], "gain": [0.1, 0.2, 0.0]})
    >>> figure = gain_against_data(table)
    """
    figure, axes = plt.subplots()
    widths = sorted(gains["bits"].unique())
    for place, bits in enumerate(widths):
        groups = gains[gains["bits"] == bits].groupby("D")["gain"]
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
