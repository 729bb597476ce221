"""The figure of what short runs do to a law."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from precision_lib.figures.grammar import data_axis, setting_style

COLUMNS = 2


def constants_by_least(
    tables: Mapping[str, pd.DataFrame], constants: Mapping[str, str]
) -> Figure:
    """Constants by the shortest run admitted, a panel each; the band is of all runs.

    `tables`: by what a line is called, as ``drift`` of
    `precision_lib.findings.fitting_too_early` gives them; the band is the 95% interval
    of the first table's fit to all of its runs. `constants`: what a panel is called,
    by the name in the tables.

    >>> made = pd.DataFrame({"least": [1e6, 2e6], "constant": "beta"})
    >>> made = made.assign(estimate=[0.5, 0.9], low=[0.4, 0.6], high=[0.6, 1.2])
    >>> figure = constants_by_least({"short": made}, {"beta": "exponent of D"})
    >>> figure.axes[0].get_title()
    'exponent of D'
    """
    rows = -(-len(constants) // COLUMNS)
    columns = min(COLUMNS, len(constants))
    figure, axes = plt.subplots(
        rows, columns, sharex=True, squeeze=False, figsize=(6.6, 0.6 + 2.7 * rows)
    )
    lengths = pd.concat([table["least"] for table in tables.values()])
    for axis, (name, title) in zip(axes.flat, constants.items(), strict=False):
        _band(axis, next(iter(tables.values())), name)
        for place, (label, table) in enumerate(tables.items()):
            here = table[table["constant"] == name]
            error = [here["estimate"] - here["low"], here["high"] - here["estimate"]]
            axis.errorbar(
                here["least"], here["estimate"], error, lw=1.6, elinewidth=1,
                capsize=3, label=label, **setting_style(place),
            )  # fmt: skip
        axis.set_title(title, fontsize="medium")
        data_axis(axis, lengths, 1.5)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    figure.supxlabel("shortest run admitted to the fit (tokens)", fontsize="medium")
    return figure


def _band(axis: Axes, table: pd.DataFrame, name: str) -> None:
    first = table[table["constant"] == name].sort_values("least").iloc[0]
    axis.axhspan(
        first["low"], first["high"], color="#d9d9d9", lw=0, zorder=0,
        label="95% interval of the fit to all short runs",
    )  # fmt: skip
