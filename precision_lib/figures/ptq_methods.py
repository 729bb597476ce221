"""Figures of the methods that quantize after training."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from precision_lib.figures.style import bits_label, bits_style
from precision_lib.formats import bits_of

NAMES = {"rtn": "nearest", "gptq": "GPTQ", "awq": "AWQ", "hqq": "HQQ"}
COST = "loss above the model's own\n(nats per token)"


def methods_against_bits(table: pd.DataFrame) -> Figure:
    """Cost against bits, one line a method.

    `table`: as `precision_lib.ptq.study.compare` gives it.

    >>> rows = pd.DataFrame({"method": ["rtn"] * 2, "format": ["int2", "int4"]})
    >>> figure = methods_against_bits(rows.assign(delta=[1.0, 0.1]))
    """
    figure, axes = plt.subplots()
    colors = sns.color_palette("colorblind", len(NAMES))
    for (method, name), color, marker in zip(
        NAMES.items(), colors, "osD^", strict=True
    ):
        rows = table[table["method"] == method]
        if len(rows):
            bits = rows["format"].map(bits_of)
            axes.plot(bits, rows["delta"], marker=marker, color=color, label=name)
    axes.set(xlabel="bits of the weights", ylabel=COST)
    axes.set_yscale("symlog", linthresh=1e-3)
    axes.legend()
    return figure


def knob(table: pd.DataFrame, column: str, label: str) -> Figure:
    """Cost against the setting of one knob, one line a bit width.

    The settings stand side by side in the order of the table, whatever their size.

    `table`: as `precision_lib.ptq.study.compare` gives it; `column`: the knob; `label`:
    what the axis says.

    >>> rows = pd.DataFrame({"damping": [0.0, 0.1], "format": "int2", "delta": 0.2})
    >>> figure = knob(rows, "damping", "damping")
    """
    figure, axes = plt.subplots(figsize=(6.6, 3.6))
    settings = list(dict.fromkeys(table[column]))
    for text, rows in table.groupby("format", sort=True):
        bits = bits_of(str(text))
        places = rows[column].map(settings.index)
        axes.plot(places, rows["delta"], label=bits_label(bits), **bits_style(bits))
    axes.set(xlabel=label, ylabel=COST, yscale="log")
    axes.set_xticks(range(len(settings)), [_text(value) for value in settings])
    axes.tick_params(axis="x", labelsize="small")
    axes.margins(x=0.08)
    figure.legend(loc="outside upper center", ncols=4)
    return figure


def cost_against_storage(table: pd.DataFrame) -> Figure:
    """Cost against bits per parameter with the scales, one line a bit width.

    >>> rows = pd.DataFrame({"format": "int2", "delta": [0.2, 0.1]})
    >>> figure = cost_against_storage(rows.assign(bits_per_parameter=[2.2, 4.0]))
    """
    figure, axes = plt.subplots(figsize=(6.6, 3.8))
    for text, rows in table.groupby("format", sort=True):
        bits = bits_of(str(text))
        stored = rows.sort_values("bits_per_parameter")
        places = stored["bits_per_parameter"]
        axes.plot(places, stored["delta"], label=bits_label(bits), **bits_style(bits))
    axes.set(xlabel="stored bits per parameter, scales included", ylabel=COST)
    axes.set_yscale("log")
    figure.legend(loc="outside upper center", ncols=4)
    return figure


def clip_curves(curves: pd.DataFrame) -> Figure:
    """Error of rounding against how far the scale is shrunk, one line a format.

    `curves`: as `precision_lib.ptq.study.clip_curve` gives it.

    >>> index = pd.Index([1.0, 0.5], name="ratio")
    >>> figure = clip_curves(pd.DataFrame({"int2": [0.4, 0.2]}, index=index))
    """
    figure, axes = plt.subplots(figsize=(6.6, 3.8))
    for text in curves:
        bits = bits_of(str(text))
        style = bits_style(bits)
        axes.plot(curves.index, curves[text], color=style["color"])
        best = float(curves.index.to_numpy()[curves[text].to_numpy().argmin()])
        axes.plot(
            [best], [curves[text].min()], ls="none", label=bits_label(bits), **style
        )
    axes.set(xlabel="scale / scale that clips nothing", yscale="log")
    axes.set_ylabel("square error / square of the weights")
    axes.legend(title="least at")
    return figure


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
