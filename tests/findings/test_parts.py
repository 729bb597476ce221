"""Parts of a run: which is quantized, what each costs, and how costs combine."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precision_lib.errors import UserError
from precision_lib.findings.intervals import r2_gap, r_squared
from precision_lib.findings.measured import load_measured
from precision_lib.findings.parts import above_weights, costs_by_width
from precision_lib.findings.twins import LOWEST, law_runs, twin_groups, with_part

BITS = [(32, 32, 32), (4, 32, 32), (32, 2, 32), (32, 32, 4), (4, 4, 4), (2, 8, 32)]


def runs(role: str = "fit", status: str = "finished") -> pd.DataFrame:
    table = pd.DataFrame(BITS, columns=["weight_bits", "activation_bits", "kv_bits"])
    loss = 3.0 + np.arange(len(BITS)) / 10
    table = table.assign(N=30e6, D=1e9, seed=0, loss=loss, status=status)
    return table.assign(role=role)


@pytest.mark.parametrize(
    ("part", "kept"),
    [
        (None, [0]),
        ("weights", [0, 1]),
        ("kv", [0, 3]),
        ("one", [0, 1, 2, 3]),
        ("tied", [0, 4]),
        ("any", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_runs_are_chosen_by_what_is_quantized(part: str | None, kept: list[int]):
    found = law_runs(runs(), part)
    assert found["loss"].tolist() == [3.0 + i / 10 for i in kept]


def test_runs_below_the_lowest_bits_and_of_other_roles_are_left_out():
    assert (law_runs(runs(), "one", LOWEST)["activation_bits"] >= 3).all()
    both = pd.concat([runs(), runs("validation")])
    assert len(law_runs(both, "any")) == len(BITS)
    assert law_runs(runs(status="diverged"), "any").empty
    with pytest.raises(UserError, match="'head'"):
        law_runs(runs(), "head")


def test_parts_are_named():
    named = with_part(runs())
    assert named["part"].tolist() == [
        "none", "weights", "activations", "kv", "tied", "several",
    ]  # fmt: skip
    assert named["bits"].tolist() == [32, 4, 2, 4, 4, 2]
    assert twin_groups(runs()).nunique() == 1


def test_the_gap_is_the_difference_of_two_scores():
    generator = np.random.default_rng(3)
    y = generator.normal(size=60)
    a, b = y + 0.3 * generator.normal(size=60), y + 0.9 * generator.normal(size=60)
    gap, (low, high) = r2_gap(y, a, b)
    assert gap == pytest.approx(r_squared(y, a)[0] - r_squared(y, b)[0])
    assert 0 < low < gap < high
    back, ends = r2_gap(y, b, a)
    assert back == pytest.approx(-gap) and ends == pytest.approx((-high, -low))


def test_a_cost_has_an_interval_once_a_seed_repeats_its_bits():
    measured = load_measured(["base", "parts"], "short")
    runs = measured.runs
    for seeds, known in ((1, False), (2, True)):
        fewer = runs[(runs["sweep"] == "base") | (runs["seed"] < seeds)]
        table = costs_by_width(measured._replace(runs=fewer), 1.75e6)
        few = table[table["bits"] <= 4]
        assert few["low"].notna().all() == known == few["low"].notna().any()
        assert ((table["low"] < table["cost"]) | table["low"].isna()).all()
        gaps = above_weights(measured._replace(runs=fewer), 1.75e6)
        assert np.isfinite(gaps.loc[("kv", 3), "high"]) == known


def test_a_costlier_part_keeps_a_smaller_share():
    table = costs_by_width(load_measured(["base", "parts"], "short"), 1.75e6)
    for _, rows in table[table["cost"] > 0].groupby("N"):
        ordered = rows.sort_values("cost")["share"]
        assert ordered.is_monotonic_decreasing and ordered.between(0, 1).all()
