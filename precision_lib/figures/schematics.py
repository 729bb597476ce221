"""Drawings of what is measured: no data, the same in every build."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from precision_lib.figures.grammar import part_style

GREY, INK = "#6b6b6b", "#1a1a1a"
WEIGHTS, ACTIVATIONS, CACHE = (
    str(part_style(part)["color"]) for part in ("weights", "activations", "kv")
)
SMALL = 9.0  # points; a drawing is shown at about its own size


def quantized_block() -> Figure:
    """Where a transformer block is quantized: weights, inputs, keys and values.

    >>> figure = quantized_block()
    >>> len(figure.axes)
    1
    """
    figure, axes = _sheet(4.6, 5.0)
    rows = {
        "norm ": (0.93, GREY, ""),
        "queries, keys, values": (0.79, WEIGHTS, "linear"),
        "attention": (0.61, GREY, ""),
        "output": (0.47, WEIGHTS, "linear"),
        "norm": (0.33, GREY, ""),
        "gate and up": (0.20, WEIGHTS, "linear"),
        "down": (0.06, WEIGHTS, "linear"),
    }
    for name, (height, color, kind) in rows.items():
        _box(axes, (0.30, height), name.strip(), color, 0.46, filled=bool(kind))
    heights = [height for height, _, _ in rows.values()]
    kinds = [kind for _, _, kind in rows.values()]
    for above, below, kind in zip(heights, heights[1:], kinds[1:], strict=False):
        color = ACTIVATIONS if kind else GREY
        _arrow(axes, (0.30, above - 0.035), (0.30, below + 0.037), color)
        if kind:
            axes.plot(0.30, (above + below) / 2 + 0.002, "s", color=ACTIVATIONS, ms=7)
    _box(axes, (0.78, 0.66), "keys", CACHE, 0.26, filled=True)
    _box(axes, (0.78, 0.56), "values", CACHE, 0.26, filled=True)
    _arrow(axes, (0.53, 0.77), (0.78, 0.70), CACHE)
    _arrow(axes, (0.65, 0.645), (0.535, 0.62), CACHE)
    _arrow(axes, (0.65, 0.575), (0.535, 0.60), CACHE)
    notes = [
        ("s", ACTIVATIONS, "activations: $P_a$ bits"),
        ("o", WEIGHTS, "weights: $P_w$ bits"),
        ("^", CACHE, "KV cache: $P_{kv}$ bits"),
        (" ", GREY, "grey: not quantized"),
    ]
    for place, (mark, color, text) in enumerate(notes):
        height = 0.38 - 0.075 * place
        axes.plot(0.62, height, mark, color=color, ms=7)
        axes.text(0.66, height, text, color=color, fontsize=SMALL, va="center")
    return figure


def before_and_after() -> Figure:
    """Quantized while it is trained, or rounded when it is finished.

    >>> len(before_and_after().axes[0].patches) > 4
    True
    """
    figure, axes = _sheet(4.6, 3.1)
    for height, title in (
        (0.93, "Post-training quantization (PTQ)"),
        (0.45, "Quantization-aware training (QAT)"),
    ):
        axes.text(0.0, height, title, fontsize=SMALL + 1, color=INK, weight="bold")
    _box(axes, (0.21, 0.76), "train\nin float32", GREY, 0.36, 0.17)
    _arrow(axes, (0.40, 0.76), (0.49, 0.76), INK)
    _box(axes, (0.63, 0.76), "round once", WEIGHTS, 0.27, 0.17, filled=True)
    _arrow(axes, (0.77, 0.76), (0.85, 0.76), INK)
    axes.text(0.925, 0.76, "serve", ha="center", va="center", fontsize=SMALL)
    axes.text(
        0.0, 0.60, r"cost $\delta$: loss after rounding less loss before",
        fontsize=SMALL, color=INK,
    )  # fmt: skip
    _box(axes, (0.40, 0.28), "", GREY, 0.74, 0.21)
    _box(axes, (0.16, 0.28), "round\na copy", WEIGHTS, 0.20, 0.16, filled=True)
    _box(axes, (0.41, 0.28), "loss and\ngradient", GREY, 0.22, 0.16)
    _box(axes, (0.66, 0.28), "move\nfloat32", GREY, 0.18, 0.16)
    _arrow(axes, (0.265, 0.28), (0.30, 0.28), INK)
    _arrow(axes, (0.525, 0.28), (0.565, 0.28), INK)
    _arrow(axes, (0.775, 0.28), (0.85, 0.28), INK)
    axes.text(0.925, 0.28, "serve", ha="center", va="center", fontsize=SMALL)
    axes.text(0.40, 0.135, "every step", ha="center", fontsize=SMALL, color=GREY)
    axes.text(
        0.0, 0.03, "cost: loss less that of an unquantized twin",
        fontsize=SMALL, color=INK,
    )  # fmt: skip
    return figure


def twins_and_equal_loss() -> Figure:
    """Two ways to hold a low-precision run against an unquantized one.

    >>> twins_and_equal_loss().axes[0].get_xlabel()
    'training tokens D'
    """
    figure, axes = plt.subplots(figsize=(4.6, 3.3))
    tokens = np.geomspace(1, 16, 80)
    for lift, color, name in ((0.0, GREY, "unquantized"), (0.24, WEIGHTS, "4 bits")):
        axes.plot(tokens, _loss(tokens) + lift, color=color, lw=1.8)
        axes.annotate(
            name, (tokens[-1], _loss(tokens[-1]) + lift), xytext=(4, 0),
            textcoords="offset points", color=color, va="center", fontsize=SMALL,
        )  # fmt: skip
    at = 6.0
    same = float(np.interp(-(_loss(at) + 0.24), -_loss(tokens), tokens))
    axes.plot(at, _loss(at) + 0.24, "o", color=WEIGHTS, ms=8)
    axes.plot(at, _loss(at), "o", color=GREY, ms=8)
    axes.plot(same, _loss(same), "D", color=GREY, ms=8)
    _arrow(axes, (at, _loss(at) + 0.02), (at, _loss(at) + 0.22), INK, both=True)
    _arrow(axes, (same * 1.06, _loss(same)), (at * 0.95, _loss(same)), INK, both=True)
    axes.text(at * 0.95, _loss(at) - 0.03, "twin: equal $D$ and seed",
              fontsize=SMALL, ha="right", va="top")  # fmt: skip
    axes.text(same * 0.93, _loss(same) - 0.02, "control:\nequal loss",
              fontsize=SMALL, ha="right", va="top")  # fmt: skip
    axes.text(at * 1.05, _loss(at) + 0.1, "cost", fontsize=SMALL, va="center")
    axes.set(xscale="log", xlabel="training tokens D", ylabel="loss", xlim=(0.95, 34))
    axes.set_ylim(float(_loss(16)) - 0.08, float(_loss(1)) + 0.3)
    return _plain(figure, axes)


def shift_along_a_curve() -> Figure:
    """Effective parameters: what was lost in loss is read as a move along the size.

    >>> shift_along_a_curve().axes[0].get_xlabel()
    'parameters N'
    """
    figure, axes = plt.subplots(figsize=(4.6, 3.3))
    size = np.geomspace(1, 32, 80)
    axes.plot(size, _loss(size), color=GREY, lw=1.8)
    axes.annotate(
        "unquantized, equal $D$", (2.1, _loss(2.1)), xytext=(8, 6),
        textcoords="offset points", color=GREY, fontsize=SMALL,
    )  # fmt: skip
    whole, left = 16.0, 6.0
    above, low = _loss(left), _loss(whole)
    axes.plot(whole, above, "o", color=WEIGHTS, ms=8)
    axes.plot(left, above, "o", color=GREY, ms=8)
    axes.plot(whole, low, "o", color=GREY, ms=8)
    _arrow(axes, (whole, low + 0.02), (whole, above - 0.02), INK)
    _arrow(axes, (whole * 0.93, above), (left * 1.08, above), WEIGHTS)
    axes.vlines([left, whole], 1.5, [above, low], color=GREY, lw=1, ls=":")
    axes.text(whole * 1.07, (above + low) / 2, "cost", fontsize=SMALL, va="center")
    axes.text(whole, above + 0.05, "trained in\n4 bits", fontsize=SMALL, ha="center",
              color=WEIGHTS)  # fmt: skip
    axes.set(xscale="log", xlabel="parameters N", ylabel="loss", xlim=(0.95, 44))
    axes.set_ylim(1.5, float(_loss(1.0)) + 0.05)
    _plain(figure, axes)
    axes.set_xticks([left, whole], [r"$N_\mathrm{eff}$", "$N$"])
    return figure


def _loss(x: Any) -> Any:
    return 1.5 + 1.2 * x**-0.45


def _sheet(width: float, height: float) -> tuple[Figure, Axes]:
    figure, axes = plt.subplots(figsize=(width, height))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()
    return figure, axes


def _plain(figure: Figure, axes: Axes) -> Figure:
    """Axes without numbers: the drawing is of no particular runs."""
    axes.minorticks_off()
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    return figure


def _box(
    axes: Axes,
    middle: tuple[float, float],
    text: str,
    color: str,
    width: float,
    height: float = 0.07,
    filled: bool = False,
) -> None:
    corner = middle[0] - width / 2, middle[1] - height / 2
    axes.add_patch(
        FancyBboxPatch(
            corner,
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.015",
            facecolor=color if filled else "white",
            edgecolor=color,
            lw=1.4,
        )  # fmt: skip
    )
    ink = "white" if filled else INK
    axes.text(*middle, text, ha="center", va="center", color=ink, fontsize=SMALL)


def _arrow(
    axes: Axes,
    begin: tuple[float, float],
    end: tuple[float, float],
    color: str,
    both: bool = False,
) -> None:
    style = {"arrowstyle": "<->" if both else "->", "color": color, "lw": 1.4}
    style |= {"shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, begin, arrowprops=style)
