"""Figures of runs that differ in one setting; the style is that of `figures`.

Colour means bits everywhere else, so settings are told apart by grey, dash and marker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FixedFormatter, FixedLocator, NullLocator

from precision_lib.figures.grammar import PART_NAMES

Array = npt.NDArray[np.float64]
SETTING_COLORS = (
    "black", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9",
    "#5b2c83", "#7f7f7f", "#7a1f1f", "#c9a227",
)  # fmt: skip
MARKERS = "osD^vPX*<>h"
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 2)))


def setting_style(place: int) -> dict[str, Any]:
    """Colour, marker and dash of the setting at this place of a list.

    >>> setting_style(0)["color"], setting_style(1)["marker"]
    ('black', 's')
    """
    return {
        "color": SETTING_COLORS[place % len(SETTING_COLORS)],
        "marker": MARKERS[place % len(MARKERS)],
        "linestyle": DASHES[place % len(DASHES)],
    }


def settings_against_data(
    table: pd.DataFrame,
    column: str,
    names: Sequence[str],
    value: str = "delta",
    label: str = "cost of rounding δ (nats per token)",
    log: bool = True,
) -> Figure:
    """A value against D, one line a setting and one panel a size; seeds averaged.

    `table`: columns N, D, `column` and `value`; `names`: the settings, in the order of
    their styles.

    >>> table = pd.DataFrame({"N": 9, "D": [1e6, 2e6], "schedule": "cosine"})
    >>> figure = settings_against_data(
    ...     table.assign(delta=0.1), "schedule", ["cosine"]
    ... )
    """
    sizes = sorted(table["N"].unique())
    figure, axes = plt.subplots(
        1, len(sizes), sharey=True, squeeze=False, figsize=(7.2, 4.0)
    )
    for axis, size in zip(axes[0], sizes, strict=True):
        for place, name in enumerate(names):
            rows = table[(table["N"] == size) & (table[column] == name)]
            style = setting_style(place)
            line = rows.groupby("D", as_index=False)[value].mean()
            axis.plot(
                rows["D"], rows[value], ls="none", ms=4, alpha=0.7,
                marker=style["marker"], color=style["color"],
            )  # fmt: skip
            axis.plot(line["D"], line[value], lw=1.3, ms=5, label=name, **style)
        axis.set_title(f"N = {size:,.0f}")
        if log:
            axis.set_yscale("log")
        data_axis(axis, table["D"], 2.5)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    figure.supxlabel("training tokens D", fontsize="medium")
    axes[0][0].set_ylabel(label)
    return figure


def estimates(
    table: pd.DataFrame, label: str, lines: Mapping[str, float] | None = None
) -> Figure:
    """Estimates with their intervals, one below the other.

    `table`: index: what is estimated. The first three columns are the estimate and the
    ends of its interval, ``runs`` or ``pairs`` is how many it rests on. `label`: what
    the axis says; `lines`: values to compare with, by label, drawn as vertical lines.

    >>> table = pd.DataFrame({"mean": [0.5], "low": [0.4], "high": [0.6]}, ["cosine"])
    >>> figure = estimates(table.assign(runs=5), "gamma_D", {"zero": 0.0})
    """
    figure, axis = plt.subplots(figsize=(6.6, 1.3 + 0.36 * len(table)))
    center, low, high = (table.iloc[:, i].to_numpy(float) for i in range(3))
    places = np.arange(len(table))
    known = np.isfinite(low) & np.isfinite(high)
    axis.hlines(places[known], low[known], high[known], color="0.45", lw=2)
    axis.plot(center, places, "o", color="black", ms=6)
    for (name, value), dash in zip((lines or {}).items(), DASHES[1:], strict=False):
        axis.axvline(value, color="#b2182b", ls=dash, lw=1.2, label=name)
    count = table["runs" if "runs" in table else "pairs"]
    names = [f"{_name(name)} ({n})" for name, n in zip(table.index, count, strict=True)]
    axis.set_yticks(places, names)
    axis.set(xlabel=label, ylim=(len(table) - 0.5, -0.5))
    axis.grid(axis="y", visible=False)
    if lines:
        figure.legend(loc="outside upper center", ncols=len(lines))
    return figure


def data_axis(axis: Axes, tokens: Iterable[float], apart: float = 1.9) -> None:
    """A logarithmic x axis that is labelled at the tokens of the runs, 400k or 1.6M.

    `tokens`: D of the runs; those nearer than `apart` times the one before have no
    label.

    >>> figure, axis = plt.subplots()
    >>> data_axis(axis, [399_360, 1_599_488])
    >>> [text.get_text() for text in axis.get_xticklabels()]
    ['400k', '1.6M']
    """
    places: list[float] = []
    for value in sorted(set(tokens)):
        if not places or value >= apart * places[-1]:
            places.append(float(value))
    axis.set_xscale("log")
    prefix = EngFormatter(sep="")
    names = [prefix(float(f"{value:.2g}")) for value in places]
    axis.xaxis.set_major_locator(FixedLocator(places))
    axis.xaxis.set_major_formatter(FixedFormatter(names))
    axis.xaxis.set_minor_locator(NullLocator())


def _name(name: object) -> str:
    words = name if isinstance(name, tuple) else (name,)
    return ", ".join(PART_NAMES.get(str(word), str(word)) for word in words)
