"""Figures: one style, one function a kind of figure.

Bits have a colour and a marker, lighter with more bits; what is not quantized is grey.
Sizes and parts: `precision_lib.figures.grammar`. Points are runs, lines a fitted law.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from precision_lib.figures.grammar import label_ends, size_styles, type_name
from precision_lib.formats import HIGH_PRECISION_BITS
from precision_lib.laws import Fit

Array = npt.NDArray[np.float64]
DASHES = ("-", "--", ":", "-.")  # lines that stay apart in grey
_MARKERS = dict(zip((2, 3, 4, 5, 6, 7, 8, 32), "ovsD^XP*", strict=True))
_PLACES = {2: 0.0, 3: 0.13, 4: 0.26, 5: 0.36, 6: 0.45, 7: 0.53, 8: 0.59}
UNQUANTIZED = "#6b6b6b"


def use_style() -> None:
    """Set the style of every figure; call it once at the head of a notebook.

    Vector graphics with fixed ids, so that the same data give the same file.

    >>> use_style()
    >>> plt.rcParams["svg.hashsalt"]
    'precision'
    """
    sns.set_theme(context="notebook", style="ticks", font_scale=1.1)
    plt.rcParams |= {
        "svg.hashsalt": "precision",
        "svg.fonttype": "path",
        "figure.dpi": 110,
        "figure.figsize": (6.6, 4.2),
        "figure.constrained_layout.use": True,
        "axes.grid": True,
        "grid.alpha": 0.35,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "legend.fontsize": "small",
    }
    try:
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:  # outside Jupyter
        return
    set_matplotlib_formats("svg", metadata={"Date": None})


def bits_color(bits: float) -> str:
    """The colour of a bit width, as a hexadecimal string; grey from 16 bits on.

    >>> bits_color(2), bits_color(4) != bits_color(8), bits_color(32)
    ('#440154', True, '#6b6b6b')
    """
    if bits >= 16:
        return UNQUANTIZED
    place = float(np.interp(bits, list(_PLACES), list(_PLACES.values())))
    return to_hex(plt.get_cmap("viridis")(place))


def bits_style(bits: float) -> dict[str, Any]:
    """Colour and marker of measured points at a bit width.

    >>> bits_style(4)["marker"]
    's'
    """
    return {"color": bits_color(bits), "marker": _MARKERS.get(int(bits), "o")}


def bits_label(bits: float) -> str:
    """What a legend says of a bit width.

    >>> bits_label(4), bits_label(32)
    ('4 bits', 'not quantized')
    """
    return "not quantized" if bits == HIGH_PRECISION_BITS else f"{bits:g} bits"


def grids(levels: Mapping[str, Sequence[float]]) -> Figure:
    """Number lines: where each format has its values, block maximum at 1.

    >>> figure = grids({"int2": [-1, 0, 1]})
    """
    figure, axes = plt.subplots(figsize=(6.6, 0.9 + 0.36 * len(levels)))
    for row, values in enumerate(levels.values()):
        axes.plot(values, [row] * len(values), "|", ms=13, mew=1.6, color="#31688e")
    axes.set(
        yticks=range(len(levels)),
        yticklabels=map(type_name, levels),
        xlabel="value / max",
    )
    axes.invert_yaxis()
    axes.axvline(0, color="0.5", lw=0.8, zorder=0)
    axes.set_ylim(len(levels) - 0.4, -0.6)
    return figure


def learning_curves(curves: Mapping[float, pd.DataFrame]) -> Figure:
    """Training loss against tokens, one line a run.

    `curves`: by bits, tables with columns tokens and training_loss.

    >>> table = pd.DataFrame({"tokens": [1, 2], "training_loss": [6.0, 5.0]})
    >>> figure = learning_curves({4: table})
    """
    figure, axes = plt.subplots()
    for bits, curve in curves.items():
        dash = "--" if bits == HIGH_PRECISION_BITS else "-"
        style = bits_style(bits) | {"ms": 4, "markevery": 0.1}
        ends = curve["tokens"], curve["training_loss"]
        axes.plot(*ends, dash, label=bits_label(bits), **style)
    axes.set(xlabel="training tokens D", ylabel="training loss (nats per token)")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    label_ends(axes)
    return figure


def loss_against_rate(runs: pd.DataFrame, rule: Callable[[int], float]) -> Figure:
    """Loss against peak learning rate, one panel a size, with the rule that is used.

    >>> table = pd.DataFrame({"N": 9, "peak_lr": [0.1, 0.2], "weight_bits": 32})
    >>> figure = loss_against_rate(table.assign(loss=[3.0, 3.1]), lambda n: 0.15)
    """
    sizes = sorted(runs["N"].unique())
    figure, axes = _panels(len(sizes))
    for axis, size in zip(axes, sizes, strict=False):
        for bits, rows in runs[runs["N"] == size].groupby("weight_bits"):
            rows = rows.sort_values("peak_lr")
            label = "not quantized" if bits == 32 else f"{bits}-bit weights"
            axis.plot(rows["peak_lr"], rows["loss"], label=label, **bits_style(bits))
        axis.axvline(rule(int(size)), color="0.4", ls=":", label="rule")
        axis.set(title=f"N = {size:,.0f}")
        _log_axis(axis)
        axis.xaxis.set_major_formatter("{x:g}")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    figure.supxlabel("peak learning rate", fontsize="medium")
    figure.supylabel("validation loss (nats per token)", fontsize="medium")
    return figure


def loss_against_data(runs: pd.DataFrame, fit: Fit) -> Figure:
    """Loss of unquantized runs against D with the base law, and its residuals.

    >>> from precision_lib.laws import example_fit, example_table
    >>> figure = loss_against_data(pd.DataFrame(example_table()), example_fit())
    """
    figure, (main, rest) = plt.subplots(
        2, 1, sharex=True, figsize=(6.6, 5.6), height_ratios=[3, 1]
    )
    sizes = sorted(runs["N"].unique())
    for size, style in size_styles(sizes).items():
        rows, style = runs[runs["N"] == size], style | {"linestyle": "none"}
        main.plot(rows["D"], rows["loss"], label=f"N = {size:,.0f}", **style)
        line = pd.DataFrame({"D": _span(runs["D"]), "N": size})
        main.plot(line["D"], fit.predict(line), color=style["color"], lw=1.2)
        gap = np.log(rows["loss"]) - np.log(fit.predict(rows))
        rest.plot(rows["D"], 100 * gap, **style)
    main.set(ylabel="validation loss (nats per token)")
    _log_axis(main)
    rest.axhline(0, color="0.4", lw=1)
    rest.set(xlabel="training tokens D", ylabel="residual (%)")
    main.legend(ncols=2)
    return figure


def degradation_against_data(ptq: pd.DataFrame, fit: Fit) -> Figure:
    """What rounding to each width costs against D/N; one panel a model size.

    Costs at or below zero, which a logarithmic axis cannot hold, are left out.

    >>> from precision_lib.decide.paper import paper_degradation
    >>> table = pd.DataFrame({"N": 3e7, "D": [1e9, 9e9], "post_bits": [3, 4]})
    >>> figure = degradation_against_data(table.assign(delta=0.1), paper_degradation())
    """
    sizes = sorted(ptq["N"].unique())
    figure, axes = _panels(len(sizes), sharey=True)
    for axis, size in zip(axes, sizes, strict=False):
        rows = ptq[ptq["N"] == size]
        for bits in sorted(rows["post_bits"].unique()):
            here = rows[(rows["post_bits"] == bits) & (rows["delta"] > 0)]
            axis.plot(here["D"] / size, here["delta"], ls="none", **bits_style(bits))
            line = pd.DataFrame({"D": _span(rows["D"]), "N": size, "post_bits": bits})
            axis.plot(line["D"] / size, fit.predict(line), color=bits_color(bits), lw=1)
        axis.set(title=f"N = {size:,.0f}", yscale="log")
        _log_axis(axis, subs=(1.0,))
    _bits_legend(figure, sorted(ptq["post_bits"].unique()))
    figure.supxlabel("tokens per parameter D/N", fontsize="medium")
    figure.supylabel("cost of rounding δ (nats per token)", fontsize="medium")
    return figure


def served_loss_against_data(ptq: pd.DataFrame) -> Figure:
    """Loss after rounding against D, one panel a width: where the curve turns.

    Lines join the means over seeds.

    >>> table = pd.DataFrame({"N": 1e5, "D": [1e6, 2e6], "post_bits": 3, "seed": 0})
    >>> figure = served_loss_against_data(table.assign(post_loss=[3.5, 3.6]))
    """
    widths = sorted(ptq["post_bits"].unique())
    figure, axes = _panels(len(widths))
    styles = size_styles(ptq["N"])
    for axis, bits in zip(axes, widths, strict=False):
        for size, style in styles.items():
            rows = ptq[(ptq["post_bits"] == bits) & (ptq["N"] == size)].sort_values("D")
            axis.plot(rows["D"], rows["post_loss"], ls="none", ms=5, **style)
            line = rows.groupby("D", as_index=False)["post_loss"].mean()
            axis.plot(line["D"], line["post_loss"], color=style["color"], lw=1)
        axis.set(title=bits_label(bits))
        _log_axis(axis)
    figure.legend(
        handles=[
            Line2D([], [], label=f"N = {size:,.0f}", **style)
            for size, style in styles.items()
        ],
        loc="outside upper center",
        ncols=3,
    )
    figure.supxlabel("training tokens D", fontsize="medium")
    figure.supylabel("loss after rounding (nats per token)", fontsize="medium")
    return figure


def predicted_against_measured(
    predicted: Array, measured: Array, bits: Array, label: str
) -> Figure:
    """Each row's prediction against its measurement, and what is left, by bits.

    >>> x = np.array([1.0, 2.0])
    >>> figure = predicted_against_measured(x, x, np.array([2, 4]), "loss")
    """
    figure, (axes, rest) = plt.subplots(1, 2, figsize=(6.6, 4.4))
    for width in sorted(set(bits)):
        here, style = bits == width, bits_style(width)
        name = bits_label(width)
        axes.plot(measured[here], predicted[here], ls="none", ms=5, label=name, **style)
        gap = measured[here] - predicted[here]
        rest.plot(predicted[here], gap, ls="none", ms=5, **style)
    ends = [float(np.min(measured)), float(np.max(measured))]
    axes.plot(ends, ends, color="0.4", lw=1)
    axes.set(xlabel=f"measured {label}", ylabel=f"predicted {label}")
    rest.axhline(0, color="0.4", lw=1)
    rest.set(xlabel=f"predicted {label}", ylabel="measured less predicted")
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside upper center", ncols=3
    )
    return figure


def _panels(count: int, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    """At most three panels a row, with one x axis for all."""
    columns = min(3, count)
    rows = -(-count // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(6.6, 1.2 + 2.4 * rows), sharex=True, sharey=sharey,
        squeeze=False,
    )  # fmt: skip
    for axis in axes.flat[count:]:
        axis.set_axis_off()
    return figure, list(axes.flat)


def _log_axis(axis: Axes, subs: Sequence[float] = (1.0, 3.0)) -> None:
    """A logarithmic x axis labelled 300 k, 1 M, 3 M rather than by powers."""
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=subs))
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.xaxis.set_minor_formatter(NullFormatter())


def _bits_legend(figure: Figure, widths: Sequence[float]) -> None:
    figure.legend(
        handles=[Line2D([], [], label=bits_label(b), **bits_style(b)) for b in widths],
        loc="outside upper center",
        ncols=4,
    )


def _span(values: pd.Series) -> Array:
    """60 values from the smallest to the largest, evenly spaced in the log."""
    return np.geomspace(float(values.min()), float(values.max()), 60)
