"""Figures of fits to other people's runs; the style is that of `figures`."""

from __future__ import annotations

import re
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from precision_lib.figures.grammar import part_style, setting_style
from precision_lib.figures.style import DASHES, UNQUANTIZED
from precision_lib.laws.profile import Profile

Array = npt.NDArray[np.float64]
CRITICAL = 3.84  # deviance
_KINDS = {"forward": "o", "both": "s", "backward": "D", "size slope": "^"}


def absent_figure(sentence: str) -> Figure:
    """An empty picture that says why there is none.

    >>> figure = absent_figure("The table is absent.")
    >>> figure.axes[0].texts[0].get_text()
    'The table is absent.'
    """
    figure, axis = plt.subplots(figsize=(6.6, 1.2))
    axis.text(0.5, 0.5, sentence, ha="center", va="center", wrap=True)
    axis.set_axis_off()
    return figure


def plot_stops(stops: Mapping[str, Array], best: float) -> Figure:
    """Where optimizers stopped, as shares of starts below an excess objective.

    `stops`: objectives reached, by label; `best`: the lowest objective known.

    >>> figure = plot_stops({"sum": np.array([1.0, 2.0])}, 1.0)
    >>> figure.axes[0].get_xscale()
    'log'
    """
    figure, axis = plt.subplots()
    for place, (label, found) in enumerate(stops.items()):
        excess = np.sort(np.maximum(found / best - 1, 1e-9))
        share = np.arange(1, excess.size + 1) / excess.size
        ends = np.append(excess, 1e4), np.append(share, 1)
        style = setting_style(place) | {"marker": ""}
        axis.step(*ends, where="post", label=label, **style)
    axis.set(
        xscale="log",
        xlim=(1e-9, 1e4),
        ylim=(0, 1.02),
        xlabel="objective above the optimum, relative",
        ylabel="share of the starts",
    )
    axis.legend()
    return figure


def plot_residuals(table: pd.DataFrame, residuals: Mapping[str, Array]) -> Figure:
    """Residuals in percent against D, one panel for each set of constants.

    >>> table = pd.DataFrame({"D": [1e9, 1e10]})
    >>> figure = plot_residuals(table, {"ours": np.array([0.01, 0.0])})
    >>> figure.axes[0].get_title()
    'ours'
    """
    figure, axes = plt.subplots(
        1, len(residuals), sharey=True, squeeze=False, figsize=(6.6, 3.2)
    )
    for axis, (label, found) in zip(axes[0], residuals.items(), strict=True):
        axis.scatter(table["D"], 100 * found, s=9, color="black", alpha=0.5, lw=0)
        axis.axhline(0, color="0.3", linewidth=0.8)
        axis.axhline(100 * np.median(found), color="black", linestyle="--")
        axis.set(xscale="log", title=label, xlabel="D (tokens)")
    axes[0][0].set_ylabel("loss above the prediction, %")
    return figure


def plot_profiles(profiles: Mapping[str, Profile]) -> Figure:
    """How much worse the fit gets when one parameter is held, a panel each.

    The line is the deviance at the ends of a 95% interval of many runs. `profiles`: by
    the label of the panel.

    >>> values, rise = np.array([1.0, 2.0, 3.0]), np.array([9.0, 0.0, 9.0])
    >>> both = (True, True)
    >>> known = Profile("gamma", values, rise, rise, (1.4, 2.6), both, 0.95)
    >>> len(plot_profiles({"gamma": known}).axes)
    1
    """
    lines = -(-len(profiles) // 2)
    figure, axes = plt.subplots(
        lines, min(2, len(profiles)), sharey=True, squeeze=False,
        figsize=(6.6, 2.7 * lines),
    )  # fmt: skip
    for axis, (label, found) in zip(axes.flat, profiles.items(), strict=False):
        axis.plot(found.values, found.deviance, "o-", color="black", markersize=3)
        axis.axhline(CRITICAL, color="0.4", linestyle="--")
        good = found.values > 0
        wide = good.all() and found.values.max() > 20 * found.values.min()
        letter = re.sub(r"^(\w)_(\w+)$", r"$\1_{\2}$", label)
        axis.set(xlabel=letter, ylim=(0, 2.5 * CRITICAL))
        if wide:
            axis.set_xscale("log")
            axis.xaxis.set_minor_formatter(NullFormatter())
        if wide and found.values.max() < 300 * found.values.min():  # a decade or two
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
            axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    for axis in axes[:, 0]:
        axis.set_ylabel("deviance")
    return figure


def plot_powers(rows: pd.DataFrame, published: Mapping[str, float]) -> Figure:
    """Powers of D and of N in a cost, a row each, with 95% intervals.

    A row of a part has its colour and mark; the others are black, by their kind.

    `rows`: as `precision_lib.findings.forward_cost.side_by_side` has them;
    `published`: powers of D that others state, as vertical lines.

    >>> one = pd.DataFrame({"kind": "forward", "part": "kv"}, index=["ours"])
    >>> for name in ("D", "N"):
    ...     one[[name, f"{name}_low", f"{name}_high"]] = [0.2, 0.1, 0.3]
    >>> plot_powers(one, {"Chen": 0.07}).axes[1].get_xlabel()
    'power of N'
    """
    figure, axes = plt.subplots(
        1, 2, sharey=True, figsize=(6.6, 1.4 + 0.27 * len(rows)), squeeze=False
    )
    places = np.arange(len(rows))
    for axis, side in zip(axes[0], ("D", "N"), strict=True):
        axis.axvline(0, color="0.5", lw=0.8)
        for place, (_, row) in zip(places, rows.iterrows(), strict=True):
            style = _row_style(row)
            ends = row[f"{side}_low"], row[f"{side}_high"]
            axis.hlines(place, *ends, color=style["color"])
            axis.plot(row[side], place, ms=5, **style)
        axis.set(xlabel=f"power of {side}", ylim=(len(rows) - 0.5, -0.5))
    for (name, value), dash in zip(published.items(), DASHES[1:], strict=False):
        axes[0][0].axvline(value, color="0.3", ls=dash, lw=1, label=name)
    axes[0][0].set_yticks(places, list(rows.index))
    if published:
        figure.legend(loc="outside upper center", ncols=len(published))
    return figure


def _row_style(row: pd.Series) -> dict[str, str]:
    if row["part"]:
        return part_style(row["part"])
    grey = row["kind"] == "size slope"
    return {"color": UNQUANTIZED if grey else "black", "marker": _KINDS[row["kind"]]}
