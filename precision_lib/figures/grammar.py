"""What a hue, a mark and a dash mean in every figure, beside bits.

Bits have the ramp of `precision_lib.figures.style`, from purple to green. Sizes have
one of their own, from copper to black, and parts each a hue, a mark and a dash, so
that no two of the three are taken for one another and all are told apart in grey.
Settings of a run have theirs by their place in a list, none of them that of a part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.ticker import (
    EngFormatter,
    FixedFormatter,
    FixedLocator,
    FuncFormatter,
    NullLocator,
)
from pandas.api.typing import SeriesGroupBy
from scipy import stats

from precision_lib.findings.measured import UNIT
from precision_lib.findings.table_words import WORDS

MARKERS = "osD^vPX*<>h"
SETTING_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 2)))
# Colour means bits, sizes or parts; settings are told apart by dash and marker too.
SETTING_COLORS = ("black", "#c2388f", "#8a6d00", "#4040d0", "#6b8e23")
LINEAR = 0.02  # nats, up to which an axis of costs is linear
COSTS = (0, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)
VALUES = "magma"  # of what is no width, size or part: the number in a cell
PART_NAMES = {
    part: WORDS.get(part, part) for part in ("weights", "activations", "kv", "tied")
}
METHOD_NAMES = {one: WORDS[one] for one in ("rtn", "gptq", "awq", "hqq")}
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


def data_axis(axis: Axes, tokens: Iterable[float], apart: float = 1.9) -> None:
    """A logarithmic x axis that is labelled at the tokens of the runs, 400k or 1.6M.

    `tokens`: D of the runs; those nearer than `apart` times the one before have no
    label.

    >>> figure, axis = plt.subplots()
    >>> data_axis(axis, [399_360, 876_544, 1_748_992])
    >>> [text.get_text() for text in axis.get_xticklabels()]
    ['400k', '875k', '1.75M']
    """
    places: list[float] = []
    for value in sorted(set(tokens)):
        if not places or value >= apart * places[-1]:
            places.append(float(value))
    axis.set_xscale("log")
    names = [EngFormatter(sep="")(_asked(value)) for value in places]
    axis.xaxis.set_major_locator(FixedLocator(places))
    axis.xaxis.set_major_formatter(FixedFormatter(names))
    axis.xaxis.set_minor_locator(NullLocator())


def _asked(tokens: float) -> float:
    """The number of tokens that was asked for: batches divide it into steps."""
    asked = UNIT * 2.0 ** np.round(np.log2(tokens / UNIT))
    return float(asked if abs(tokens / asked - 1) < 0.01 else f"{tokens:.2g}")


def size_styles(sizes: Iterable[float]) -> dict[float, dict[str, Any]]:
    """Colour and marker of each model size; larger ones are darker.

    >>> styles = size_styles([4e5, 2e4])
    >>> list(styles), styles[4e5]["color"], styles[2e4]["marker"]
    ([20000.0, 400000.0], '#000000', 'o')
    """
    ordered = sorted(set(sizes))
    shades = plt.get_cmap("copper")(np.linspace(0.65, 0.0, len(ordered)))
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


def setting_style(place: int) -> dict[str, Any]:
    """Colour, marker and dash of the setting at this place of a list.

    >>> setting_style(0)["color"], setting_style(1)["marker"]
    ('black', 's')
    """
    return {
        "color": SETTING_COLORS[place % len(SETTING_COLORS)],
        "marker": MARKERS[place % len(MARKERS)],
        "linestyle": SETTING_DASHES[place % len(SETTING_DASHES)],
    }


def method_style(method: str) -> dict[str, Any]:
    """Colour, marker and dash of a method of rounding: `METHOD_NAMES` has them.

    >>> method_style("awq")["marker"]
    'D'
    """
    return setting_style(list(METHOD_NAMES).index(method))


def type_name(name: str) -> str:
    """A number format as a page writes it.

    >>> type_name("e4m3"), type_name("int4")
    ('E4M3', 'int4')
    """
    return name.upper() if re.fullmatch(r"e\d+m\d+", name) else name


def label_ends(axis: Axes, apart: float = 0.065) -> None:
    """Name each line at its right end, by a thread of its colour, not in a legend.

    Call it last: it settles the limits of the axis. `apart`: least distance of two
    names, as a share of the height of the axis.

    >>> figure, axis = plt.subplots()
    >>> _ = axis.plot([0, 1], [0, 1], label="a"), axis.plot([0, 1], [0, 1], label="b")
    >>> label_ends(axis)
    >>> [round(float(text.xyann[1]), 2) for text in axis.texts]
    [1.0, 0.94]
    """
    axis.get_xlim(), axis.get_ylim()  # which settles them
    inside = axis.transData + axis.transAxes.inverted()
    lines = [each for each in axis.lines if not str(each.get_label()).startswith("_")]
    ends = {line: inside.transform(np.asarray(line.get_xydata())[-1]) for line in lines}
    lines.sort(key=lambda line: float(ends[line][1]))
    places: list[float] = []
    for line in lines:  # upwards, then down again from the top
        places.append(max(float(ends[line][1]), places[-1] + apart if places else 0))
    top = 1.0
    for line, place in zip(lines[::-1], places[::-1], strict=True):
        top = min(place, top)
        axis.annotate(
            str(line.get_label()), tuple(ends[line]), (1.03, top), "axes fraction",
            "axes fraction", color="0.15", va="center", fontsize="small",
            arrowprops={"arrowstyle": "-", "lw": 0.8, "color": line.get_color(),
                        "relpos": (0, 0.5), "shrinkA": 1, "shrinkB": 3},
        )  # fmt: skip
        top -= apart


def reach(groups: SeriesGroupBy[Any, Any]) -> pd.Series:
    """Half of the 95% interval of each group's mean; zero for a group of one.

    By Student's t, as an error bar has it everywhere.

    >>> table = pd.DataFrame({"bits": [3, 3, 3, 4], "cost": [1.0, 2.0, 3.0, 9.0]})
    >>> reach(table.groupby("bits")["cost"]).round(2).tolist()
    [2.48, 0.0]
    """
    quantile = stats.t.ppf(0.975, groups.count() - 1)
    return (groups.sem() * quantile).fillna(0.0)
