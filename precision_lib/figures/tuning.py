"""Figures of tuning runs: loss against the learning rate, a line a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from precision_lib.figures.grammar import setting_style

WORST = 0.25  # nats above the lowest of a panel; what lies higher is out of sight


def losses_by_rate(
    runs: pd.DataFrame, rule: Callable[[float, float, int], float]
) -> Figure:
    """Loss above the lowest of its panel, a panel a size and number of tokens.

    `runs`: as `precision_lib.training.tuning.comparable` gives them, of one precision;
    points are means over seeds. `rule`: the rate at a size, number of tokens and
    batch; a tick at the bottom of the panel marks it in the color of the batch.

    >>> table = pd.DataFrame({"peak_lr": [0.01, 0.02], "loss": [3.0, 3.1], "N": 9})
    >>> table = table.assign(tokens=8e6, batch_size=16)
    >>> figure = losses_by_rate(table, lambda size, tokens, batch: 0.01)
    """
    mean = runs.groupby(["N", "tokens", "batch_size", "peak_lr"])["loss"].mean()
    panels: list[Any] = list(mean.groupby(["N", "tokens"]))
    batches = sorted(runs["batch_size"].unique())
    figure, axes = plt.subplots(
        -(-len(panels) // 2),
        2,
        sharex=True,
        sharey=True,
        squeeze=False,
        figsize=(6.6, 6.2),
    )
    for axis, ((size, tokens), losses) in zip(axes.flat, panels, strict=False):
        above = losses - losses.min()
        for batch, line in above.groupby(level="batch_size"):
            style = setting_style(batches.index(batch))
            rates = line.index.get_level_values("peak_lr")
            axis.plot(rates, line.to_numpy(), ms=4, lw=1.2, **style)
            best = rule(size, tokens, batch)
            axis.plot([best, best], [-0.02, -0.005], color=style["color"], lw=3)
        axis.set(xscale="log", ylim=(-0.02, WORST))
        axis.set_title(f"N = {size / 1e3:,.0f}k, D = {tokens / 1e6:.3g}M")
    for place in range(len(panels), axes.size):
        axes.flat[place].set_axis_off()
        axes.flat[place - 2].tick_params(labelbottom=True)
    marks = [
        Line2D([], [], label=f"{batch} windows", **setting_style(place))
        for place, batch in enumerate(batches)
    ]
    figure.legend(handles=marks, loc="outside upper center", ncols=3)
    figure.supxlabel("peak learning rate", fontsize="medium")
    figure.supylabel("loss above the lowest (nats per token)", fontsize="medium")
    return figure
