"""Draw the figure of the README and of the first page from the published tables.

python -m tools.readme_figure
"""

from __future__ import annotations

import io

import matplotlib as mpl
import matplotlib.pyplot as plt

from precision_lib.figures import opening as figures_opening, style as figures
from precision_lib.findings.measured import load_measured
from precision_lib.findings.preregistration import preregistered
from tools.steps import ROOT

TARGET = ROOT / "book" / "_static" / "readme_figure.svg"


def draw() -> bytes:
    """The figure as SVG; the same tables give the same bytes."""
    mpl.use("agg")
    figures.use_style()
    turn = preregistered()["turn"]
    measured = load_measured(turn.blocks)
    roundings = figures_opening.rounded_at_size(measured, turn.arguments["N"])
    figure = figures_opening.loss_by_bits_against_data(roundings)
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None}, facecolor="white")
    plt.close(figure)
    return out.getvalue()


if __name__ == "__main__":
    TARGET.write_bytes(draw())
