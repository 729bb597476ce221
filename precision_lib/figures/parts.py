"""Figures of the parts beside each other: weights, activations and KV cache."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from precision_lib.figures.grammar import PART_NAMES, part_style, reach
from precision_lib.figures.style import bits_style

Array = npt.NDArray[np.float64]
PAPER = "#b2182b"


def costs_by_part(pairs: pd.DataFrame) -> Figure:
    """What each part costs in training at each width; a panel a part.

    Small points are pairs of a run and its twin; bars their means with 95% intervals;
    the line is what the law says of the same pairs.

    `pairs`: with columns part, bits, cost and by_law (nats per token).

    >>> pair = pd.DataFrame({"part": ["kv"] * 2, "bits": 3, "cost": [0.1, 0.2]})
    >>> figure = costs_by_part(pair.assign(by_law=0.15))
    """
    figure, panels = _panels(pairs)
    for part, axis in panels.items():
        rows = pairs[pairs["part"] == part]
        _points(axis, rows, "cost")
        groups = rows.groupby("bits")
        mean, error = groups["cost"].mean(), reach(groups["cost"])
        axis.plot(mean.index, groups["by_law"].mean(), color="0.35", lw=1.2)
        axis.errorbar(mean.index, mean, error, fmt="_", color="black", ms=11, capsize=3)
        axis.set_yscale("symlog", linthresh=0.05)
        axis.axhline(0, color="0.5", lw=0.8)
    first = next(iter(panels.values()))
    first.set_ylabel("loss above the twin's (nats per token)")
    figure.legend(
        handles=[
            _mark("o", "a pair of runs", "0.4"),
            Line2D([], [], color="black", marker="_", ls="none", ms=11, label="mean"),
            Line2D([], [], color="0.35", label="by the law"),
        ],
        loc="outside upper center",
        ncols=3,
    )
    return figure


def shares_by_part(pairs: pd.DataFrame, curves: pd.DataFrame) -> Figure:
    """The share of parameters that each part keeps: pairs, our fit and the paper's.

    `pairs`: with columns part, bits and fraction; `curves`: as
    `precision_lib.findings.parts.share_curves` gives it.

    >>> pair = pd.DataFrame({"part": ["kv"], "bits": [3], "fraction": [0.5]})
    >>> curve = pd.DataFrame({"part": "kv", "bits": [3, 8], "estimate": [0.5, 0.9]})
    >>> curve = curve.assign(low=0.4, high=1.0, paper=0.8)
    >>> figure = shares_by_part(pair, curve)
    """
    figure, panels = _panels(curves)
    for part, axis in panels.items():
        rows = pairs[pairs["part"] == part]
        _points(axis, rows, "fraction")
        curve = curves[curves["part"] == part]
        band = curve["low"].clip(lower=0), curve["high"]
        axis.fill_between(curve["bits"], *band, color="0.75", lw=0)
        axis.plot(curve["bits"], curve["estimate"], color="black")
        axis.plot(curve["bits"], curve["paper"], color=PAPER, ls="--")
        axis.axhline(1, color="0.5", lw=0.8)
        axis.set_ylim(0, 1.5)
    next(iter(panels.values())).set_ylabel("effective parameters N_eff / N")
    figure.legend(
        handles=[
            _mark("o", "a pair of runs", "0.4"),
            Line2D([], [], color="black", label="our fit, 95% band"),
            Line2D([], [], color=PAPER, ls="--", label="paper, with offsets"),
        ],
        loc="outside upper center",
        ncols=3,
    )
    return figure


def differences_by_bits(table: pd.DataFrame, reference: str) -> Figure:
    """How much more a part costs than another at each width, with 95% intervals.

    Intervals that reach out of the picture end in its frame.

    `table`: indexed by part and bits; columns estimate, low, high (nats per token).
    `reference`: the part that the others are compared with.

    >>> index = pd.MultiIndex.from_tuples([("kv", 3), ("kv", 4)])
    >>> table = pd.DataFrame({"estimate": [-0.1, 0.0], "low": -0.2, "high": 0.1}, index)
    >>> figure = differences_by_bits(table, "weights")
    """
    figure, axis = plt.subplots()
    parts = list(dict.fromkeys(table.index.get_level_values(0)))
    for place, part in enumerate(parts):
        shift = 0.16 * (place - (len(parts) - 1) / 2)
        rows = table.loc[part]
        x = rows.index.to_numpy(float) + shift
        style = part_style(part) | {"linestyle": "none"}
        axis.vlines(x, rows["low"], rows["high"], colors=style["color"], lw=2)
        axis.plot(x, rows["estimate"], ms=8, label=PART_NAMES[part], **style)
    least, most = min(table["estimate"].min(), 0), max(table["estimate"].max(), 0)
    margin = 0.3 * (most - least)
    axis.set_ylim(least - margin, most + margin)
    axis.axhline(0, color="0.3", lw=1)
    label = f"cost above that of {PART_NAMES[reference]} (nats per token)"
    axis.set(xlabel="bits in training", ylabel=label)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend()
    return figure


def residuals_by_part(runs: pd.DataFrame, residuals: Array) -> Figure:
    """Residuals of a law in percent of the loss, against bits; a panel a part.

    `runs`: with columns part and bits; `residuals`: logarithm of measured over
    predicted loss.

    >>> runs = pd.DataFrame({"part": ["kv", "weights"], "bits": [3, 3]})
    >>> figure = residuals_by_part(runs, np.array([0.01, -0.01]))
    """
    table = runs.assign(residual=100 * residuals)
    figure, panels = _panels(table)
    for part, axis in panels.items():
        for bits, here in _widths(table[table["part"] == part]):
            x = bits + _jitter(len(here))
            style = bits_style(bits)
            axis.plot(x, here["residual"], ls="none", ms=4, **style)
            middle = here["residual"].median()
            axis.hlines(middle, bits - 0.35, bits + 0.35, color="black")
        axis.axhline(0, color="0.4", lw=1)
    next(iter(panels.values())).set_ylabel("residual (% of the loss)")
    return figure


def _panels(table: pd.DataFrame) -> tuple[Figure, dict[str, Axes]]:
    """A panel for each part that the table has, in one order, with one y axis."""
    parts = [part for part in PART_NAMES if part in set(table["part"])]
    figure, axes = plt.subplots(
        1, len(parts), sharey=True, squeeze=False, figsize=(7.2, 3.4)
    )
    for axis, part in zip(axes[0], parts, strict=True):
        axis.set(title=PART_NAMES[part])
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.supxlabel("bits in training", fontsize="medium")
    return figure, dict(zip(parts, axes[0], strict=True))


def _points(axis: Axes, rows: pd.DataFrame, column: str) -> None:
    """Each pair at its bits, a little beside the others."""
    for bits, here in _widths(rows):
        x = bits + _jitter(len(here))
        style = bits_style(bits)
        axis.plot(x, here[column], ls="none", ms=4, alpha=0.8, **style)


def _widths(rows: pd.DataFrame) -> list[tuple[float, pd.DataFrame]]:
    return [(float(b), rows[rows["bits"] == b]) for b in sorted(set(rows["bits"]))]


def _jitter(count: int) -> Array:
    """Shifts that keep points of one width apart, the same at every call."""
    return np.linspace(-0.22, 0.22, count) if count > 1 else np.zeros(count)


def _mark(marker: str, label: str, color: str) -> Line2D:
    return Line2D([], [], marker=marker, ls="none", color=color, label=label)
