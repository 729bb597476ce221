"""The figure of the share of parameters that low-bit weights leave."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from precision_lib.figures.grammar import data_axis, size_styles

PAPER = "#b2182b"
Array = npt.NDArray[np.float64]


def shares_by_bits_and_data(
    table: pd.DataFrame,
    tokens: float,
    bits: Array,
    ours: tuple[Array, Array, Array],
    paper: Array,
    width: int = 3,
) -> Figure:
    """Share of the parameters against bits after some tokens, and of a width against D.

    Vertical bars are 95% intervals; on the left the band is that of our law.

    `table`: of `precision_lib.findings.effective_share.shares`, of several D;
    `tokens`: those of the left panel; `bits`: where the laws are drawn; `ours`: share
    by our law with the ends of its interval; `paper`: by the paper's; `width`: that of
    the right panel.

    >>> one = pd.DataFrame({"N": 9, "tokens": [1, 2], "bits": 3, "share": [0.6, 0.5]})
    >>> x = np.array([3.0, 4.0])
    >>> figure = shares_by_bits_and_data(
    ...     one.assign(low=0.4, high=0.7), 2, x, (x / 8, x / 9, x / 7), x / 10
    ... )
    >>> [axis.get_xlabel() for axis in figure.axes]
    ['bits of the weights in training', 'training tokens D']
    """
    figure, (left, right) = plt.subplots(
        1, 2, sharey=True, figsize=(6.6, 4.0), width_ratios=[4, 3]
    )
    styles = size_styles(table["N"])
    left.fill_between(bits, ours[1], ours[2], color="0.5", alpha=0.3, lw=0)
    left.plot(bits, ours[0], color="black", lw=1.3)
    left.plot(bits, paper, color=PAPER, ls="--", lw=1.3)
    middle = (len(styles) - 1) / 2
    for place, (size, style) in enumerate(styles.items()):
        here = table[table["N"] == size]
        rows = here[here["tokens"] == tokens]
        _points(left, rows["bits"] + 0.12 * (place - middle), rows, style, "none")
        rows = here[here["bits"] == width]
        apart = 1.08 ** (place - middle)
        _points(right, rows["tokens"] * apart, rows, style, "-")
    right.axhline(np.interp(width, bits, paper), color=PAPER, ls="--", lw=1.3)
    for axis in (left, right):
        axis.axhline(1, color="0.5", lw=0.8)
    left.set(
        xlabel="bits of the weights in training",
        ylabel=r"share that counts, $N_\mathrm{eff}\,/\,N$",
        title=f"after {tokens / 1e6:.3g}M tokens",
    )  # fmt: skip
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.set(xlabel="training tokens D", title=f"weights of {width} bits")
    data_axis(right, table["tokens"], 3.5)
    _legend(figure, styles)
    return figure


def _legend(figure: Figure, styles: dict[float, dict[str, Any]]) -> None:
    marks = [
        Line2D([], [], label=f"N = {size:,.0f}", **style)
        for size, style in styles.items()
    ]
    marks += [
        Line2D([], [], color="black", label="our law"),
        Line2D([], [], color=PAPER, ls="--", label="the paper's"),
    ]
    figure.legend(handles=marks, loc="outside upper center", ncols=3)


def _points(
    axis: Axes, x: pd.Series, rows: pd.DataFrame, style: dict[str, Any], line: str
) -> None:
    axis.plot(x, rows["share"], ms=6, lw=1.1, ls=line, **style)
    axis.vlines(x, rows["low"], rows["high"], color=style["color"], lw=1.5)
