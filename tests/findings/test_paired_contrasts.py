"""Paired differences and their means."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from precision_lib.errors import UserError
from precision_lib.findings.paired_contrasts import (
    contrasts,
    mean_differences,
    mean_interval,
    mean_ratios,
)


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
