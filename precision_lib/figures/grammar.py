"""What a hue, a mark and a dash mean in every figure, beside bits.

Bits have the ramp of `precision_lib.figures.style`, from purple to green. Sizes have
one of their own, from copper to black, and parts each a hue, a mark and a dash, so
that no two of the three are taken for one another and all are told apart in grey.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.ticker import FixedLocator, FuncFormatter
from pandas.api.typing import SeriesGroupBy
from scipy import stats

MARKERS = "osD^vPX*"
LINEAR = 0.02  # nats, up to which an axis of costs is linear
COSTS = (0, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)
VALUES = "magma"  # of what is no width, size or part: the number in a cell
PART_NAMES = {
    "weights": "weights",
    "activations": "activations",
    "kv": "KV cache",
    "tied": "all three",
}
_PARTS = {
    "weights": ("#0072b2", "o", "-"),
    "activations": ("#d55e00", "s", "--"),
    "kv": ("#009e73", "^", "-."),
    "tied": ("#7a3e9d", "D", (0, (5, 1, 1, 1, 1, 1))),
}


def cost_axis(axis: Axes) -> None:
    """A y axis of costs in nats: logarithmic, but linear about zero.

    >>> figure, axis = plt.subplots()
    >>> cost_axis(axis)
    >>> axis.get_yscale()
    'symlog'
    """
    axis.set_yscale("symlog", linthresh=LINEAR)
    axis.yaxis.set_major_locator(FixedLocator(COSTS))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))


def size_styles(sizes: Iterable[float]) -> dict[float, dict[str, Any]]:
    """Colour and marker of each model size; larger ones are darker.

    >>> styles = size_styles([4e5, 2e4])
    >>> list(styles), styles[4e5]["color"], styles[2e4]["marker"]
    ([20000.0, 400000.0], '#000000', 'o')
    """
    ordered = sorted(set(sizes))
    shades = plt.get_cmap("copper")(np.linspace(0.8, 0.0, len(ordered)))
    return {
        size: {"color": to_hex(shade), "marker": MARKERS[place % len(MARKERS)]}
        for place, (size, shade) in enumerate(zip(ordered, shades, strict=True))
    }


def part_style(part: str) -> dict[str, Any]:
    """Colour, marker and dash of what is quantized: `PART_NAMES` has the parts.

    >>> part_style("kv")["marker"]
    '^'
    """
    color, marker, dash = _PARTS[part]
    return {"color": color, "marker": marker, "linestyle": dash}


def reach(groups: SeriesGroupBy[Any, Any]) -> pd.Series:
    """Half of the 95% interval of each group's mean; zero for a group of one.

    By Student's t, as an error bar has it everywhere.

    >>> table = pd.DataFrame({"bits": [3, 3, 3, 4], "cost": [1.0, 2.0, 3.0, 9.0]})
    >>> reach(table.groupby("bits")["cost"]).round(2).tolist()
    [2.48, 0.0]
    """
    quantile = stats.t.ppf(0.975, groups.count() - 1)
    return (groups.sem() * quantile).fillna(0.0)
