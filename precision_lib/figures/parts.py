"""The figure of what each part costs alone."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from precision_lib.figures.grammar import PART_NAMES, cost_axis, part_style


def costs_by_width(table: pd.DataFrame) -> Figure:
    """What each part alone costs at each width, a panel a size, with 95% intervals.

    `table`: of `precision_lib.findings.parts.costs_by_width`.

    >>> rows = pd.DataFrame({"N": 9, "part": "kv", "bits": [3, 4], "cost": [0.2, 0.1]})
    >>> costs_by_width(rows.assign(low=0.0, high=0.3)).axes[0].get_title()
    'N = 9'
    """
    sizes = sorted(table["N"].unique())
    figure, axes = plt.subplots(
        1, len(sizes), sharex=True, sharey=True, squeeze=False, figsize=(6.6, 4.2)
    )
    for axis, size in zip(axes[0], sizes, strict=True):
        for place, (part, name) in enumerate(PART_NAMES.items()):
            rows = table[(table["N"] == size) & (table["part"] == part)]
            if rows.empty:
                continue
            style, x = part_style(part), rows["bits"] + 0.08 * (place - 1)
            axis.plot(x, rows["cost"], label=name, ms=6, lw=1.2, **style)
            axis.vlines(x, rows["low"], rows["high"], color=style["color"], lw=1.6)
        cost_axis(axis)
        axis.axhline(0, color="0.4", lw=1)
        axis.set_title(f"N = {size:,.0f}", fontsize="medium")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0][0].set_ylabel("cost (nats per token)")
    figure.supxlabel("bits of the one part in training", fontsize="medium")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure
