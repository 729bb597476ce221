"""Parts of a run: which is quantized, what each costs, and how costs combine."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precision_lib.decide import effective_size, paper_fit, surface
from precision_lib.errors import UserError
from precision_lib.figures.parts import costs_by_part, differences_by_bits
from precision_lib.findings.intervals import r2_gap, r_squared
from precision_lib.findings.parts import cost_by_law, share_curves
from precision_lib.findings.twins import LOWEST, law_runs, twin_groups, with_part
from precision_lib.laws import bootstrap, fit, planted_table

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


def test_shares_are_those_that_the_decisions_find():
    found = fit(planted_table("effective", 80), "effective", starts=8)
    curves = share_curves(bootstrap(found, replicates=5), [4.0, 6.0])
    row = curves.query("part == 'activations' and bits == 4").iloc[0]
    answer = effective_size(surface(found), 1e8, 1e10, {"activation_bits": 4})
    assert row["estimate"] == pytest.approx(answer.values["share"], rel=1e-6)
    theirs = effective_size(surface(paper_fit()), 1e8, 1e10, {"activation_bits": 4})
    assert row["paper"] == pytest.approx(theirs.values["share"], rel=1e-6)


def test_the_law_s_cost_of_an_unquantized_run_is_nothing():
    assert cost_by_law(paper_fit(), runs().head(1)) == pytest.approx([0.0])


def test_the_gap_is_the_difference_of_two_scores():
    generator = np.random.default_rng(3)
    y = generator.normal(size=60)
    a, b = y + 0.3 * generator.normal(size=60), y + 0.9 * generator.normal(size=60)
    gap, (low, high) = r2_gap(y, a, b)
    assert gap == pytest.approx(r_squared(y, a)[0] - r_squared(y, b)[0])
    assert 0 < low < gap < high
    back, ends = r2_gap(y, b, a)
    assert back == pytest.approx(-gap) and ends == pytest.approx((-high, -low))


def test_figures_show_every_pair_and_every_difference():
    pairs = with_part(runs().iloc[[1, 2, 3]]).assign(cost=0.1, by_law=0.1)
    panels = costs_by_part(pairs).axes
    assert [panel.get_title() for panel in panels] == [
        "weights", "activations", "KV cache",
    ]  # fmt: skip
    index = pd.MultiIndex.from_tuples([("kv", 3), ("kv", 4)])
    table = pd.DataFrame({"estimate": [-0.1, 0.1], "low": -0.2, "high": 0.2}, index)
    dots = differences_by_bits(table, "weights").axes[0].lines[0]
    assert np.allclose(dots.get_xydata(), [[3, -0.1], [4, 0.1]])
