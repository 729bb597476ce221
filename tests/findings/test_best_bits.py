"""The best precision of runs whose constants are known."""

import numpy as np
import pandas as pd
import pytest

from precision_lib.decide import paper_fit
from precision_lib.findings.best_bits import (
    ARMS,
    COLUMNS,
    arms,
    best_bits,
    gain_over_16_bits,
    quantized_runs,
    refitted,
    share_of,
    tied_runs,
)
from tests.findings.planted_tied import made_up_runs

BITS = np.linspace(2.5, 12, 20_001)
TRUE_SHARE = (1 - np.exp(1.2 - BITS / 1.6)) ** 3
TRUE_BEST = float(BITS[np.argmax(TRUE_SHARE / BITS)])


def test_the_best_precision_is_where_the_share_a_bit_is_largest():
    found, _ = refitted(made_up_runs(), "effective-tied", replicates=60)
    answer = best_bits(found)
    assert answer.values["P"] == pytest.approx(TRUE_BEST, abs=0.15)
    low, high = answer.intervals["P"]
    assert low < answer.values["P"] < high
    assert high - low < 0.5


def test_shares_and_gains_are_those_of_the_formula():
    middle, low, high = share_of(paper_fit(), np.array([4.0, 16.0]))
    assert np.array_equal(middle, low) and np.array_equal(middle, high)
    gain = gain_over_16_bits(paper_fit(), np.array([4.0]))[0]
    assert gain == pytest.approx(4 * middle[0] / middle[1])


def test_intervals_of_gains_close_at_16_bits():
    found, _ = refitted(made_up_runs(), "effective-tied", replicates=30)
    _, low, high = gain_over_16_bits(found, np.array([5.0, 16.0]))
    assert low[0] < high[0]
    assert low[1] == pytest.approx(1) and high[1] == pytest.approx(1)


def test_arms_have_the_same_cells_in_the_same_order():
    runs = made_up_runs()
    base = runs.assign(
        sweep=np.where(runs["weight_bits"] == 32, "base", "joint"), status="finished",
        activation_granularity="tensor", rotation=0,
    )  # fmt: skip
    low = base[base["weight_bits"] < 32]
    token = low.assign(sweep="granularity", activation_granularity="token")
    turned = low.assign(sweep="granularity", rotation=16).iloc[::-1].iloc[3:]
    found = arms(pd.concat([base, token, turned], ignore_index=True))
    assert list(found) == list(ARMS)
    keys = [table[["N", "D", "seed", *COLUMNS]].to_numpy() for table in found.values()]
    assert np.array_equal(keys[0], keys[1]) and np.array_equal(keys[0], keys[2])
    assert (found["rotated"]["weight_bits"] < 32).sum() == len(low) - 3


def test_runs_below_the_lowest_width_are_left_out():
    runs = made_up_runs().assign(sweep="joint", status="finished")
    runs.loc[0, "status"] = "diverged"
    runs.loc[1, "kv_bits"] = 2
    assert len(quantized_runs(runs)) == len(runs) - 2
    assert len(tied_runs(runs)) == len(runs) - 1
    assert quantized_runs(runs, "base").empty
