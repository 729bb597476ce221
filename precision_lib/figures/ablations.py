"""Figures of runs that differ in one setting; the style is that of `figures`.

Colour means bits everywhere else, so settings are told apart by grey, dash and marker.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, FixedFormatter, FixedLocator, NullLocator

SETTING_COLORS = (
    "black", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9",
    "#5b2c83", "#7f7f7f", "#7a1f1f", "#c9a227",
)  # fmt: skip
MARKERS = "osD^vPX*<>h"
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 2)))


def setting_style(place: int) -> dict[str, Any]:
    """Colour, marker and dash of the setting at this place of a list.

    >>> setting_style(0)["color"], setting_style(1)["marker"]
    ('black', 's')
    """
    return {
        "color": SETTING_COLORS[place % len(SETTING_COLORS)],
        "marker": MARKERS[place % len(MARKERS)],
        "linestyle": DASHES[place % len(DASHES)],
    }


def data_axis(axis: Axes, tokens: Iterable[float], apart: float = 1.9) -> None:
    """A logarithmic x axis that is labelled at the tokens of the runs, 400k or 1.6M.

    `tokens`: D of the runs; those nearer than `apart` times the one before have no
    label.

    >>> figure, axis = plt.subplots()
    >>> data_axis(axis, [399_360, 1_599_488])
    >>> [text.get_text() for text in axis.get_xticklabels()]
    ['400k', '1.6M']
    """
    places: list[float] = []
    for value in sorted(set(tokens)):
        if not places or value >= apart * places[-1]:
            places.append(float(value))
    axis.set_xscale("log")
    prefix = EngFormatter(sep="")
    names = [prefix(float(f"{value:.2g}")) for value in places]
    axis.xaxis.set_major_locator(FixedLocator(places))
    axis.xaxis.set_major_formatter(FixedFormatter(names))
    axis.xaxis.set_minor_locator(NullLocator())
