"""Figures of the methods that quantize after training."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

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
