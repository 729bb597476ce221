"""Powers of D and N in costs: planted ones come back."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy.stats import linregress

from precision_lib.findings import forward_cost
from precision_lib.findings.best_bits import quantized_runs
from precision_lib.findings.cost_powers import powers, size_gaps
from precision_lib.findings.kept_results import kept_table
from precision_lib.findings.other_runs import table_or_none
from precision_lib.findings.twins import with_part, with_twins
from precision_lib.runs.external import load_external
from precision_lib.runs.run_table import load_runs

SIZES, TOKENS = (3e7, 5e7, 1e8, 2e8), (1e9, 2e9, 4e9, 8e9)


def planted(in_data: float, in_size: float, noise: float = 0.0) -> pd.DataFrame:
    """Two forward arms and a backward arm whose cost goes with powers, and twins."""
    generator = np.random.default_rng(0)
    rows = []
    for N, D in itertools.product(SIZES, TOKENS):
        plain = 1.7 + 400 * N**-0.35 + 500 * D**-0.3
        rows.append((N, D, plain, "none", "none"))
        for side, arm, size in (
            ("forward", "a", 0.08), ("forward", "b", 0.04), ("backward", "c", 0.01)
        ):  # fmt: skip
            cost = size * (D / 1e9) ** in_data * (N / 3e7) ** in_size
            cost *= np.exp(noise * generator.standard_normal())
            rows.append((N, D, plain + cost, side, arm))
    return pd.DataFrame(rows, columns=["N", "D", "loss", "side", "arm"])


@settings(max_examples=15, deadline=None)
@given(st.floats(-0.3, 0.6), st.floats(-0.6, 0.3))
def test_planted_powers_come_back(in_data: float, in_size: float) -> None:
    found = forward_cost.of_others(planted(in_data, in_size), draws=10)
    for side in ("forward", "backward"):
        assert found.loc[side, "D"] == pytest.approx(in_data, abs=1e-8)
        assert found.loc[side, "N"] == pytest.approx(in_size, abs=1e-8)
    assert found.loc["forward", "arms"] == "2 of 2"


def test_intervals_hold_the_planted_powers_through_noise() -> None:
    found = forward_cost.of_others(planted(0.15, -0.25, noise=0.1), draws=400)
    for side, value in (("D", 0.15), ("N", -0.25)):
        low, high = found.loc["forward", [f"{side}_low", f"{side}_high"]]
        assert low < value < high and high - low < 0.15


def test_the_size_slope_of_an_additive_law_does_not_go_with_data() -> None:
    found = forward_cost.of_others(planted(0.1, -0.2), draws=10).loc["size slope"]
    assert found["D"] == pytest.approx(0.0, abs=1e-8)
    assert found["N"] == pytest.approx(-0.35, abs=0.01)


def test_one_arm_of_one_size_is_a_plain_regression() -> None:
    arms = planted(0.2, -0.1, noise=0.2).query("arm == 'a' or arm == 'none'")
    pairs = forward_cost.twin_costs(arms)
    both = pairs[pairs["N"].isin(SIZES[:2])]
    within = [
        linregress(np.log(d["D"]), np.log(d["cost"])) for _, d in both.groupby("N")
    ]
    mean = np.mean([one.slope for one in within])  # the sizes have the same D
    assert powers(both, "arm", draws=5)["D"] == pytest.approx(mean)


def test_gaps_are_between_neighbours_of_one_data_and_seed() -> None:
    plain = pd.DataFrame({"N": [1, 2, 4, 1], "D": [8, 8, 8, 9], "seed": 0})
    gaps = size_gaps(plain.assign(loss=[3.0, 2.5, 2.2, 9.0]))
    assert gaps["cost"].tolist() == pytest.approx([0.5 / np.log(2), 0.3 / np.log(2)])


def test_costs_of_forward_passes_grow_with_data_in_both_tables_of_others() -> None:
    quartet = forward_cost.of_others(
        forward_cost.quartet_arms(load_external("quartet")), draws=300
    )
    kept, second = kept_table("quartet2", "forward"), table_or_none("quartet2")
    for table in (quartet, kept):
        assert (
            0.05 < table.loc["forward", "D_low"] < table.loc["forward", "D_high"] < 0.3
        )
        assert table.loc["forward", "N_high"] < -0.1
    if second is not None:
        again = forward_cost.of_others(forward_cost.quartet2_arms(second))
        pd.testing.assert_frame_equal(again, kept, rtol=1e-6, check_dtype=False)


def test_every_run_of_quartet_has_a_side_and_a_twin() -> None:
    arms = forward_cost.quartet_arms(load_external("quartet"))
    sides = arms["side"].value_counts()
    assert sides.to_dict() == {"backward": 80, "forward": 49, "none": 24, "both": 21}
    assert len(forward_cost.twin_costs(arms)) == 150


def test_ours_are_least_squares_on_the_logarithms() -> None:
    runs = load_runs(table="short")
    ours = forward_cost.of_ours(runs, "short", 0.0, draws=20)
    quantized = quantized_runs(runs, *forward_cost.PLANS["short"], lowest=2)
    pairs = with_part(with_twins(quantized))
    for part in ("weights", "tied"):
        rows = pairs[pairs["part"] == part]
        rows = rows[rows.groupby("bits")["cost"].transform("min") > 0]
        levels = pd.get_dummies(rows["bits"]).astype(float)
        design = np.column_stack([np.log(rows[["N", "D"]]), levels])
        found = np.linalg.lstsq(design, np.log(rows["cost"]), rcond=None)[0]
        assert ours.loc[part, "D"] == pytest.approx(found[1])


def test_a_table_without_pairs_has_no_row_but_the_size_slope() -> None:
    runs = load_runs(table="short")
    plain = runs[runs["sweep"] == "base"]
    assert forward_cost.of_ours(plain, "short", 7e5, draws=5).index.tolist() == [
        "size slope"
    ]


def test_an_excess_is_over_the_row_that_is_asked_for() -> None:
    numbers = {
        "D": [0.5, 0.2, 0.1],
        "D_low": [0.4, 0.1, 0.1],
        "D_high": [0.6, 0.3, 0.1],
    }
    table = pd.DataFrame(numbers, index=["weights", "activations", "size slope"])
    assert forward_cost.excess(table, "weights", "D") == pytest.approx((0.4, 0.3, 0.5))
    reach = 0.1 * 2**0.5
    found = forward_cost.excess(table, "weights", "D", over="activations")
    assert found == pytest.approx((0.3, 0.3 - reach, 0.3 + reach))


def test_the_second_table_is_taken_as_soon_as_it_has_pairs() -> None:
    runs = load_runs(table="short")
    names = {"parts": "ladder", "joint": "bits"}
    second = runs.assign(sweep=runs["sweep"].replace(names))
    found = forward_cost.of_ours(second, "main", 7e5, draws=10)
    first = forward_cost.of_ours(runs, "short", 7e5, draws=10)
    pd.testing.assert_frame_equal(found, first)
    assert len(forward_cost.of_ours(second, "short", 7e5, draws=10)) == 1
