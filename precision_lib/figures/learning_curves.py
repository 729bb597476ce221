"""Figures of learning curves; colour and marker mean bits, as in `figures`."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from precision_lib.figures.grammar import PART_NAMES, data_axis
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
    rows = -(-len(parts) // 2)
    figure, axes = plt.subplots(
        rows, 2, sharex=True, sharey=True, squeeze=False, figsize=(6.6, 1 + 2.4 * rows)
    )
    for axis, part in zip(axes.flat, parts, strict=False):
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
    figure.supylabel(f"{label} (nats per token)", fontsize="medium")
    return figure
