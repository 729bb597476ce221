"""Figures of decisions: the best precision, what moves it, and estimates in a row."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from precision_lib.figures.grammar import size_styles
from precision_lib.figures.style import DASHES

Array = npt.NDArray[np.float64]
Band = tuple[Array, Array, Array]
OURS, PAPER = "black", "#b2182b"


def measured_gains(
    gains: pd.DataFrame, best: pd.DataFrame, curves: Mapping[str, tuple[Array, Band]]
) -> Figure:
    """Effective parameters a FLOP over bits as measured, a panel a number of tokens.

    Marks of each size have 95% intervals; the hollow mark at the foot is the best of
    a curve through them. `curves`: by label, bits and the gain of a law with the ends
    of its band; the first is ours, others are the paper's.

    `gains`, `best`: as `precision_lib.findings.measured_gains` gives them.

    >>> rows = pd.DataFrame({"N": 9, "D": 7e6, "bits": [4, 6], "estimate": [1.2, 2]})
    >>> rows = rows.assign(low=rows["estimate"] - 0.1, high=rows["estimate"] + 0.1)
    >>> x = np.array([3.0, 9.0])
    >>> len(measured_gains(rows, rows, {"law": (x, (x / 3, x / 4, x / 2))}).axes)
    1
    """
    lengths = sorted(gains["D"].unique())
    lines = -(-len(lengths) // 2)
    figure, axes = plt.subplots(
        lines,
        min(2, len(lengths)),
        sharey=True,
        squeeze=False,
        figsize=(6.6, 1.4 + 2.6 * lines),
    )
    for axis in axes.flat[len(lengths) :]:
        axis.set_axis_off()
    styles = size_styles(gains["N"])
    for axis, tokens in zip(axes.flat, lengths, strict=False):
        for (label, (bits, band)), color, dash in zip(
            curves.items(), (OURS, PAPER, PAPER), DASHES, strict=False
        ):
            axis.fill_between(bits, band[1], band[2], color=color, alpha=0.12, lw=0)
            axis.plot(bits, band[0], dash, color=color, lw=1.2, label=label)
        for place, (size, style) in enumerate(styles.items()):
            rows = gains[(gains["N"] == size) & (gains["D"] == tokens)]
            above = rows[["low", "high"]].sub(rows["estimate"], axis=0).abs().T
            axis.errorbar(rows["bits"], rows["estimate"], above.to_numpy(), ls="none",
                          capsize=2, label=f"measured, N = {size:,.0f}",
                          zorder=4, **style)  # fmt: skip
            top = best[(best["N"] == size) & (best["D"] == tokens)]
            foot = 0.12 * (place + 1)
            axis.hlines([foot] * len(top), top["low"], top["high"], style["color"])
            axis.plot(top["estimate"], [foot] * len(top), mfc="none", ls="none",
                      **style)  # fmt: skip
        axis.axhline(1, color="0.5", lw=0.8)
        axis.set(title=f"D = {tokens / 1e6:.3g}M", xlabel="bits in training P",
                 ylim=(0, None))  # fmt: skip
        axis.xaxis.set_major_locator(MultipleLocator(4))
    figure.supylabel("effective parameters a FLOP, over 16 bits", fontsize="medium")
    figure.legend(*axes[0][0].get_legend_handles_labels(),
                  loc="outside upper center", ncols=2)  # fmt: skip
    return figure


def estimates(
    rows: pd.DataFrame,
    xlabel: str,
    published: Mapping[str, float] | None = None,
    claimed: tuple[float, float] | None = None,
) -> Figure:
    """Estimates with their 95% intervals, one below the other.

    `rows`: index: what is estimated; columns estimate, low, high. `published`: values
    of others, as vertical lines; `claimed`: a range that somebody claims, shaded.

    >>> one = pd.DataFrame({"estimate": [6.0], "low": [5.0], "high": [7.0]}, ["fit"])
    >>> figure = estimates(one, "P* (bits)", {"paper": 7.0}, (7.0, 8.0))
    """
    figure, axes = plt.subplots(figsize=(6.6, 1.3 + 0.42 * len(rows)))
    places = np.arange(len(rows))
    if claimed is not None:
        axes.axvspan(*claimed, color=PAPER, alpha=0.13, lw=0, label="claimed")
    named = (published or {}).items()
    for (name, value), dash in zip(named, DASHES[1:], strict=False):
        axes.axvline(value, color=PAPER, ls=dash, lw=1.2, label=name)
    axes.hlines(places, rows["low"], rows["high"], color=OURS, lw=2)
    axes.plot(rows["estimate"], places, "o", color=OURS, label="our runs, 95%")
    axes.set(xlabel=xlabel, ylim=(len(rows) - 0.5, -0.5))
    axes.set_yticks(places, list(rows.index))
    figure.legend(loc="outside upper center", ncols=4)
    return figure
