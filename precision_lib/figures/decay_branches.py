"""The figure of rounding along a constant rate and after its decays."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from precision_lib.figures.grammar import data_axis, setting_style
from precision_lib.findings.decay_branches import BRANCH, TRUNK, USUAL

_STYLES = {
    kind: setting_style(place) for place, kind in enumerate((TRUNK, BRANCH, USUAL))
}


def cost_with_and_without_decay(table: pd.DataFrame) -> Figure:
    """delta against D, a panel a size, a line a kind; marks are runs, lines their mean.

    `table`: as `precision_lib.findings.decay_branches.decay_runs` gives it.

    >>> rows = pd.DataFrame({"N": 9, "D": [7e6, 1.4e7], "kind": TRUNK})
    >>> rows = rows.assign(delta=0.1, tokens=rows["D"])
    >>> len(cost_with_and_without_decay(rows).axes)
    1
    """
    sizes = sorted(table["N"].unique())
    figure, axes = plt.subplots(
        1, len(sizes), sharey=True, squeeze=False, figsize=(3.3 * len(sizes), 4)
    )
    for ax, size in zip(axes[0], sizes, strict=True):
        for kind, style in _STYLES.items():
            rows = table[(table["N"] == size) & (table["kind"] == kind)]
            near = (rows["D"] / 1e5).round()  # seeds stop within a step of one another
            mean = rows.groupby(near)[["D", "delta"]].mean()
            ax.plot(mean["D"], mean["delta"], **style | {"marker": ""})
            ax.plot([], [], **style, label=kind)
            ax.plot(rows["D"], rows["delta"], **style | {"linestyle": ""}, ms=4.5)
        ax.set(title=f"N = {size:,.0f}", yscale="log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
        data_axis(ax, table["tokens"], 3.5)
    axes[0][0].set_ylabel("cost of rounding δ (nats per token)")
    figure.supxlabel("training tokens D", size="medium")
    figure.legend(*axes[0][0].get_legend_handles_labels(),
                  loc="outside upper center", ncols=3)  # fmt: skip
    return figure
