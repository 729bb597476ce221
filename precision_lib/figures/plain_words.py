"""Figures for readers who are no specialists: few marks, large differences."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from precision_lib.figures.grammar import label_ends, size_styles
from precision_lib.figures.style import bits_color, bits_style


def lines_by_size(
    table: pd.DataFrame, x: str, y: str, xlabel: str, ylabel: str, tokens: bool = True
) -> Figure:
    """Runs as marks, joined by their means, one line a model size, darker if larger.

    `table`: columns N, `x` and `y`, a row a run; `tokens`: whether `x` counts tokens,
    drawn on a logarithmic axis; else bits.

    >>> table = pd.DataFrame({"N": 24000, "D": [1e5, 2e5], "delta": [0.1, 0.2]})
    >>> figure = lines_by_size(table, "D", "delta", "tokens", "cost")
    """
    figure, axes = plt.subplots()
    for size, style in size_styles(table["N"]).items():
        rows = table[table["N"] == size]
        axes.plot(rows[x], rows[y], ls="none", ms=5, **style)
        mean = rows.groupby(x)[y].mean()
        label = f"{size / 1000:.0f} thousand weights"
        axes.plot(mean.index, mean, color=style["color"], label=label)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if tokens:
        count_tokens(axes)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    label_ends(axes)
    return figure


def count_tokens(axes: Axes) -> None:
    """A logarithmic x axis labelled 200k, 500k, 1M rather than by powers of ten.

    >>> axes = plt.figure().add_subplot()
    >>> count_tokens(axes)
    >>> axes.get_xscale()
    'log'
    """
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_minor_formatter(NullFormatter())


def bars_with_intervals(
    rows: Mapping[str, tuple[float, float, float]],
    ylabel: str,
    line: float | None = None,
) -> Figure:
    """One bar an estimate, with its 95% interval.

    `rows`: by what stands below the bar; `line`: a level to compare with.

    >>> figure = bars_with_intervals({"a": (1.0, 0.9, 1.1)}, "cost", line=1.0)
    """
    figure, axes = plt.subplots(figsize=(6.6, 3.6))
    values = np.array(list(rows.values()), dtype=float)
    error = np.abs(values[:, 1:] - values[:, :1]).T
    places = np.arange(len(rows))
    axes.bar(places, values[:, 0], 0.6, color="#9a9a9a")
    axes.errorbar(places, values[:, 0], error, fmt="none", color="0.15", capsize=5)
    if line is not None:
        axes.axhline(line, color="0.4", ls="--", lw=1)
    axes.set_xticks(places, list(rows))
    axes.set(ylabel=ylabel)
    return figure


def share_that_counts(
    bits: np.ndarray, share: np.ndarray, low: np.ndarray, high: np.ndarray
) -> Figure:
    """How much of a model counts when it is trained in so many bits.

    >>> x = np.array([4.0, 8.0])
    >>> figure = share_that_counts(x, x / 8, x / 9, x / 7.5)
    """
    figure, axes = plt.subplots(figsize=(6.6, 3.6))
    axes.fill_between(bits, 100 * low, 100 * high, color="0.8", label="95% interval")
    axes.plot(bits, 100 * share, color="black")
    for width in (4, 6, 8):
        here = np.interp(width, bits, share)
        style = {"color": bits_color(width), "marker": bits_style(width)["marker"]}
        axes.plot(width, 100 * here, ms=9, **style)
    axes.axhline(100, color="0.5", lw=0.8)
    axes.set(xlabel="bits in training", ylabel="share of the model that counts (%)")
    axes.legend()
    return figure
