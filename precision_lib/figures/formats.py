"""Figures of number formats and of rounding; the style is that of `figures`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from precision_lib.figures.grammar import label_ends, setting_style, type_name

BOUND_DB = 20 * np.log10(2)  # a bit of rate distortion theory on normal numbers


def plot_steps(values: Mapping[str, Sequence[float]]) -> Figure:
    """Largest relative rounding error against magnitude, one line a format.

    `values`: values of each format in rising order; those below zero are left out.

    >>> figure = plot_steps({"e2m0": [0.0, 1.0, 2.0, 4.0]})
    >>> figure.axes[0].get_xscale()
    'log'
    """
    figure, axis = plt.subplots()
    for place, (name, grid) in enumerate(values.items()):
        points = np.array([v for v in grid if v >= 0]) / max(grid)
        low, high = points[:-1], points[1:]
        size = np.stack([low + (high - low) / 2, high], 1)
        error = np.stack([(high - low) / 2, np.zeros_like(low)], 1) / size
        style = setting_style(place) | {"marker": ""}
        axis.plot(size[:, 0], error[:, 0], label=type_name(name), lw=1.8, **style)
    axis.set(
        xscale="log",
        yscale="log",
        xlim=(1e-4, 1.1),
        ylim=(1e-3, 1.3),
        xlabel="magnitude / largest",
        ylabel="largest relative error",
    )
    axis.legend()
    return figure


def plot_cost(table: pd.DataFrame) -> Figure:
    """Signal to noise less the bound for normal numbers, against bits stored.

    `table`: columns family, bits (scales included) and decibels; a row a format.

    >>> row = {"family": "integers", "bits": 4.25, "decibels": 19.0}
    >>> line = plot_cost(pd.DataFrame([row])).axes[0].lines[0]
    >>> round(float(line.get_ydata()[0]), 2)
    -6.59
    """
    figure, axis = plt.subplots()
    families = table.groupby("family", sort=False)
    for place, (name, rows) in enumerate(families):
        below = rows["decibels"] - BOUND_DB * rows["bits"]
        style = setting_style(place) | {"linestyle": "none", "alpha": 0.85}
        axis.plot(rows["bits"], below, label=name, **style)
    axis.set(
        xlabel="bits a number, scales included",
        ylabel="signal to noise against the bound (dB)",
    )
    axis.legend()
    return figure


def plot_against(
    lines: Mapping[str, pd.Series], xlabel: str, ylabel: str, log_x: bool = False
) -> Figure:
    """One line a series, over the index of the series.

    >>> figure = plot_against({"a": pd.Series([1.0, 2.0])}, "x", "y")
    >>> figure.axes[0].get_xlabel()
    'x'
    """
    figure, axis = plt.subplots()
    for place, (name, series) in enumerate(lines.items()):
        style = setting_style(place) | {"marker": ""}
        axis.plot(series.index, series.to_numpy(), lw=1.8, label=name, **style)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    if log_x:
        axis.set_xscale("log", base=2)
        axis.xaxis.set_major_formatter("{x:g}")
    label_ends(axis)
    return figure
