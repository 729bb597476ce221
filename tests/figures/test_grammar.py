"""Sizes, bits and parts are never drawn in one another's colours."""

from __future__ import annotations

import itertools
import re

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb

from precision_lib.figures.grammar import (
    PART_NAMES,
    SETTING_COLORS,
    label_ends,
    part_style,
    size_styles,
)
from precision_lib.figures.style import bits_color
from tools.steps import ROOT

BITS = (2, 3, 4, 5, 6, 7, 8, 32)
SIZES = (12e3, 24e3, 56e3, 98e3, 222e3, 397e3)


def lightness(color: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = np.array(to_rgb(color))
    low = channels <= 0.04045
    linear = np.where(low, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(color: str) -> float:
    """With the white of the page."""
    return 1.05 / (lightness(color) + 0.05)


def test_no_colour_has_two_meanings() -> None:
    ramps = {
        "bits": [bits_color(bits) for bits in BITS],
        "size": [style["color"] for style in size_styles(SIZES).values()],
        "part": [part_style(part)["color"] for part in PART_NAMES],
        "setting": [color for color in SETTING_COLORS if color != "black"],
    }
    for one, two in itertools.combinations(ramps.values(), 2):
        apart = [
            np.linalg.norm(np.subtract(to_rgb(a), to_rgb(b)))
            for a, b in itertools.product(one, two)
        ]
        assert min(apart) > 0.1


def test_every_colour_is_seen_on_white() -> None:
    colors = [bits_color(bits) for bits in BITS]
    colors += [part_style(part)["color"] for part in PART_NAMES]
    colors += [style["color"] for style in size_styles(SIZES).values()]
    colors += SETTING_COLORS
    assert min(map(contrast, colors)) >= 3  # WCAG 2.2, 1.4.11


def test_larger_models_are_darker_and_no_two_share_a_mark() -> None:
    styles = size_styles(SIZES)
    shades = [lightness(style["color"]) for style in styles.values()]
    assert shades == sorted(shades, reverse=True)
    assert len({style["marker"] for style in styles.values()}) == len(SIZES)


def test_parts_differ_in_hue_mark_and_dash() -> None:
    styles = [part_style(part) for part in PART_NAMES]
    for name in ("color", "marker", "linestyle"):
        assert len({str(style[name]) for style in styles}) == len(styles)


def test_no_figure_takes_the_next_colour_of_a_cycle_or_that_of_a_part() -> None:
    parts = "|".join(str(part_style(part)["color"]) for part in PART_NAMES)
    for path in (ROOT / "precision_lib" / "figures").glob("*.py"):
        taken = rf"[\"']C(\d|\{{)|color_palette|{parts}"
        found = re.search(taken, path.read_text("utf-8"))
        assert found is None or path.name == "grammar.py", f"{path.name}: {found}"


def test_names_at_the_ends_of_lines_do_not_touch() -> None:
    figure, axis = plt.subplots()
    for place in range(9):
        axis.plot([0, 1], [0, 0.01 * place], label=str(place))
    label_ends(axis)
    heights = [float(text.xyann[1]) for text in axis.texts]
    assert [text.get_text() for text in axis.texts] == [*"876543210"]
    assert np.all(np.diff(heights) <= -0.06) and max(heights) <= 1
    assert {contrast(str(text.get_color())) > 4.5 for text in axis.texts} == {True}
    plt.close(figure)
