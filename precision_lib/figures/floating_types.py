"""Figures of floating-point types; the style is that of `figures`."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from precision_lib.figures.grammar import VALUES, reach
from precision_lib.figures.style import bits_style
from precision_lib.findings.floating_types import type_bits

Array = npt.NDArray[np.float64]


def cost_by_type(costs: pd.DataFrame) -> Figure:
    """Mean cost of each floating-point type against its bits, integers beside them.

    Bars are 95% intervals over runs; near zero the axis is linear.

    `costs`: as `precision_lib.findings.floating_types.floating_costs` gives it.

    >>> table = pd.DataFrame({"weight_bits": [4, 4], "cost": [0.2, 0.1]})
    >>> table = table.assign(kind="floating point", weight_format="e2m1")
    >>> figure = cost_by_type(table)
    """
    figure, axis = plt.subplots(figsize=(7.0, 4.4))
    axis.set_yscale("symlog", linthresh=0.03)
    by = costs.groupby(["kind", "weight_bits", "weight_format"])["cost"]
    table = pd.DataFrame({"mean": by.mean(), "reach": reach(by)}).reset_index()
    integers = table[table["kind"] == "integer"]
    axis.plot(
        integers["weight_bits"], integers["mean"], "--", color="0.5", label="integers"
    )
    floats = table[table["kind"] != "integer"]
    beside = floats.groupby("weight_bits").cumcount() * 0.25
    for (_, row), shift in zip(floats.iterrows(), beside, strict=True):
        place = row["weight_bits"] + shift
        style = bits_style(row["weight_bits"])
        axis.errorbar(place, row["mean"], row["reach"], ms=7, lw=1.5, **style)
        axis.annotate(
            row["weight_format"], (place, row["mean"]), fontsize="small",
            xytext=(6, 5) if shift else (-6, 5), textcoords="offset points",
            ha="left" if shift else "right",
        )  # fmt: skip
    axis.axhline(0, color="0.5", lw=0.8)
    axis.margins(y=0.1)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set(xlabel="bits of the weights in training")
    axis.set_ylabel("loss above the twin's\n(nats per token)")
    axis.legend()
    return figure


def map_of_types(costs: pd.DataFrame) -> Figure:
    """Mean cost of each type at its exponent and mantissa bits.

    >>> table = pd.DataFrame({"weight_format": ["e2m1"], "cost": [0.2]})
    >>> figure = map_of_types(table)
    """
    figure, axis = plt.subplots(figsize=(6.6, 3.6))
    means = costs.groupby("weight_format")["cost"].mean()
    places = np.array([type_bits(str(name)) for name in means.index], dtype=float)
    shown = axis.scatter(
        places[:, 1], places[:, 0], c=means, s=420, cmap=f"{VALUES}_r", edgecolors="0.3"
    )
    middle = float(means.min() + means.max()) / 2
    for (exponent, mantissa), (name, cost) in zip(places, means.items(), strict=True):
        axis.annotate(
            f"{cost:.2f}", (mantissa, exponent), ha="center", va="center",
            fontsize=7.5, color="white" if cost > middle else "black",
        )  # fmt: skip
        axis.annotate(
            str(name), (mantissa, exponent), xytext=(0, -19), ha="center",
            textcoords="offset points", fontsize="small",
        )  # fmt: skip
    axis.set(xlabel="mantissa bits", ylabel="exponent bits")
    axis.set_ylim(places[:, 0].min() - 0.8, places[:, 0].max() + 0.6)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    figure.colorbar(shown, label="loss above the twin's (nats)")
    return figure


def residuals_by_type(runs: pd.DataFrame, residuals: dict[str, Array]) -> Figure:
    """Residuals of laws, in percent of the loss, by the type of the weights.

    `runs`: with ``weight_format`` and ``weight_bits``; `residuals`: relative residuals
    of each row, by the label of the law.

    >>> table = pd.DataFrame({"weight_format": ["e2m1"], "weight_bits": [4]})
    >>> figure = residuals_by_type(table, {"a law": np.array([0.01])})
    """
    order = runs.sort_values(["weight_bits", "weight_format"])["weight_format"]
    names = list(dict.fromkeys(order))
    figure, axes = plt.subplots(
        len(residuals), 1, sharex=True, sharey=True, squeeze=False,
        figsize=(7.0, 1.0 + 1.7 * len(residuals)),
    )  # fmt: skip
    place = runs["weight_format"].map(names.index).to_numpy(float)
    for axis, (label, found) in zip(axes[:, 0], residuals.items(), strict=True):
        axis.plot(place, 100 * found, "o", ms=4, alpha=0.6, color="#31688e")
        for at in sorted(set(place)):
            here = 100 * float(np.mean(found[place == at]))
            axis.plot([at - 0.3, at + 0.3], [here, here], color="black", lw=1.6)
        axis.axhline(0, color="0.4", lw=0.8)
        axis.set_title(label, fontsize="medium")
    axes[-1, 0].set_xticks(range(len(names)), names)
    figure.supylabel("measured over predicted loss (%)", fontsize="medium")
    return figure
