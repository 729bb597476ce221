"""The profile of one parameter, against what theory and refits say."""

import numpy as np
import pytest
from scipy.stats import t

from precision_lib.errors import UserError
from precision_lib.laws import (
    Fit,
    bounded,
    example_fit,
    example_table,
    fit,
    planted_table,
    profile,
)


def test_profile_is_the_refit_with_the_parameter_held():
    found = example_fit()
    walked = profile(found, "alpha")
    for value, objective in list(zip(walked.values, walked.objective, strict=True))[
        ::4
    ]:
        again = fit(example_table(), "chinchilla", fixed={"alpha": value}, starts=10)
        assert objective == pytest.approx(again.objective, rel=1e-6)


def test_objective_is_lowest_at_the_optimum():
    found = example_fit()
    for name in found.params:
        walked = profile(found, name)
        assert walked.objective.min() == found.objective
        assert walked.values[walked.objective.argmin()] == found.params[name]
        assert (np.diff(walked.values) > 0).all()


def test_interval_of_a_linear_problem_is_student_s():
    table = example_table(noise=0.01)
    held = {"alpha": 0.35, "beta": 0.37}
    found = fit(table, "chinchilla", loss="ls", scale="linear", fixed=held)
    x = np.stack([np.ones(30), table["N"] ** -0.35, table["D"] ** -0.37], axis=1)
    best, left, *_ = np.linalg.lstsq(x, table["loss"], rcond=None)
    error = np.sqrt(left[0] / 27 * np.linalg.inv(x.T @ x)[0, 0])
    half = t.ppf(0.975, 27) * error
    low, high = profile(found, "E").interval
    assert low == pytest.approx(best[0] - half, rel=1e-3)
    assert high == pytest.approx(best[0] + half, rel=1e-3)


def test_open_interval_where_the_data_do_not_bound():
    N = np.geomspace(1e7, 1e9, 30)
    noise = 0.003 * np.random.default_rng(0).standard_normal(30)
    loss = (1.8 + 480 * N**-0.35 + 2000 * (20 * N) ** -0.37) * np.exp(noise)
    found = fit({"N": N, "D": 20 * N, "loss": loss}, "chinchilla")
    assert not profile(found, "A").bounded


def test_profile_options():
    found = example_fit()
    with pytest.raises(UserError, match="not a fitted parameter"):
        profile(found, "gamma")
    with pytest.raises(UserError, match="level is 2"):
        profile(found, "E", level=2)
    with pytest.raises(UserError, match="fit again"):
        profile(Fit.from_json(found.to_json()), "E")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("law", "rows", "noise"),
    [("effective-weights", 30, 0.01), ("chinchilla", 14, 0.03), ("ptq", 20, 0.05)],
)
def test_leaps_find_the_sides_that_a_walk_finds_closed(law, rows, noise):
    """Of 14 runs alpha is open above; a long leap ends in another optimum there."""
    found = fit(planted_table(law, rows, noise, 5e-4, seed=0), law, starts=12)
    for name in set(found.params) - {*found.fixed, *found.at_bound}:
        assert bounded(found, name) == profile(found, name).closed, name
