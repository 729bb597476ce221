"""Costs by granularity: settings are told apart, and planted savings are found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precision_lib.findings.granularity import (
    ACTIVATIONS,
    WEIGHTS,
    bits_saved,
    granularity_costs,
)
from precision_lib.runs.run_table import load_runs


def test_settings_are_those_of_the_runs():
    runs = load_runs()
    costs = granularity_costs(runs)
    assert not costs.duplicated(["N", "D", "seed", "part", "bits", "setting"]).any()
    assert set(costs["part"]) <= {"weights", "activations", "tied"}
    tensor = costs[(costs["part"] == "weights") & (costs["setting"] == WEIGHTS[1])]
    assert (tensor["weight_granularity"] == "tensor").all() and len(tensor)
    rotated = costs[costs["setting"] == ACTIVATIONS[2]]
    assert (rotated["rotation"] > 0).all() and len(rotated)
    plain = costs[costs["setting"] == ACTIVATIONS[0]]
    assert (plain["activation_granularity"] == "tensor").all()
    assert (plain["rotation"] == 0).all()


@pytest.mark.parametrize("saving", [0.3, 1.0, 1.7])
def test_a_planted_saving_is_found(saving):
    rows = [
        {"N": n, "D": d, "seed": 0, "bits": b, "setting": s, "cost": cost}
        for n in (1e4, 1e5)
        for d in (1e6, 4e6)
        for s, shift in (("plain", 0.0), ("better", saving))
        for b in (2, 3, 4, 5, 6)
        for cost in [np.exp(-0.8 * (b + shift)) * n**-0.1]
    ]
    found = bits_saved(pd.DataFrame(rows), "plain", "better")
    assert len(found) == 8
    assert found["saved"].to_numpy() == pytest.approx(saving)


def test_nothing_is_said_beyond_the_widths_of_the_reference():
    table = pd.DataFrame({"bits": [3, 4, 3], "cost": [0.4, 0.2, 0.1]})
    table = table.assign(N=9, D=9, seed=0, setting=["a", "a", "b"])
    assert bits_saved(table, "a", "b").empty
    assert bits_saved(table.assign(cost=-1.0), "a", "b").empty
