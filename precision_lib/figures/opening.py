"""The figure that opens the book: longer training, before and after rounding."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from precision_lib.figures.style import bits_label, bits_style
from precision_lib.findings.measured import Measured, labelled, near_size, unquantized
from precision_lib.formats import HIGH_PRECISION_BITS


def rounded_at_size(measured: Measured, N: float) -> pd.DataFrame:
    """GPTQ to 3 and 4 bits of the unquantized runs of one size, with ``tokens``.

    `N`: size, within a tenth.

    >>> from precision_lib.findings.measured import load_measured
    >>> rows = rounded_at_size(load_measured(["base"]), 24e3)
    >>> rows["N"].unique().tolist()
    [23936]
    """
    rows = near_size(labelled(unquantized(measured.ptq)), N)
    keep = (rows["method"] == "gptq") & rows["post_bits"].isin((3, 4))
    return rows[keep].reset_index(drop=True)


def loss_by_bits_against_data(roundings: pd.DataFrame) -> Figure:
    """Loss of one size against D: a line for each width, and one before rounding.

    A point is a run; lines join the means over seeds.

    `roundings`: as `rounded_at_size` gives them.

    >>> one = {"N": 1e5, "tokens": [1e6, 2e6], "post_bits": 3, "loss": [3.2, 3.0]}
    >>> figure = loss_by_bits_against_data(pd.DataFrame(one).assign(post_loss=3.5))
    >>> len(figure.axes[0].lines)
    4
    """
    figure, axes = plt.subplots(figsize=(5.0, 5.2))
    before = roundings.drop_duplicates("run_id") if "run_id" in roundings else roundings
    lines = [(HIGH_PRECISION_BITS, before.assign(post_loss=before["loss"]))]
    for bits in sorted(roundings["post_bits"].unique()):
        lines.append((bits, roundings[roundings["post_bits"] == bits]))
    for bits, rows in lines:
        style = bits_style(bits) | {"label": bits_label(bits)}
        axes.plot(rows["tokens"], rows["post_loss"], ls="none", ms=5, **style)
        mean = rows.groupby("tokens")["post_loss"].mean()
        axes.plot(mean.index, mean, lw=1.4, color=style["color"])
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="training tokens D", ylabel="loss (nats per token)")
    size = float(roundings["N"].iloc[0])
    axes.set_title(f"N = {size:,.0f}", fontsize="medium")
    figure.legend(loc="outside upper center", ncols=2)
    return figure
