"""Types are read, and planted savings of exponent and mantissa bits are found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precision_lib.findings.floating_types import (
    EXPONENT_STEPS,
    MANTISSA_STEPS,
    TRADES,
    differences,
    first_less_last,
    floating_costs,
    floating_runs,
    step_means,
    type_bits,
)
from precision_lib.paths import table_folder
from precision_lib.runs.run_table import load_runs
from precision_lib.sweep.plans import read_plan


def test_every_type_of_the_plan_stands_in_a_comparison():
    plan = read_plan(table_folder("short") / "plans" / "floating.yaml")
    planned = {config.precision.weights for config in plan.configs()}
    compared = {n for pair in (*EXPONENT_STEPS, *MANTISSA_STEPS, *TRADES) for n in pair}
    assert compared == planned


def test_steps_change_one_kind_of_bit_and_trades_keep_the_width():
    for first, second in EXPONENT_STEPS:
        (e, m), (more, same) = type_bits(first), type_bits(second)
        assert more > e and same == m
    for first, second in MANTISSA_STEPS:
        (e, m), (same, more) = type_bits(first), type_bits(second)
        assert more > m and same == e
    for first, second in TRADES:
        assert sum(type_bits(first)) == sum(type_bits(second))


def planted():
    """Costs that fall with mantissa bits and then no more."""
    rows = [
        {"N": n, "D": d, "seed": 0, "weight_format": name, "cost": cost}
        for n in (1e4, 1e5)
        for d in (1e6, 4e6)
        for name, cost in {"e2m0": 0.3, "e2m1": 0.1, "e5m2": 0.02, "e5m6": 0.01}.items()
    ]
    table = pd.DataFrame(rows)
    return table.assign(cost=table["cost"] * (table["N"] / 1e4) ** -0.1)


def test_planted_savings_are_found():
    steps = differences(planted(), [("e2m0", "e2m1"), ("e5m2", "e5m6")])
    means = step_means(steps)
    shrink = np.mean([1, 10**-0.1])
    assert means["estimate"].tolist() == pytest.approx([0.2 * shrink, 0.01 * shrink])
    assert means["pairs"].tolist() == [4, 4]
    center, low, high = first_less_last(steps)
    assert center == pytest.approx(0.19 * shrink) and 0 < low < center < high


def test_the_published_runs_have_twins_and_columns():
    runs = load_runs()
    costs = floating_costs(runs)
    floats = costs[costs["kind"] == "floating point"]
    planned = runs[(runs["sweep"] == "floating") & (runs["status"] == "finished")]
    assert set(floats["run_id"]) <= set(planned["run_id"]) and len(floats)
    table = floating_runs(runs)
    high = table["weight_format"] == "float32"
    assert (table.loc[high, "mantissa_bits"] == 23).all()
    assert (table.loc[~high, "mantissa_bits"] < 7).all()
