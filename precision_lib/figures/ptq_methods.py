"""Figures of the methods that quantize after training."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from precision_lib.figures.grammar import METHOD_NAMES, label_ends, method_style
from precision_lib.formats import bits_of

COST = "loss above the model's own\n(nats per token)"


def methods_against_bits(table: pd.DataFrame) -> Figure:
    """Cost against bits, one line a method.

    `table`: as `precision_lib.ptq.study.compare` gives it.

    >>> rows = pd.DataFrame({"method": ["rtn"] * 2, "format": ["int2", "int4"]})
    >>> figure = methods_against_bits(rows.assign(delta=[1.0, 0.1]))
    """
    figure, axes = plt.subplots()
    for method, name in METHOD_NAMES.items():
        rows = table[table["method"] == method]
        if len(rows):
            bits = rows["format"].map(bits_of)
            axes.plot(bits, rows["delta"], label=name, **method_style(method))
    axes.set(xlabel="bits of the weights", ylabel=COST)
    axes.set_yscale("symlog", linthresh=1e-3)
    label_ends(axes)
    return figure
