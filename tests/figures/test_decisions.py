"""Figures of decisions draw the numbers that they are given."""

import numpy as np
import pandas as pd

from precision_lib.figures.decisions import estimates, measured_gains

X = np.array([3.0, 6.0, 9.0])
BAND = (X / 3, X / 4, X / 2)


def test_measured_gains_have_a_panel_a_length_and_a_mark_for_the_best() -> None:
    rows = pd.DataFrame({"N": 9, "D": [7e6, 7e6, 14e6], "bits": [4, 6, 4]})
    rows = rows.assign(estimate=[1.2, 2.0, 1.1], low=1.0, high=2.5)
    best = pd.DataFrame({"N": [9], "D": [7e6], "estimate": [5.9], "low": [5.5]})
    best = best.assign(high=6.1)
    figure = measured_gains(rows, best, {"ours": (X, BAND), "paper": (X, BAND)})
    first, second = figure.axes
    assert [axis.get_title() for axis in figure.axes] == ["D = 7M", "D = 14M"]
    hollow = [
        [line.get_xdata().tolist() for line in axis.lines
         if line.get_markerfacecolor() == "none"]
        for axis in (first, second)
    ]  # fmt: skip
    assert hollow == [[[5.9]], [[]]]
    red = [line.get_label() for line in first.lines if line.get_color() == "#b2182b"]
    assert red == ["paper"]


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
