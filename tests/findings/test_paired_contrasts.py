"""Paired differences, growth with data, and the runs under other schedules."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from precision_lib.errors import UserError
from precision_lib.findings.paired_contrasts import (
    contrasts,
    factor_at_equal_data,
    growth,
    mean_differences,
    mean_interval,
    mean_ratios,
)
from precision_lib.findings.schedules import (
    DECAY,
    SCHEDULES,
    STABLE,
    decays,
    schedule_runs,
    with_cost,
)
from precision_lib.laws import fit
from precision_lib.model.config import ModelConfig
from precision_lib.runs.run_table import load_ptq, load_runs
from precision_lib.training.config import RunConfig, learning_rate


@given(st.lists(st.floats(-9, 9), min_size=2, max_size=20))
def test_the_interval_of_a_mean_is_scipys(values):
    mean, low, high = mean_interval(values)
    error = stats.sem(values)
    if error > 1e-9:
        expected = stats.t.interval(0.95, len(values) - 1, np.mean(values), error)
        assert (low, high) == pytest.approx(expected)
    assert low <= mean <= high


def test_one_value_says_nothing_and_none_is_an_error():
    assert mean_interval([3.0]) == (3.0, -np.inf, np.inf)
    with pytest.raises(UserError, match="no values"):
        mean_interval([])


def planted(gamma=0.5, noise=0.0, seed=0):
    """Costs of rounding that grow as a power of D under two settings."""
    draw = np.random.default_rng(seed)
    table = pd.DataFrame(
        [
            {"N": n, "D": d, "seed": s, "setting": name}
            for n in (2e4, 1e5)
            for d in (2e5, 4e5, 8e5, 1.6e6)
            for s in (0, 1)
            for name in ("plain", "other")
        ]
    )
    power = np.where(table["setting"] == "plain", gamma, gamma + 0.2)
    scatter = np.exp(noise * draw.normal(size=len(table)))
    return table.assign(delta=1e-3 * table["D"] ** power * table["N"] ** -0.2 * scatter)


def test_growth_finds_a_planted_power_and_its_difference_in_pairs():
    table = planted()
    found = growth(table, "setting")
    assert found.loc["plain", "gamma_D"] == pytest.approx(0.5)
    assert found.loc["other", "gamma_D"] == pytest.approx(0.7)
    paired = contrasts(table, "setting", "plain", "delta")
    assert len(paired) == 16
    change = growth(paired, "setting", value="ratio")
    assert change.loc["other", "gamma_D"] == pytest.approx(0.2)


def test_growth_is_linear_regression_with_a_constant_a_size():
    table = planted(noise=0.2)
    one = table[(table["N"] == 2e4) & (table["setting"] == "plain")]
    known = stats.linregress(np.log(one["D"]), np.log(one["delta"]))
    found = growth(one, "setting").loc["plain"]
    half = stats.t.ppf(0.975, len(one) - 2) * known.stderr
    assert found["gamma_D"] == pytest.approx(known.slope)
    assert found["high"] - found["gamma_D"] == pytest.approx(half)


def test_growth_agrees_with_the_law_engine():
    table = planted(noise=0.05)
    plain = table[table["setting"] == "plain"].assign(post_bits=3.0)
    law = fit(plain, "ptq", fixed={"gamma_post": 0.5}, floor=1e-6, scale="log")
    ours = growth(plain, "setting").loc["plain"]
    assert ours["low"] < law.params["gamma_D"] < ours["high"]
    assert law.params["gamma_D"] == pytest.approx(ours["gamma_D"], abs=0.03)


def test_growth_covers_the_truth_as_often_as_it_says():
    hits = 0
    for seed in range(200):
        row = growth(planted(noise=0.3, seed=seed), "setting").loc["plain"]
        hits += row["low"] <= 0.5 <= row["high"]
    assert 180 <= hits <= 199


def test_growth_leaves_out_what_has_no_interval_and_refuses_zero():
    table = planted().query("D <= 4e5 and seed == 0 and N == 2e4")
    assert growth(table, "setting").empty
    with pytest.raises(UserError, match="'delta'"):
        growth(table.assign(delta=0.0), "setting")


def test_pooled_growth_is_a_regression_with_a_slope_each():
    table = planted(noise=0.2).query("N == 2e4")
    names = table["setting"].unique()
    x = np.column_stack(
        [c for n in names for c in ((table["setting"] == n) * np.log(table["D"]),
                                    (table["setting"] == n) * 1.0)]
    )  # fmt: skip
    y = np.log(table["delta"].to_numpy())
    found, rest, _, _ = np.linalg.lstsq(x, y, rcond=None)
    free = len(y) - x.shape[1]
    errors = np.sqrt(rest[0] / free * np.diag(np.linalg.inv(x.T @ x)))
    ours = growth(table, "setting", pooled=True).loc[names]
    assert ours["gamma_D"].to_numpy() == pytest.approx(found[::2])
    half = stats.t.ppf(0.975, free) * errors[::2]
    assert (ours["high"] - ours["gamma_D"]).to_numpy() == pytest.approx(half)


def test_contrasts_refuse_two_twins():
    table = planted().drop(columns="seed").assign(seed=0)
    with pytest.raises(UserError, match="'plain' have the same N, D, seed"):
        contrasts(table, "setting", "plain", "delta")


def test_means_of_pairs():
    paired = contrasts(planted(), "setting", "plain", "delta")
    by_data = mean_ratios(paired, ["setting", "D"])
    assert by_data.loc[("other", 2e5), "estimate"] == pytest.approx(2e5**0.2)
    assert by_data["pairs"].tolist() == [4] * 4
    mean = mean_differences(paired, "setting")
    assert mean.loc["other", "estimate"] == pytest.approx(paired["difference"].mean())


def test_every_run_of_the_schedules_has_a_name():
    runs = schedule_runs(load_runs())
    assert set(runs["name"]) <= set(SCHEDULES)
    assert set(runs["rate"]) <= {0.5, 1.0}
    assert not runs.duplicated(["name", "rate", "N", "D", "seed"]).any()


def test_a_decay_is_found_by_its_steps():
    runs = schedule_runs(load_runs())
    jumps = decays(with_cost(runs, load_ptq(), 3).query("rate == 1"))
    share = jumps["stable_D"] / jumps["D"]
    assert share.between(0.79, 0.81).all()
    assert not jumps.duplicated("run_id").any()


def rates_in_training(steps: int) -> dict[str, np.ndarray]:
    """Learning rate of each step as a share of the peak, for each of `SCHEDULES`."""
    shape = ModelConfig(d_model=32, n_layers=2, n_heads=2, d_mlp=80)
    found = {}
    for name, settings in SCHEDULES.items():
        count = round((1 - DECAY) * steps) if name == STABLE else steps
        tokens = count * RunConfig(shape).tokens_per_step
        config = RunConfig(shape, tokens=tokens, peak_lr=1.0, **settings)  # type: ignore[arg-type]
        found[name] = np.array([learning_rate(i, config) for i in range(count)])
    return found


def test_the_stopped_run_has_the_rates_of_the_whole_one():
    rates = rates_in_training(200)
    stopped = rates[STABLE]
    assert np.allclose(rates["WSD"][: len(stopped)], stopped)
    assert rates["WSD"][-1] < 0.2 < rates["constant"][-1]


def test_a_planted_factor_is_found_at_equal_data():
    table = planted(gamma=0.4, noise=0.05)
    late = table[table["setting"] == "plain"]
    late = late.assign(
        D=1.25 * late["D"], delta=2 * 1.25**0.4 * late["delta"], setting="late"
    )
    both = pd.concat([table[table["setting"] == "plain"], late])
    found, low, high = factor_at_equal_data(both, "setting", "plain", "late")
    assert low < 2 < high and found == pytest.approx(2, rel=0.1)
    with pytest.raises(UserError, match="'other'"):
        factor_at_equal_data(both, "setting", "plain", "other")


def test_two_runs_give_a_factor_without_an_interval():
    table = pd.DataFrame({"N": 9, "D": [1e6, 2e6], "how": ["a", "b"], "delta": 0.1})
    assert factor_at_equal_data(table, "how", "a", "b")[1:] == (0.0, np.inf)
