"""Rival forms: costs that they predict, and their scores beside each other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precision_lib.figures.alternative_forms import residuals_by_law, scores_and_gaps
from precision_lib.findings.alternative_forms import (
    LABELS,
    PAPER_R2,
    predicted_costs,
    scores,
)
from precision_lib.laws import fit, get_law, planted_table


def test_the_paper_s_table_names_laws_that_exist():
    assert PAPER_R2.keys() == LABELS.keys()
    assert all("weight_bits" in get_law(law).columns() for law in LABELS)


def test_costs_are_above_the_twin_of_the_same_setting():
    table = pd.DataFrame(planted_table("effective-weights", 60))
    found = fit(table, "effective-weights", starts=5)
    costs = predicted_costs(table, found.predict(table))
    by_law = found.predict(table) - found.predict(table.assign(weight_bits=32.0))
    known = np.isfinite(costs)
    assert known.sum() > 30
    assert np.allclose(costs[known], by_law[known])


def test_a_run_without_an_unquantized_twin_has_no_cost():
    table = pd.DataFrame({"N": [9, 9, 8], "D": 5, "weight_bits": [32, 4, 4]})
    costs = predicted_costs(table, np.array([3.0, 3.2, 3.5]))
    assert costs[1] == pytest.approx(0.2)
    assert np.isnan(costs[2])


def test_better_predictions_come_first_and_gaps_are_differences():
    generator = np.random.default_rng(0)
    y = generator.normal(size=80)
    noise = {"effective-weights": 0.2, "effective-data": 0.8, "power-additive": 0.1}
    guesses = {k: y + s * generator.normal(size=80) for k, s in noise.items()}
    table = scores(y, guesses, np.arange(80))
    assert table.index.tolist() == [
        "power-additive", "effective-weights", "effective-data",
    ]  # fmt: skip
    gap = table.loc["effective-weights", "r2"] - table["r2"]
    assert np.allclose(table["gap"], gap)
    assert table.loc["effective-data", "gap_low"] > 0
    assert table.loc["effective-data", "paper_gap"] == pytest.approx(0.08)
    left, right = scores_and_gaps(table).axes
    assert [label.get_text() for label in left.get_yticklabels()][0] == (
        LABELS["power-additive"]
    )
    assert np.allclose(right.lines[0].get_xdata(), table["gap"])


def test_a_panel_for_each_law():
    figure = residuals_by_law(np.array([2, 32]), dict.fromkeys(LABELS, np.ones(2)))
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == list(LABELS.values())
