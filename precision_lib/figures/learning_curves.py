"""Figures of learning curves; colour and marker mean bits, as in `figures`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from precision_lib.figures.ablations import bits_lines, data_axis, setting_style
from precision_lib.figures.grammar import PART_NAMES
from precision_lib.figures.style import bits_color, bits_label, bits_style
from precision_lib.formats import HIGH_PRECISION_BITS


def curves_by_part(
    points: pd.DataFrame, parts: Sequence[str], value: str = "training_loss"
) -> Figure:
    """Training curves, one panel a part and one line a run; colour is bits.

    `points`: as `precision_lib.findings.learning_curves.with_curves` gives it, of one
    size, D and seed. Runs of part "none" are drawn in each panel. `value`: what is
    drawn: ``training_loss`` or ``gap``.

    >>> table = pd.DataFrame({"tokens": [1, 2], "training_loss": [6.0, 5.0]})
    >>> table = table.assign(run_id="a", part="kv", bits=2)
    >>> figure = curves_by_part(table, ["kv"])
    """
    figure, axes = plt.subplots(
        1, len(parts), sharey=True, squeeze=False, figsize=(7.2, 4.0)
    )
    for axis, part in zip(axes[0], parts, strict=True):
        here = points[points["part"].isin([part, "none"])]
        for _, run in here.sort_values(["bits", "tokens"]).groupby(
            "run_id", sort=False
        ):
            bits = int(run["bits"].iloc[0])
            dash = "--" if bits == HIGH_PRECISION_BITS else "-"
            axis.plot(
                run["tokens"], run[value], dash, color=bits_color(bits), lw=1.2,
                marker=bits_style(bits)["marker"], ms=4, markevery=4,
            )  # fmt: skip
        axis.set(title=PART_NAMES.get(part, part), xscale="log")
        low, high = points["tokens"].min(), points["tokens"].max()
        data_axis(axis, [low, (low * high) ** 0.5, high])
    shown = sorted(points["bits"].unique())
    marks = [Line2D([], [], label=bits_label(b), **bits_style(b)) for b in shown]
    figure.legend(handles=marks, loc="outside upper center", ncols=4)
    figure.supxlabel("tokens seen", fontsize="medium")
    label = "training loss" if value == "training_loss" else "loss above the twin's"
    axes[0][0].set_ylabel(f"{label} (nats per token)")
    return figure


def curves_by_setting(
    points: pd.DataFrame, column: str, names: Sequence[str]
) -> Figure:
    """Training curves of runs that differ in a setting, one panel a size.

    >>> table = pd.DataFrame({"tokens": [1, 2], "training_loss": [6.0, 5.0], "N": 9})
    >>> table = table.assign(run_id="a", by="row")
    >>> figure = curves_by_setting(table, "by", ["row"])
    """
    sizes = sorted(points["N"].unique())
    figure, axes = plt.subplots(
        1, len(sizes), sharey=True, squeeze=False, figsize=(7.2, 4.0)
    )
    for axis, size in zip(axes[0], sizes, strict=True):
        for place, name in enumerate(names):
            here = points[(points["N"] == size) & (points[column] == name)]
            style = setting_style(place)
            for _, run in here.groupby("run_id"):
                axis.plot(
                    run["tokens"], run["training_loss"], lw=1.2, ms=4, markevery=4,
                    **style,
                )  # fmt: skip
        low, high = points["tokens"].min(), points["tokens"].max()
        axis.set_title(f"N = {size:,.0f}")
        data_axis(axis, [low, (low * high) ** 0.5, high])
    marks = [
        Line2D([], [], label=name, **setting_style(place))
        for place, name in enumerate(names)
    ]
    figure.legend(handles=marks, loc="outside upper center", ncols=2)
    figure.supxlabel("tokens seen", fontsize="medium")
    axes[0][0].set_ylabel("training loss (nats per token)")
    return figure


def cost_against_data(costs: pd.DataFrame, parts: Sequence[str]) -> Figure:
    """Loss above the twin's at the end of runs against D, one panel a part.

    >>> table = pd.DataFrame({"D": [1, 2], "cost": [0.5, 0.6], "part": "kv", "bits": 2})
    >>> figure = cost_against_data(table, ["kv"])
    """
    figure, axes = plt.subplots(
        1, len(parts), sharey=True, squeeze=False, figsize=(7.2, 3.8)
    )
    for axis, part in zip(axes[0], parts, strict=True):
        here = costs[(costs["part"] == part) & (costs["cost"] > 0)]
        bits_lines(here, "D", "cost", "bits", axis)
        axis.set(title=PART_NAMES.get(part, part), yscale="log")
        data_axis(axis, costs["D"])
        axis.legend()
    figure.supxlabel("training tokens D", fontsize="medium")
    axes[0][0].set_ylabel("loss above the twin's (nats per token)")
    return figure


def served_curves(
    tables: Mapping[str, pd.DataFrame], value: str = "post_loss"
) -> Figure:
    """Loss of models as trained and as served in few bits against D, a panel a size.

    `tables`: by the title of the panel: D, the value and ``post_bits`` (32: not
    rounded).

    >>> table = pd.DataFrame({"D": [1, 2], "post_loss": [4.0, 3.8], "post_bits": 3})
    >>> figure = served_curves({"N = 9": table})
    """
    figure, axes = plt.subplots(
        1, len(tables), sharey=True, squeeze=False, figsize=(7.2, 4.0)
    )
    for axis, (title, table) in zip(axes[0], tables.items(), strict=True):
        bits_lines(table, "D", value, "post_bits", axis)
        axis.set_title(title)
        data_axis(axis, table["D"], 2.5)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4)
    figure.supxlabel("training tokens D", fontsize="medium")
    axes[0][0].set_ylabel("validation loss (nats per token)")
    return figure
