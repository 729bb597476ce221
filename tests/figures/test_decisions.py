"""Figures of decisions draw the numbers that they are given."""

import numpy as np
import pandas as pd

from precision_lib.figures.decisions import (
    best_bits_against_compute,
    cost_by_arm,
    estimates,
    gain_against_bits,
    losses_in_bits,
    residuals_against_bits,
    shifts_against_bits,
)

X = np.array([3.0, 6.0, 9.0])
BAND = (X / 3, X / 4, X / 2)


def test_a_dot_marks_the_top_of_each_curve():
    curve = np.array([0.5, 1.5, np.nan])
    axis = gain_against_bits(X, (curve, curve, curve), {"paper": curve[::-1]}).axes[0]
    dots = [tuple(line.get_xydata()[0]) for line in axis.lines if len(line.get_xydata())
            == 1]  # fmt: skip
    assert dots == [(6.0, 1.5), (6.0, 1.5)]


def test_red_is_the_papers_alone():
    curve = np.array([0.5, 1.5, 1.0])
    others = {"a scale a token": curve, "paper, with offsets": curve}
    lines = gain_against_bits(X, (curve, curve, curve), others).axes[0].lines
    red = {line.get_label() for line in lines if line.get_color() == "#b2182b"}
    assert {name for name in red if name[0] != "_"} == {"paper, with offsets"}


def test_estimates_stand_in_the_order_of_the_table():
    rows = pd.DataFrame(
        {"estimate": [1.0, 2.0], "low": [0.5, 1.5], "high": [1.5, 2.5]}, ["a", "b"]
    )
    axis = estimates(rows, "x", {"paper": 7.0}, (6.0, 8.0)).axes[0]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["a", "b"]
    low, high = axis.get_ylim()
    assert low > high  # the first row on top
    points = [line for line in axis.lines if line.get_label() == "our runs, 95%"]
    assert points[0].get_xdata().tolist() == [1.0, 2.0]


def test_lines_and_bands_are_drawn():
    axis = best_bits_against_compute(X, {"a": BAND, "b": BAND}, (1, 2)).axes[0]
    assert [line.get_label() for line in axis.lines] == ["a", "b"]
    axis = shifts_against_bits(X, BAND, BAND, ("N", "D")).axes[0]
    assert np.allclose(axis.lines[0].get_ydata(), X / 3)


def test_residuals_are_percent_by_width():
    figure = residuals_against_bits([3, 32, 3], {"a": np.array([0.01, 0, 0.02])},
                                    [1, 1, 2])  # fmt: skip
    offsets = figure.axes[0].collections[0].get_offsets()
    assert np.allclose(offsets[:, 1], [1, 0, 2])
    labels = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert labels == ["3", "none"]


def test_means_of_an_arm_and_of_a_width():
    table = pd.DataFrame({"arm": "a", "bits": [3, 3, 4], "cost": [0.2, 0.4, 0.1]})
    line = cost_by_arm(table, "cost").axes[0].lines[0]
    assert np.allclose(line.get_ydata(), [0.3, 0.1])
    rows = pd.DataFrame({"m": [1, 1, 2], "bits": 4, "value": [3.0, 4.0, 2.0]})
    line = losses_in_bits(rows, "m", "m").axes[0].lines[0]
    assert np.allclose(line.get_ydata(), [3.5, 2.0])
