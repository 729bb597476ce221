"""Pictures for a page of its own: small SVG in the page's ink, with a text for it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#010203"  # stands for the page's own text colour
COLORS = ("#2f7ed8", "#d2601a", "#22965a", "#b558c4", "#94811a", "#128f9c")
MARKERS = "osD^vP"
SIZE = (6.4, 3.8)  # inches
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "axes.titlecolor",
         "xtick.color", "ytick.color", "grid.color"), INK,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A figure of the page.

    >>> Picture("<svg></svg>", "Nothing.").caption
    'Nothing.'
    """

    svg: str  #: the picture, to be put into HTML
    caption: str  #: what it shows, in a sentence or two


def picture(draw: Callable[[Axes], None], alt: str, caption: str, name: str) -> Picture:
    """Draw on one pair of axes and make SVG that can stand within a page.

    `draw`: of the axes; `alt`: the text that stands for the picture; `caption`: the
    sentence below it; `name`: tells its ids apart from those of other pictures on the
    page.

    >>> made = picture(lambda axes: axes.plot([1, 2]), "A line.", "A line.", "one")
    >>> made.svg.startswith('<svg role="img" aria-label="A line."')
    True
    """
    with rc_context(STYLE):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.subplots()
        draw(axes)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return Picture(Markup(_inline(file.getvalue(), alt, name)), caption)


def _inline(text: str, alt: str, name: str) -> str:
    """Only the picture, in the page's ink, with ids of its own."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text, count=2)
    text = text.replace("xlink:href", "href").replace(INK, "currentColor")
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    text = re.sub(r'href="#', f'href="#{name}-', text)
    quoted = alt.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return text.replace("<svg", f'<svg role="img" aria-label="{quoted}"', 1).strip()
