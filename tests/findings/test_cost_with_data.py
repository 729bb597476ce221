"""The exponent of D in a cost, and what it has above the size slope's: planted ones."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from precision_lib.errors import UserError
from precision_lib.figures.cost_with_data import cost_with_data
from precision_lib.findings import cost_with_data as grow
from precision_lib.findings.cost_growth import excess_exponent
from tests.findings import planted_runs as plant

EXACT = {"model": 1e-6, "run": 1e-6, "low": 1e-6, "cell": 1e-6, "rounding": 0.0}


def test_planted_exponents_come_back_from_runs_without_noise() -> None:
    measured = plant.planted(plant.Truth(coupling=0.05, excess=0.12, **EXACT), 0)
    found = grow.of_ours(measured, 1.75e6)
    for part in ("weights", "activations", "kv"):
        assert found.loc[part, "D"] == pytest.approx(0.17, abs=1e-3)
        assert found.loc[part, "excess"] == pytest.approx(0.12, abs=1e-3)
        assert found.loc[part, "slope"] == pytest.approx(0.05, abs=1e-3)


def test_the_mean_is_the_registered_estimand_and_ranges_only_widen_it() -> None:
    measured = plant.planted(plant.Truth(coupling=0.05, excess=0.08), 1)
    found = grow.of_ours(measured, 1.75e6, [3.5e6]).loc["all four"]
    alone = excess_exponent(measured)
    assert found["excess"] == pytest.approx(alone.value)
    low, high = alone.interval()
    assert found["excess_low"] <= low + 1e-9 and found["excess_high"] >= high - 1e-9
    assert found["excess_low"] < 0.08 < found["excess_high"]


def test_a_range_wants_three_lengths_of_every_part() -> None:
    measured = plant.planted(plant.Truth(), 0)
    assert grow.with_lengths(measured, [2e7, 7e6, 8e5]) == [7e6, 8e5]
    short = measured._replace(runs=measured.runs.query("D < 3e6"))
    assert grow.with_lengths(short, [1.75e6, 8e5]) == []
    only = measured._replace(runs=measured.runs.query("kv_bits == 32"))
    assert grow.with_lengths(only, [8e5]) == []
    with pytest.raises(UserError, match="no run with kv at 3 bits"):
        grow.of_ours(only, 8e5)


def quest(excess: float) -> pd.DataFrame:
    """Runs in 2 to 4 bits of parameters that count less, and an error that grows."""
    rows = []
    for N, D, bits in itertools.product((3e7, 6e7, 1.2e8), (1e9, 2e9, 4e9), (2, 3, 4)):
        slope = 3 * (D / 1e9) ** 0.1 * (N / 3e7) ** -0.3
        left = slope * 0.2 * 2.0**-bits * (D / 1e9) ** excess
        rows.append(("quest", N, D, bits, 3.0 + 200 * D**-0.3 + slope + left))
    return pd.DataFrame(rows, columns=["group", "N", "D", "weight_bits", "loss"])


@pytest.mark.parametrize("excess", [0.0, 0.2])
def test_widths_of_quest_stand_in_for_unquantized_twins(excess: float) -> None:
    powers = grow.of_quest(quest(excess), draws=20)
    assert powers.loc["2 and 3 bits", "D"] == pytest.approx(0.1 + excess, abs=1e-6)
    assert powers.loc["size slope", "D"] == pytest.approx(0.1, abs=0.02)
    row = grow.of_others({"QuEST": (powers, "2 and 3 bits")}).loc["QuEST"]
    assert row["excess"] == pytest.approx(excess, abs=0.02)


def test_every_table_has_one_answer() -> None:
    ends = [(0.1, 0.3), (-0.3, -0.1), (-0.04, 0.05), (-0.2, 0.2), (0.04, 0.2)]
    table = pd.DataFrame(ends, columns=["excess_low", "excess_high"]).assign(D_low=0.1)
    found = grow.answers(table, 0.05)
    assert found == {
        "tables": 5, "grows": 5, "faster": 1, "excluded": 2, "slower": 1, "open": 2
    }  # fmt: skip


def test_the_figure_draws_each_row_once_and_lets_only_empty_intervals_run_out() -> None:
    rows = pd.DataFrame({"D": [0.2, 0.1, 0.0], "excess": [0.1, 0.0, 0.2]})
    for name in ("D", "excess"):
        rows[f"{name}_low"] = rows[name] - [0.1, 0.1, 0.9]
        rows[f"{name}_high"] = rows[name] + [0.1, 0.1, 0.9]
    table = rows.set_axis(["weights", "KV cache", "QuEST"])
    figure = cost_with_data({"a": table.iloc[:2], "b": table.iloc[2:]}, 0.05, {})
    left, right = figure.axes
    labels = [text.get_text() for text in left.get_yticklabels()]
    assert labels == ["a: weights", "a: KV cache", "b: QuEST"]
    low, high = right.get_xlim()
    assert low < -0.1 and 0.2 < high < 1.1
    drawn = np.concatenate([
        segment[:, 0]
        for lines in right.collections
        for segment in lines.get_segments()
    ])  # fmt: skip
    ends = table[["excess_low", "excess_high"]].to_numpy()
    assert drawn == pytest.approx(ends.ravel())
    plt.close("all")
