"""The figure of granularity in training; the style is that of `figures`."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from precision_lib.figures.grammar import cost_axis, setting_style


def costs_by_scale(parts: Mapping[str, pd.DataFrame]) -> Figure:
    """Cost of each part against its bits, a panel a part and a line a granularity.

    Bars are 95% intervals; near zero the axis is linear.

    `parts`: tables of `precision_lib.findings.granularity.costs_by_scale` by part.

    >>> rows = {"setting": "a scale a tensor", "bits": [3, 4], "cost": [0.3, 0.1]}
    >>> table = pd.DataFrame(rows).assign(low=0.05, high=0.4)
    >>> costs_by_scale({"weights": table}).axes[0].get_title()
    'weights'
    """
    names = list(dict.fromkeys(n for table in parts.values() for n in table["setting"]))
    figure, axes = plt.subplots(
        1, len(parts), sharey=True, squeeze=False, figsize=(6.6, 4.2)
    )
    for axis, (part, table) in zip(axes[0], parts.items(), strict=True):
        for place, name in enumerate(names):
            rows = table[table["setting"] == name]
            style = setting_style(place)
            x = rows["bits"] + 0.06 * (place - 1)
            axis.plot(x, rows["cost"], lw=1.3, ms=6, label=name, **style)
            axis.vlines(x, rows["low"], rows["high"], color=style["color"], lw=1.5)
        axis.set(title=part, xlabel="bits in training")
        cost_axis(axis)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.axhline(0, color="0.5", lw=0.8)
    axes[0][0].set_ylabel("cost (nats per token)")
    handles, labels = axes[0][-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure
