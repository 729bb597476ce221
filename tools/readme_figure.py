"""Draw the figure of the README from the published tables.

python -m tools.readme_figure
"""

from __future__ import annotations

import io

import matplotlib as mpl
import matplotlib.pyplot as plt

from precision_lib import figures
from precision_lib.empirical import law_roundings
from precision_lib.runs import load_ptq
from tools.steps import ROOT

TARGET = ROOT / "book" / "_static" / "readme_figure.svg"


def draw() -> bytes:
    """The figure as SVG; the same tables give the same bytes."""
    mpl.use("agg")
    figures.use_style()
    figure = figures.served_loss_against_data(law_roundings(load_ptq(), (2, 4)))
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None}, facecolor="white")
    plt.close(figure)
    return out.getvalue()


if __name__ == "__main__":
    TARGET.write_bytes(draw())
