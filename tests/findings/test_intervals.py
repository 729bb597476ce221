"""Scores and shares with their intervals, against textbook formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

from precision_lib.findings import intervals
from precision_lib.laws import bootstrap, fit, planted_table


def test_r_squared_is_that_of_a_regression() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    y = 2 * x + rng.normal(size=200)
    line = stats.linregress(x, y)
    estimate, (low, high) = intervals.r_squared(y, line.intercept + line.slope * x)
    assert estimate == pytest.approx(line.rvalue**2)
    assert low < estimate < high


def test_its_interval_is_the_bootstrap_of_scipy() -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(size=80)
    f = y + 0.5 * rng.normal(size=80)

    def r2(y: np.ndarray, f: np.ndarray) -> float:
        return float(1 - ((y - f) ** 2).sum() / ((y - y.mean()) ** 2).sum())

    found = stats.bootstrap(
        (y, f), r2, paired=True, vectorized=False, n_resamples=4000,
        method="percentile", random_state=2,
    ).confidence_interval  # fmt: skip
    _, interval = intervals.r_squared(y, f, replicates=4000)
    assert interval == pytest.approx((found.low, found.high), abs=0.01)


def test_rows_of_a_group_stay_together() -> None:
    rng = np.random.default_rng(3)
    y = rng.normal(size=30)
    f = y + rng.normal(size=30)
    alone = intervals.r_squared(y, f, replicates=500)
    copies = np.tile(np.arange(30), 4)
    grouped = intervals.r_squared(
        np.tile(y, 4), np.tile(f, 4), groups=copies, replicates=500
    )
    assert grouped[0] == pytest.approx(alone[0])
    assert grouped[1] == pytest.approx(alone[1])


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 200), st.floats(0, 1))
def test_the_interval_of_a_share_is_wilsons(trials: int, part: float) -> None:
    successes = round(part * trials)
    estimate, (low, high) = intervals.share(successes, trials)
    z, p, n = stats.norm.ppf(0.975), successes / trials, trials
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert estimate == pytest.approx(p)
    assert (low, high) == pytest.approx((middle - half, middle + half), abs=1e-9)


def test_a_table_of_constants_says_first_that_its_law_is_wrong(capsys) -> None:
    table = planted_table("growing-error", 200, noise=0.002, seed=0)
    law = fit(table, "effective-weights", starts=8)
    intervals.constants(law, bootstrap(law, "residual", 5), {})
    assert capsys.readouterr().out.startswith("The law 'effective-weights' is wrong")
