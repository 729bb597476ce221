"""Figures of number formats draw the numbers that they are given."""

import numpy as np
import pandas as pd

from precision_lib.figures.formats import BOUND_DB, plot_against, plot_cost, plot_steps


def test_steps_are_half_the_gap_over_the_middle():
    axis = plot_steps({"a": [-4.0, -1.0, 0.0, 1.0, 2.0, 4.0]}).axes[0]
    x, y = axis.lines[0].get_data()
    # gaps 0–1, 1–2 and 2–4, largest at 1: the error is largest in their middles
    assert np.allclose(x, [0.125, 0.375, 0.75])
    assert np.allclose(y, [1, 1 / 3, 1 / 3])


def test_cost_is_drawn_below_the_bound():
    table = pd.DataFrame(
        {"family": ["a", "a", "b"], "bits": [2.0, 4.0, 3.0], "decibels": [10, 20, 15]}
    )
    lines = plot_cost(table).axes[0].lines
    assert [line.get_label() for line in lines] == ["a", "b"]
    assert np.allclose(lines[0].get_ydata(), [10 - 2 * BOUND_DB, 20 - 4 * BOUND_DB])
    assert abs(BOUND_DB - 6.0206) < 1e-4


def test_lines_keep_their_index():
    axis = plot_against({"a": pd.Series([1.0, 2.0], [4, 8])}, "x", "y", True).axes[0]
    assert axis.get_xscale() == "log"
    assert axis.lines[0].get_xdata().tolist() == [4, 8]
