"""Figures of equal loss over bits and size."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from precision_lib.decide import Contour
from precision_lib.figures.ablations import setting_style
from precision_lib.figures.style import bits_label, bits_style


def contours(
    panels: Mapping[str, list[tuple[Contour, pd.DataFrame]]], sizes: list[float]
) -> Figure:
    """Lines of equal loss by the law, with the sizes that reach it as measured.

    `panels`: by title: contours as `precision_lib.decide.iso_loss` gives them, each
    with the table of `precision_lib.findings.iso_loss.measured_sizes` for its loss.
    `sizes`: that were trained, drawn as thin lines; N is shown a little beyond them.

    >>> from precision_lib.decide import iso_loss, paper_fit, surface
    >>> line = iso_loss(surface(paper_fit()), 3.5, 2e10, [4, 8])
    >>> table = pd.DataFrame({"bits": [4], "N": [1e8]})
    >>> figure = contours({"D = 2e10": [(line, table)]}, [1e8])
    """
    figure, axes = plt.subplots(
        1, len(panels), sharey=True, squeeze=False, figsize=(7.6, 3.6)
    )
    middle, reach = np.sqrt(min(sizes) * max(sizes)), np.log(1.4)
    reach += np.log(max(sizes) / min(sizes)) / 2
    for axis, (title, lines) in zip(axes[0], panels.items(), strict=True):
        for size in sizes:
            axis.axhline(size, color="0.85", lw=0.8, zorder=0)
        for place, (line, table) in enumerate(lines):
            style = setting_style(place)
            color, marker = style["color"], style["marker"]
            axis.fill_between(line.bits, line.low, line.high, color=color, alpha=0.18)
            axis.plot(line.bits, line.N, color=color)
            axis.plot(table["bits"], table["N"], marker, color=color, ms=6)
            inside = np.abs(np.log(line.N / middle)) < reach
            for last in np.flatnonzero(inside)[-1:]:
                axis.annotate(
                    f"{line.loss:.2f}", (line.bits[last], line.N[last]), xytext=(4, 0),
                    textcoords="offset points", color=color, fontsize="x-small",
                    va="center",
                )  # fmt: skip
        axis.set(title=title, yscale="log", ylim=middle * np.exp([-reach, reach]))
        axis.set(xlim=(1.8, 9.4), xticks=range(2, 9))
        axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.yaxis.set_major_formatter(EngFormatter(sep=""))
        axis.yaxis.set_minor_formatter(NullFormatter())
    axes[0][0].set_ylabel("parameters N")
    figure.supxlabel("bits of the weights in training", fontsize="medium")
    handles = [
        Line2D([], [], color="0.3", label="by the law, 95% band"),
        Line2D([], [], color="0.3", ls="none", marker="o", label="between measured"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure


def size_factors(table: pd.DataFrame) -> Figure:
    """How much larger a model must be to make up for its bits: law and runs.

    `table`: columns measured and by_law (sizes over the unquantized size of equal
    loss), bits.

    >>> table = pd.DataFrame({"measured": [2.0], "by_law": [1.8], "bits": [3]})
    >>> figure = size_factors(table)
    """
    figure, axis = plt.subplots(figsize=(4.6, 4.2))
    for width in sorted(set(table["bits"])):
        here = table[table["bits"] == width]
        style = bits_style(float(width))
        label = bits_label(width)
        axis.plot(here["measured"], here["by_law"], ls="none", label=label, **style)
    both = table[["measured", "by_law"]].to_numpy(float)
    ends = [float(np.min(both)), float(np.max(both))]
    axis.plot(ends, ends, color="0.4", lw=1)
    axis.set(xlabel="N over N of full precision, measured", ylabel="by the law")
    axis.set(xscale="log", yscale="log")
    for one in (axis.xaxis, axis.yaxis):
        one.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))
        one.set_major_formatter("{x:g}")
        one.set_minor_formatter(NullFormatter())
    axis.legend()
    return figure
