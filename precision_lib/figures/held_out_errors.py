"""The figure of how far laws of rounding miss what they were not shown."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullFormatter

from precision_lib.figures.style import bits_label, bits_style

LIMITS = (1 / 3, 3.0)  # of the ratio; what lies beyond is drawn at the edge


def ratios_by_width(table: pd.DataFrame, noise: pd.DataFrame) -> Figure:
    """Measured over predicted cost of rounding against bits; a panel a way.

    `table`: of `precision_lib.findings.held_out_errors.misses`; `noise`: of
    ``seed_noise_of`` there, drawn as a band of 95% at each width.

    >>> made = pd.DataFrame({"way": "more data", "post_bits": [3, 4], "miss": 0.1})
    >>> noise = pd.DataFrame({"relative": [0.1, 0.2]}, index=[3, 4])
    >>> ratios_by_width(made, noise).axes[0].get_title()
    'more data'
    """
    ways, widths = list(dict.fromkeys(table["way"])), [int(b) for b in noise.index]
    columns = min(2, len(ways))
    figure, axes = plt.subplots(
        -(-len(ways) // columns), columns, sharex=True, sharey=True, squeeze=False,
        figsize=(6.6, 1.0 + 2.2 * -(-len(ways) // columns)),
    )  # fmt: skip
    for axis in axes.flat[len(ways) :]:
        axis.set_axis_off()
    for axis, way in zip(axes.flat, ways, strict=False):
        for bits, deviation in zip(widths, noise["relative"], strict=True):
            reach = np.exp(1.96 * deviation)
            axis.fill_between([bits - 0.4, bits + 0.4], 1 / reach, reach,
                              color="#d9d9d9", lw=0)  # fmt: skip
        here = table[table["way"] == way]
        for bits, rows in here.groupby("post_bits"):
            ratio = np.exp(rows["miss"].dropna()).clip(*LIMITS)
            x = bits + (np.linspace(-0.3, 0.3, len(ratio)) if len(ratio) > 1 else 0.0)
            axis.plot(x, ratio, ls="none", ms=3.5, **bits_style(bits))
        axis.axhline(1, color="0.4", lw=1)
        axis.set_title(way, fontsize="medium")
        axis.set(yscale="log", ylim=(LIMITS[0] * 0.9, LIMITS[1] * 1.1))
        axis.set_yticks([0.5, 1, 2])
        axis.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.set_xticks(widths)
        axis.xaxis.set_tick_params(labelbottom=True)
    handles: list[Artist] = [
        Line2D([], [], ls="none", label=bits_label(b), **bits_style(b)) for b in widths
    ]
    handles.append(Patch(color="#d9d9d9", label="95% of seeds"))
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    figure.supxlabel("bits after training", fontsize="medium")
    figure.supylabel("measured over predicted δ", fontsize="medium")
    return figure
