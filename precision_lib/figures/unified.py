"""Figures of precision in training and after it together."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from precision_lib.figures.grammar import VALUES
from precision_lib.formats import HIGH_PRECISION_BITS


def heat_maps(tables: Mapping[str, pd.DataFrame], label: str) -> Figure:
    """Tables of bits in training against bits after it as heat maps, side by side.

    One color scale serves all; the numbers stand in the cells, and cells without a
    number are empty.

    `tables`: by title; rows are bits in training, columns bits after it. `label`: of
    the numbers, with their unit.

    >>> table = pd.DataFrame([[0.5, 0.1]], index=[4], columns=[3, 32])
    >>> figure = heat_maps({"measured": table}, "loss")
    """
    tallest = max(len(table) for table in tables.values())
    figure, axes = plt.subplots(
        len(tables),
        1,
        sharex=True,
        squeeze=False,
        figsize=(6.6, (0.8 + 0.36 * tallest) * len(tables)),
    )
    top = max(float(np.nanmax(table.to_numpy())) for table in tables.values())
    norm = PowerNorm(0.5, 0.0, max(top, 1e-3))
    for axis, (title, table) in zip(axes.flat, tables.items(), strict=True):
        values = table.to_numpy(float)
        image = axis.imshow(values, cmap=VALUES, norm=norm, aspect="auto")
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                bright = float(norm(value)) > 0.6
                ink = "black" if bright else "white"
                words = f"{round(value, 2) + 0.0:.2f}"  # no minus before zero
                style = {"ha": "center", "va": "center", "fontsize": "small"}
                axis.text(column, row, words, color=ink, **style)
        axis.set(
            title=title,
            xticks=range(len(table.columns)),
            xticklabels=[_short(float(bits)) for bits in table.columns],
            yticks=range(len(table.index)),
            yticklabels=[_short(float(bits)) for bits in table.index],
        )
        axis.grid(False)
    figure.supylabel("bits in training", fontsize="medium")
    figure.supxlabel("bits after training", fontsize="medium")
    figure.colorbar(image, ax=axes.ravel().tolist(), label=label)
    return figure


def _short(bits: float) -> str:
    return "none" if bits == HIGH_PRECISION_BITS else f"{bits:g}"
