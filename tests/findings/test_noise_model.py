"""The noise model against analysis of variance and ordinary least squares."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

from precision_lib.errors import UserError
from precision_lib.findings.noise_model import fit_mean


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 9), st.integers(2, 5))
def test_a_balanced_table_gives_the_estimates_of_analysis_of_variance(
    seed: int, groups: int, each: int
) -> None:
    """Restricted likelihood is exact there, and the mean has groups - 1 degrees."""
    draw = np.random.default_rng(seed)
    y = 3 + 2 * draw.normal(size=(groups, 1)) + draw.normal(size=(groups, each))
    labels = pd.Series(np.repeat(np.arange(groups), each))
    found = fit_mean(
        y.ravel(), lambda p: np.full(y.size, p[0]), [0.0], {"group": labels}
    )
    within = y.var(axis=1, ddof=1).mean()
    between = y.mean(axis=1).var(ddof=1)
    estimate = found.estimate(lambda p: float(p[0]), groups)
    assert estimate.value == pytest.approx(y.mean(), abs=1e-6)
    if between > 1.3 * within / each:  # inside, not at a variance of zero
        assert found.spread["run"] ** 2 == pytest.approx(within, rel=2e-3)
        assert estimate.error**2 == pytest.approx(between / groups, rel=2e-3)
        assert estimate.freedom == pytest.approx(groups - 1, rel=0.02)


def test_without_shared_noise_it_is_least_squares() -> None:
    draw = np.random.default_rng(5)
    x = draw.normal(size=30)
    y = 1 + 0.5 * x + draw.normal(size=30)
    found = fit_mean(y, lambda p: p[0] + p[1] * x, [0.0, 0.0], {})
    slope = found.estimate(lambda p: float(p[1]), 30)
    known = stats.linregress(x, y)
    assert slope.value == pytest.approx(known.slope, abs=1e-6)
    assert slope.error == pytest.approx(known.stderr, rel=1e-3)
    assert slope.freedom == pytest.approx(28, rel=1e-3)
    reach = stats.t.ppf(0.975, 28) * known.stderr
    assert slope.interval()[1] == pytest.approx(known.slope + reach, rel=1e-3)


def test_a_nonlinear_mean_is_that_of_scipy() -> None:
    from scipy.optimize import curve_fit

    draw, x = np.random.default_rng(2), np.linspace(1, 9, 40)
    y = 2 * x**-0.5 + 0.01 * draw.normal(size=40)
    found = fit_mean(y, lambda p: p[0] * x ** -p[1], [1.0, 1.0], {})
    best, covariance = curve_fit(lambda x, a, b: a * x**-b, x, y, [1.0, 1.0])
    assert found.parameters == pytest.approx(best, rel=1e-4)
    assert found.covariance == pytest.approx(covariance, rel=1e-2)


def test_rough_rows_count_less() -> None:
    draw = np.random.default_rng(3)
    rough = np.arange(200) >= 100
    y = draw.normal(size=200) * np.where(rough, 10.0, 1.0) + np.where(rough, 5.0, 0.0)
    found = fit_mean(y, lambda p: np.full(200, p[0]), [0.0], {}, {"rough": rough})
    assert abs(found.parameters[0]) < 0.5
    assert found.spread["rough"] == pytest.approx(10, rel=0.2)


def test_what_the_rows_do_not_determine_is_said() -> None:
    with pytest.raises(UserError, match="2 measurements cannot determine 2 parameters"):
        fit_mean([1.0, 2.0], lambda p: p[0] + p[1] * np.arange(2), [0.0, 0.0], {})
    for useless in (np.ones(5), np.zeros(5)):
        with pytest.raises(UserError, match="do not determine every parameter"):
            fit_mean(np.arange(5.0), lambda p: p[0] + p[1] * useless, [0.0, 0.0], {})  # noqa: B023
