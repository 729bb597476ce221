"""Figures of decisions: the best precision, what moves it, and estimates in a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from precision_lib.figures.ablations import setting_style
from precision_lib.figures.grammar import reach
from precision_lib.figures.style import DASHES, bits_color, bits_label, bits_style

Array = npt.NDArray[np.float64]
Band = tuple[Array, Array, Array]
OURS, PAPER = "black", "#b2182b"


def gain_against_bits(
    bits: Array, ours: Band, others: Mapping[str, Array], name: str = "our runs"
) -> Figure:
    """Effective parameters a FLOP over bits, one curve with a band beside others.

    A dot marks the best precision of each curve; red is the paper's alone.

    >>> x = np.array([3.0, 6.0, 9.0])
    >>> curve = np.array([0.8, 1.6, 1.4])
    >>> figure = gain_against_bits(x, (curve, curve, curve), {"paper": curve - 0.1})
    """
    figure, axes = plt.subplots()
    axes.fill_between(bits, ours[1], ours[2], color="0.8", label="95% interval")
    curves = {name: ours[0], **others}
    reds = iter((PAPER, "#d6604d", "#f4a582"))
    for place, (label, curve) in enumerate(curves.items()):
        theirs = label.startswith("paper")
        color = next(reds) if theirs else setting_style(place)["color"]
        axes.plot(bits, curve, DASHES[place % 4], color=color, label=label)
        best = int(np.nanargmax(curve))
        axes.plot(bits[best], curve[best], "o", color=color, zorder=4)
    axes.axhline(1, color="0.5", lw=0.8)
    axes.set(
        xlabel="bits in training P",
        ylabel="effective parameters a FLOP,\nrelative to 16 bits",
        ylim=(0, None),
    )
    axes.legend()
    return figure


def best_bits_against_compute(
    budgets: Array, lines: Mapping[str, Band], runs: tuple[float, float]
) -> Figure:
    """The best precision against the training budget, each line with its band.

    `budgets`: FLOP; `lines`: by label: the best P and the ends of its 95% interval.
    `runs`: least and most that the fitted runs cost, shaded.

    >>> x = np.array([1e10, 1e12])
    >>> band = (x**0 * 6, x**0 * 5, x**0 * 7)
    >>> figure = best_bits_against_compute(x, {"N free": band}, (1e10, 1e11))
    """
    figure, axes = plt.subplots()
    axes.axvspan(*runs, color="0.93", zorder=0, label="budgets of the fitted runs")
    colors = ("black", *sns.color_palette("colorblind", len(lines)))
    for (name, band), color, dash in zip(lines.items(), colors, DASHES, strict=False):
        axes.fill_between(budgets, band[1], band[2], color=color, alpha=0.15, lw=0)
        axes.plot(budgets, band[0], dash, color=color, label=name)
    axes.set(
        xscale="log",
        xlabel="training budget C (FLOP at 16 bits)",
        ylabel="best precision P* (bits)",
        ylim=(0, 17),
    )
    axes.legend()
    return figure


def shifts_against_bits(
    bits: Array, sizes: Band, tokens: Band, labels: tuple[str, str]
) -> Figure:
    """How the best N and D of one budget move with the bits, relative to 16 bits.

    >>> x = np.array([4.0, 8.0])
    >>> figure = shifts_against_bits(x, (x, x, x), (x, x, x), ("N*", "D*"))
    """
    figure, axes = plt.subplots()
    for band, label, color, dash in zip(
        (sizes, tokens), labels, ("black", "#1b7837"), DASHES, strict=False
    ):
        axes.fill_between(bits, band[1], band[2], color=color, alpha=0.15, lw=0)
        axes.plot(bits, band[0], dash, color=color, label=label)
    axes.axhline(1, color="0.5", lw=0.8)
    axes.set(yscale="log", xlabel="bits in training P", ylabel="relative to 16 bits")
    plain_ticks(axes)
    axes.legend()
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


def residuals_against_bits(
    bits: npt.ArrayLike, panels: Mapping[str, Array], sizes: npt.ArrayLike
) -> Figure:
    """Residuals in percent of the loss against bits, a panel for each law.

    Larger models have larger marks.

    >>> table = np.array([3, 4]), np.array([1e4, 1e5])
    >>> figure = residuals_against_bits(table[0], {"law": np.zeros(2)}, table[1])
    """
    widths, place = np.unique(np.asarray(bits), return_inverse=True)
    figure, axes = plt.subplots(
        1, len(panels), figsize=(7.2, 3.2), sharey=True, squeeze=False
    )
    rank = np.unique(np.asarray(sizes), return_inverse=True)[1]
    colors = [bits_color(width) for width in np.asarray(bits)]
    shift = 0.5 * (rank - rank.max() / 2) / (rank.max() + 1)
    for axis, (label, found) in zip(axes[0], panels.items(), strict=True):
        axis.scatter(place + shift, 100 * found, s=14 + 9 * rank, c=colors, lw=0)
        axis.axhline(0, color="0.4", lw=1)
        names = ["none" if width == 32 else f"{width:g}" for width in widths]
        axis.set_xticks(range(len(widths)), names)
        axis.set(title=label, xlabel="bits in training")
    axes[0][0].set_ylabel("residual (% of the loss)")
    return figure


def cost_by_arm(costs: pd.DataFrame, ylabel: str) -> Figure:
    """Mean cost at each width, one line an arm, with 95% intervals.

    `costs`: columns arm, bits and cost, a row a run.

    >>> table = pd.DataFrame({"arm": "a", "bits": [3, 3, 4], "cost": [0.2, 0.3, 0.1]})
    >>> figure = cost_by_arm(table, "cost")
    """
    figure, axes = plt.subplots()
    names = list(dict.fromkeys(costs["arm"]))
    colors = sns.color_palette("colorblind", len(names))
    for place, (name, color) in enumerate(zip(names, colors, strict=True)):
        groups = costs[costs["arm"] == name].groupby("bits")["cost"]
        mean, error = groups.mean(), reach(groups)
        axes.errorbar(
            mean.index + 0.06 * (place - (len(names) - 1) / 2), mean, error,
            color=color, marker="osD^v"[place % 5], ls=DASHES[place % 4],
            capsize=3, label=name,
        )  # fmt: skip
    axes.axhline(0, color="0.5", lw=0.8)
    axes.set(xlabel="bits in training", ylabel=ylabel)
    axes.legend()
    return figure


def plain_ticks(axes: Axes, ticks: Sequence[float] = (0.5, 1, 2, 3, 4, 6, 8)) -> None:
    """A logarithmic y axis labelled 0.5, 1, 2 rather than by powers of ten.

    >>> axis = plt.figure().add_subplot(yscale="log", ylim=(0.5, 4))
    >>> plain_ticks(axis)
    >>> [round(float(tick), 1) for tick in axis.get_yticks()]
    [0.5, 1.0, 2.0, 3.0, 4.0]
    """
    low, high = axes.get_ylim()
    axes.set_yticks([tick for tick in ticks if 0.99 * low <= tick <= 1.01 * high])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def losses_in_bits(
    table: pd.DataFrame, column: str, xlabel: str, ylabel: str = "loss"
) -> Figure:
    """A number against a column, marked by bits, joined within each width.

    `table`: columns `column`, bits and value.

    >>> rows = pd.DataFrame({"memory": [1, 2], "bits": 4, "value": [3.0, 2.9]})
    >>> figure = losses_in_bits(rows, "memory", "memory (bits)")
    """
    figure, axes = plt.subplots()
    for bits in sorted(table["bits"].unique()):
        rows = table[table["bits"] == bits]
        mean = rows.groupby(column)["value"].mean()
        axes.plot(mean.index, mean, lw=1.1, label=bits_label(bits), **bits_style(bits))
    axes.set(xscale="log", xlabel=xlabel, ylabel=ylabel)
    axes.legend(ncols=2)
    return figure
