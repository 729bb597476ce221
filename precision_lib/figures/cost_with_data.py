"""The figure of whether the cost of low precision grows with data."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from precision_lib.figures.grammar import setting_style

ROOM = 1.25  # times the widest interval that is drawn whole
WIDEST = 1.0  # an interval that is wider runs out of the panel


def cost_with_data(
    tables: Mapping[str, pd.DataFrame], margin: float, published: Mapping[str, float]
) -> Figure:
    """Exponents in D of costs, and what they have above the size slope's.

    `tables`: by whose runs they are, as `precision_lib.findings.cost_with_data.of_ours`
    gives them; a row of the figure each. `margin`: of the excess, shaded on both sides
    of zero; `published`: exponents that others state, as lines.

    >>> one = pd.DataFrame({"D": [0.2], "excess": [0.1]}, index=["weights"])
    >>> for name in ("D", "excess"):
    ...     one[[f"{name}_low", f"{name}_high"]] = [[0.0, 0.3]]
    >>> cost_with_data({"ours": one}, 0.05, {}).axes[1].get_xlabel()
    "less the size\\nslope's exponent"
    """
    count = sum(map(len, tables.values()))
    figure, axes = plt.subplots(1, 2, sharey=True, figsize=(6.6, 1.3 + 0.29 * count))
    names: list[str] = []
    for place, (whose, table) in enumerate(tables.items()):
        style = setting_style(place) | {"linestyle": "none"}
        at = len(names) + np.arange(len(table))
        names += [f"{whose}: {name}" for name in table.index]
        for axis, column in zip(axes, ("D", "excess"), strict=True):
            low, high = table[f"{column}_low"], table[f"{column}_high"]
            axis.hlines(at, low, high, color=style["color"], lw=1.8)
            axis.plot(table[column], at, ms=6, **style)
        axes[0].axhline(len(names) - 0.5, color="0.85", lw=0.8)
        axes[1].axhline(len(names) - 0.5, color="0.85", lw=0.8)
    axes[1].axvspan(-margin, margin, color="#d9d9d9", lw=0, zorder=0)
    whole = pd.concat(tables.values())
    for axis, column in zip(axes, ("D", "excess"), strict=True):
        axis.axvline(0, color="0.3", lw=1)
        axis.set_xlim(*_limits(whole, column))
        axis.grid(axis="y", visible=False)
    for name, value in published.items():
        axes[0].axvline(value, color="#b2182b", ls=":", lw=1.4, label=name)
    axes[0].set(xlabel="exponent of D\nin the cost", ylim=(count - 0.5, -0.5))
    axes[1].set_xlabel("less the size\nslope's exponent")
    axes[0].set_yticks(range(count), names)
    if published:
        figure.legend(loc="outside upper center")
    return figure


def _limits(table: pd.DataFrame, column: str) -> tuple[float, float]:
    """Ends that hold every interval but those that say nothing."""
    low, high = table[f"{column}_low"], table[f"{column}_high"]
    said = table[high - low <= WIDEST] if (high - low <= WIDEST).any() else table
    ends = said[f"{column}_low"].min(), said[f"{column}_high"].max()
    reach = max(abs(float(end)) for end in ends) * ROOM
    return -reach, reach
