"""Planted shares of effective parameters come back, at every width and length."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precision_lib.errors import Undetermined
from precision_lib.figures.effective_share import shares_by_bits_and_data
from precision_lib.findings.effective_share import lengths, shares, unseen_widths
from precision_lib.findings.measured import Measured
from precision_lib.laws import planted_table
from tests.findings import planted_runs as plant
from tests.findings.planted_runs import Truth


def true_shares(table: pd.DataFrame, truth: Truth) -> pd.Series:
    """Of weights in few bits, from the planted costs and the planted size part."""
    found = [
        (1 + plant.single(truth, "weight_bits", row.bits, row.N, row.tokens)
         / plant.slope_part(truth, row.N, row.tokens)) ** (-1 / 0.3)
        for row in table.itertuples()
    ]  # fmt: skip
    return pd.Series(found, table.index)


def test_planted_shares_come_back_at_every_length() -> None:
    truth = Truth(model=0.0, run=0.0, low=1e-5, cell=0.0, excess=0.1)
    made = plant.planted(truth, 0, mixes=True)
    for D in (1.75e6, 7e6):
        table = shares(made, D)
        assert table["share"].to_numpy() == pytest.approx(
            true_shares(table, truth), rel=0.01
        )


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    truth, held = Truth(), []
    for seed in range(20):
        table = shares(plant.planted(truth, seed, mixes=True), 7e6)
        held += list(true_shares(table, truth).between(table["low"], table["high"]))
    assert 0.9 <= np.mean(held) <= 0.99


def test_only_lengths_with_sizes_for_a_curve_count() -> None:
    made = plant.planted(Truth(), 0)
    assert lengths(made) == plant.DATA
    few = made.runs[made.runs["N"] < 60_000]
    assert lengths(Measured(few, made.ptq)) == []


def test_a_part_that_nobody_trained_is_said_to_be_missing() -> None:
    made = plant.planted(Truth(), 0)
    plain = made.runs[made.runs["weight_bits"] == 32]
    with pytest.raises(Undetermined, match="weights alone"):
        shares(Measured(plain, made.ptq), 7e6)


def test_a_width_is_predicted_without_its_runs() -> None:
    table = pd.DataFrame(planted_table("effective-weights", 80)).assign(gmse=0.0)
    low = table[table["weight_bits"] == 4].assign(weight_bits=4)
    spoiled = table.assign(
        loss=table["loss"].where(table["weight_bits"] != 4, 9.0)
    )  # fmt: skip
    found = unseen_widths(spoiled, low, ["effective-weights"]).loc[4]
    by_law = unseen_widths(table, low, ["effective-weights"]).loc[4]
    assert found.to_numpy() == pytest.approx(by_law.to_numpy(), rel=1e-6)


def test_the_figure_draws_every_share_with_its_interval() -> None:
    table = pd.DataFrame({"N": 9, "tokens": [1, 2], "bits": 3, "share": [0.6, 0.5]})
    x = np.array([2.0, 3.0, 4.0])
    laws = (x / 8, x / 9, x / 7), x / 10
    figure = shares_by_bits_and_data(table.assign(low=0.4, high=0.7), 2, x, *laws)
    left, right = figure.axes
    drawn = [line for line in right.lines if line.get_marker() == "o"]
    assert drawn[0].get_ydata().tolist() == [0.6, 0.5]
    assert right.lines[-2].get_ydata()[0] == pytest.approx(0.3)
    assert len(left.collections) == 2  # band and one set of intervals
