"""The figure that opens the book shows each run once, and no other size."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from precision_lib.figures.opening import loss_by_bits_against_data, rounded_at_size
from precision_lib.figures.style import bits_style
from precision_lib.findings.measured import finished, load_measured, unquantized

TABLE = pd.DataFrame(
    {
        "run_id": ["a", "a", "b", "b", "c", "c"],
        "N": 24_000.0,
        "tokens": [2e5, 2e5, 2e5, 2e5, 4e5, 4e5],
        "post_bits": [2, 3] * 3,
        "loss": [4.0, 4.0, 4.2, 4.2, 3.5, 3.5],
        "post_loss": [5.0, 4.3, 5.2, 4.5, 5.4, 4.0],
    }
)


def test_one_size_and_both_widths_at_every_length() -> None:
    measured = load_measured(["base", "held_28M"])
    rows = rounded_at_size(measured, 24e3)
    assert rows["N"].nunique() == 1 and set(rows["method"]) == {"gptq"}
    there = finished(unquantized(measured.runs)).query("N == @rows.N.iloc[0]")
    assert set(rows["tokens"]) == set(there["tokens"])
    assert (rows.groupby("run_id")["post_bits"].agg(set) == {3, 4}).all()


def test_points_are_runs_and_lines_their_means() -> None:
    figure = loss_by_bits_against_data(TABLE)
    axes = figure.axes[0]
    points, means = axes.lines[::2], axes.lines[1::2]
    assert [len(line.get_xdata()) for line in points] == [3, 3, 3]
    np.testing.assert_allclose(means[0].get_ydata(), [4.1, 3.5])  # before rounding
    np.testing.assert_allclose(means[1].get_ydata(), [5.1, 5.4])  # 2 bits
    np.testing.assert_allclose(means[2].get_ydata(), [4.4, 4.0])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "not quantized",
        "2 bits",
        "3 bits",
    ]
    for line, bits in zip(points, (32, 2, 3), strict=True):
        assert line.get_color() == bits_style(bits)["color"]
    plt.close("all")
