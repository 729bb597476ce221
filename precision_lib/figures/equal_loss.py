"""Figures of whether training in few bits makes robust against rounding."""

from __future__ import annotations

from itertools import product

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from precision_lib.figures.grammar import PART_NAMES, part_style, size_styles
from precision_lib.findings.cost_growth import LADDER
from precision_lib.findings.equal_loss import MEAN, POST

FULL_NAMES = {"gptq": "GPTQ", "rtn": "to nearest", "awq": "AWQ", "noise": "noise"}
COSTS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)
TICKS = (0.4, 0.6, 0.8, 1.0, 1.25, 1.6, 2.0)


def ratios_at_equal_data_and_loss(table: pd.DataFrame) -> Figure:
    """delta over that of unquantized models, a panel a method, a row a part.

    Hollow: at equal data; filled: at equal loss. Bars are 95% intervals.

    `table`: of `precision_lib.findings.equal_loss.ratios`.

    >>> index = pd.MultiIndex.from_product([["kv"], ["rtn"], ["data", "loss"]])
    >>> one = pd.DataFrame({"ratio": 1.0, "low": 0.9, "high": 1.1}, index)
    >>> ratios_at_equal_data_and_loss(one).axes[0].get_title()
    'rounded to nearest'
    """
    parts, methods = (
        [str(name) for name in dict.fromkeys(table.index.get_level_values(place))]
        for place in (0, 1)
    )
    figure, axes = plt.subplots(
        1, len(methods), sharex=True, sharey=True, squeeze=False, figsize=(6.6, 3.4)
    )
    for axis, method in zip(axes[0], methods, strict=True):
        for part, equal in product(parts, ("data", "loss")):
            row = table.xs((part, method, equal)).to_dict()
            color, marker = "black", "o"
            if part in LADDER:
                style = part_style(part)
                color, marker = style["color"], style["marker"]
            loss = equal == "loss"
            at = parts.index(part) + (0.16 if loss else -0.16)
            face = color if loss else "none"
            axis.hlines(at, row["low"], row["high"], color=color, lw=1.8)
            axis.plot(
                row["ratio"], at, marker=marker, color=color, ms=7, ls="none",
                markerfacecolor=face,
            )  # fmt: skip
        axis.axvline(1, color="0.4", lw=1)
        axis.set(xscale="log", ylim=(len(parts) - 0.5, -0.5))
        name = FULL_NAMES[method]
        axis.set_title(f"rounded {name}" if " " in name else f"rounded by {name}")
        axis.xaxis.set_major_locator(FixedLocator(TICKS))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.grid(axis="y", visible=False)
    names = {MEAN: "mean of the four"} | {
        part: f"{PART_NAMES[part]}, {bits} bits" for part, bits in LADDER.items()
    }
    axes[0][0].set_yticks(range(len(parts)), [names[part] for part in parts])
    figure.supxlabel("δ over that of unquantized models", fontsize="medium")
    marks = [
        Line2D([], [], color="0.3", marker="o", ls="none", ms=7, label=text, mfc=face)
        for text, face in (("at equal data", "none"), ("at equal loss", "0.3"))
    ]
    figure.legend(handles=marks, loc="outside upper center", ncols=2)
    return figure


def delta_against_loss(rows: pd.DataFrame) -> Figure:
    """delta against the loss before rounding, a panel a part of the ladder.

    Lines join the means of unquantized models of a size; hollow marks with the hue of
    the part are models trained in few bits, a mark a size.

    `rows`: of `precision_lib.findings.equal_loss.ladder_roundings`.

    >>> made = pd.DataFrame({"N": 9, "part": ["none", "kv"], "tokens": 5, "loss": 3.0})
    >>> figure = delta_against_loss(made.assign(post_bits=3, delta=0.1))
    >>> figure.axes[2].get_title()
    'KV cache, 3 bits: to 3'
    """
    figure, axes = plt.subplots(len(LADDER) // 2, 2, sharex=True, figsize=(6.6, 6))
    styles = size_styles(rows["N"])
    for axis, (part, bits) in zip(axes.flat, LADDER.items(), strict=True):
        here = rows[rows["post_bits"] == POST[part]]
        for size, style in styles.items():
            plain = here[(here["N"] == size) & (here["part"] == "none")]
            mean = plain.groupby("tokens")[["loss", "delta"]].mean()
            axis.plot(mean["loss"], mean["delta"], ms=4, lw=1.2, **style)
            low = here[(here["N"] == size) & (here["part"] == part)]
            axis.plot(
                low["loss"], low["delta"], ls="none", marker=style["marker"], ms=6,
                color=part_style(part)["color"], markerfacecolor="none", mew=1.5,
            )  # fmt: skip
        name = PART_NAMES[part]
        axis.set_title(f"{name}, {bits} bits: to {POST[part]}", fontsize="medium")
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(FixedLocator(COSTS))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        axis.yaxis.set_minor_formatter(NullFormatter())
    axes[0, 0].invert_xaxis()
    figure.supylabel("cost of rounding δ (nats)", fontsize="medium")
    figure.supxlabel("loss before rounding (nats per token)", fontsize="medium")
    marks = [
        Line2D([], [], label=f"N = {size:,.0f}", **style)
        for size, style in styles.items()
    ]
    figure.legend(handles=marks, loc="outside upper center", ncols=3)
    return figure
