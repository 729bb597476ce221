"""Models at equal memory, on made-up losses."""

import numpy as np
import pandas as pd
import pytest

from precision_lib.figures.serving import gain_against_data, loss_against_memory
from precision_lib.findings.serving import (
    frontier,
    gains_at_equal_memory,
    in_memory,
    mean_gains,
)

RUNS = pd.DataFrame(
    [(n, d, s, b) for n in (100, 200, 400) for d in (1, 2) for s in (0, 1)
     for b in (2, 4, 8)], columns=["N", "D", "seed", "bits"],
)  # fmt: skip
# a loss that only the memory and the seed decide: nobody gains anything
RUNS["loss"] = 5 - 0.3 * np.log(RUNS["N"] * RUNS["bits"]) + 0.1 * RUNS["seed"]


def test_who_depends_on_memory_alone_gains_nothing():
    gains = gains_at_equal_memory(in_memory(RUNS, "bits", "loss"), 8)
    assert np.allclose(gains["gain"], 0)
    # 200 and 400 in 4 bits, 400 in 2 bits have a rival among 100 to 400 in 8 bits
    assert len(gains) == 3 * 4
    assert set(zip(gains["N"], gains["bits"], strict=True)) == {
        (200, 4), (400, 4), (400, 2)
    }  # fmt: skip


def test_a_cost_of_few_bits_is_a_loss_of_the_larger_model():
    served = in_memory(RUNS, "bits", "loss")
    served["loss"] += 0.2 * (served["bits"] == 2) - 0.1 * (served["bits"] == 4)
    table = mean_gains(gains_at_equal_memory(served, 8), ["bits"])
    assert table.loc[2, "estimate"] == pytest.approx(-0.2)
    assert table.loc[4, ["low", "high"]].tolist() == pytest.approx([0.1, 0.1])
    assert table["runs"].tolist() == [4, 8]


def test_one_cell_has_no_interval_and_no_rows_no_table():
    one = pd.DataFrame({"bits": [4], "N": 9, "D": 1, "seed": 0, "gain": [0.1]})
    assert mean_gains(one, ["bits"])["low"].isna().all()
    alone = in_memory(RUNS[RUNS["bits"] == 4], "bits", "loss")
    assert gains_at_equal_memory(alone, 8).empty


def test_the_frontier_falls():
    found = frontier(in_memory(RUNS, "bits", "loss"))
    assert found["memory"].is_monotonic_increasing
    assert (found["loss"].diff().dropna() < 0).all()


def test_figures_draw_what_they_are_given():
    served = in_memory(RUNS, "bits", "loss")
    gains = gains_at_equal_memory(served, 8)
    axis = gain_against_data(gains).axes[0]
    assert np.allclose(axis.containers[0].lines[0].get_ydata(), 0)
    axis = loss_against_memory(served, frontier(served)).axes[0]
    assert [line.get_label() for line in axis.lines][-1] == "best for its memory"
