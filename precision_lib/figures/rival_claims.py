"""The figure of what others claim and what our runs measure."""

from __future__ import annotations

from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

CLAIMED = "#b2182b"


def claims(table: pd.DataFrame) -> Figure:
    """A panel a number that is claimed: red where it is claimed to be, black our own.

    A red line is a value, a red band a side. Bars are 95% intervals.

    `table`: as `precision_lib.findings.rival_numbers.beside_claims` gives it.

    >>> row = {"whose": "Zhou", "quantity": "power", "of": "all", "least": -np.inf}
    >>> row |= {"estimate": 0.1, "low": 0.0, "high": 0.2, "most": 0.0}
    >>> len(claims(pd.DataFrame([row])).axes)
    1
    """
    panels = list(table.groupby(["whose", "quantity"], sort=False))
    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    heights = [
        0.6 + max(len(rows) for _, rows in panels[i * columns : (i + 1) * columns])
        for i in range(lines)
    ]
    figure, axes = plt.subplots(
        lines, columns, squeeze=False, height_ratios=heights,
        figsize=(6.6, 0.9 * lines + 0.22 * sum(heights)),
    )  # fmt: skip
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    for axis, ((whose, quantity), rows) in zip(axes.flat, panels, strict=False):
        claimed = rows[["least", "most"]].to_numpy()
        ends = np.concatenate(
            [rows[["low", "high"]].to_numpy().ravel(), claimed[np.isfinite(claimed)]]
        )
        room = 0.12 * (ends.max() - ends.min())
        axis.set_xlim(ends.min() - room, ends.max() + room)
        for place, row in enumerate(rows.to_dict("records")):
            side = np.clip([row["least"], row["most"]], *axis.get_xlim())
            if side[0] == side[1]:
                axis.vlines(side[0], place - 0.45, place + 0.45, color=CLAIMED, lw=2)
            else:
                axis.fill_betweenx(
                    [place - 0.45, place + 0.45], *side, color=CLAIMED, alpha=0.22, lw=0
                )
            axis.hlines(place, row["low"], row["high"], color="black", lw=1.6)
            axis.plot(row["estimate"], place, "o", color="black", ms=5)
        axis.set_yticks(
            range(len(rows)), [fill(name, 20) for name in rows["of"]], fontsize="small"
        )
        axis.set_ylim(len(rows) - 0.5, -0.5)
        axis.set_title(f"{whose}\n{quantity}", fontsize="small")
        axis.tick_params(axis="x", labelsize="small")
        axis.locator_params(axis="x", nbins=2)
        axis.grid(axis="y", visible=False)
    return figure
