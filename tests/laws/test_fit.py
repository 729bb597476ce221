"""The fitter: against independent optimizers, with every option, and its warnings."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings, strategies as st
from scipy.optimize import least_squares, linprog, minimize

from precision_lib.errors import UserError
from precision_lib.laws import (
    Fit,
    bootstrap,
    example_table,
    fit,
    get_law,
    planted_params,
    planted_table,
    profile,
)
from precision_lib.laws.solver.objective import Objective, huber

NAMES = ("E", "A", "alpha", "B", "beta")


def chinchilla(at, table):
    """Independent spelling, in logs of A and B."""
    E, a, alpha, b, beta = at
    x, y = np.log(table["N"]), np.log(table["D"])
    return np.log(E + np.exp(a - alpha * x) + np.exp(b - beta * y))


def start(found):
    p = found.params
    return [p["E"], np.log(p["A"]), p["alpha"], np.log(p["B"]), p["beta"]]


def simplex(table, at, delta, loss="huber"):
    """The lowest objective that scipy's simplex search finds near a point."""
    objective = Objective(loss, delta)

    def value(at):
        with np.errstate(invalid="ignore"):
            r = np.log(table["loss"]) - chinchilla(at, table)
        return objective.rho(r).sum() if np.isfinite(r).all() else np.inf

    options = {"maxiter": 4000, "maxfev": 4000, "xatol": 1e-10, "fatol": 1e-14}
    return minimize(value, at, method="Nelder-Mead", options=options).fun


@pytest.mark.parametrize("seed", range(3))
def test_least_squares_against_scipy(seed):
    table = example_table(noise=0.01, seed=seed)
    found = fit(table, "chinchilla", loss="ls")
    theirs = least_squares(
        lambda at: np.log(table["loss"]) - chinchilla(at, table),
        [1.7, 6.0, 0.33, 7.5, 0.36],
        x_scale="jac", xtol=1e-14, ftol=1e-14, gtol=1e-14, max_nfev=5000,
    )  # fmt: skip
    assert found.objective == pytest.approx(theirs.cost, rel=1e-9)


@pytest.mark.parametrize("loss", ["huber", "lad", "ls"])
@pytest.mark.parametrize("seed", range(2))
def test_no_simplex_search_finds_a_lower_point(loss, seed):
    table = example_table(noise=0.01, seed=seed)
    found = fit(table, "chinchilla", loss=loss, delta=2e-3)
    lowest = simplex(table, start(found), 2e-3, loss)
    assert lowest == pytest.approx(found.objective, rel=1e-6)


def test_absolute_deviation_against_linear_programming():
    """With exponents held the law is linear in E, A, B on a linear scale."""
    table = example_table(noise=0.02, seed=3)
    held = {"alpha": 0.35, "beta": 0.37}
    found = fit(table, "chinchilla", loss="lad", scale="linear", fixed=held)
    x = np.stack([np.ones(30), table["N"] ** -0.35, table["D"] ** -0.37], axis=1)
    eye = np.eye(30)
    answer = linprog(
        np.r_[np.zeros(3), np.ones(60)],
        A_eq=np.c_[x, eye, -eye], b_eq=table["loss"],
        bounds=[(0, None)] * 63,
    )  # fmt: skip
    assert found.objective == pytest.approx(answer.fun, rel=1e-6)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_noise_thirty_times_delta_may_have_local_optima_and_says_so(seed):
    found = fit(example_table(3e-2, seed), "chinchilla", starts=20, seed=seed)
    told = any("starts reached the best" in warning for warning in found.warnings)
    assert found.share_at_best >= 0.5 or told


@given(seed=st.integers(0, 10_000), noise=st.sampled_from([1e-4, 3e-3, 1e-2]))
@example(seed=41, noise=1e-2)  # two optima, .01% apart: noise is ten times delta
@settings(max_examples=15, deadline=None)
def test_random_starts_agree_unless_there_is_another_optimum(seed, noise):
    table = example_table(noise, seed)
    found = fit(table, "chinchilla", starts=20, seed=seed)
    other = fit(table, "chinchilla", starts=20, seed=seed + 1)
    assert other.objective == pytest.approx(found.objective, rel=1e-7)
    if found.share_at_best < 0.9:
        assert len(found.rivals) and noise > 3e-3
    for z in found.rivals:
        at = start(replace(found, params=found.problem.params(z)))
        assert simplex(table, at, 1e-3) > found.objective * (1 + 1e-6)


@given(
    size=st.floats(1e-3, 1e6), tokens=st.floats(1e-3, 1e6), unit=st.floats(0.05, 20.0)
)
@settings(max_examples=15, deadline=None)
def test_units_do_not_matter(size, tokens, unit):
    """Another unit of N, D or the loss moves A, B and E and nothing else."""
    table = example_table(0.003, seed=1)
    other = {
        "N": table["N"] * size,
        "D": table["D"] * tokens,
        "loss": table["loss"] * unit,
    }
    one, two = (fit(t, "chinchilla", starts=8) for t in (table, other))
    assert two.objective == pytest.approx(one.objective, rel=1e-6)
    assert two.params["alpha"] == pytest.approx(one.params["alpha"], rel=1e-4)
    assert two.params["E"] == pytest.approx(one.params["E"] * unit, rel=1e-4)
    scaled = one.params["A"] * unit * size ** one.params["alpha"]
    assert two.params["A"] == pytest.approx(scaled, rel=3e-3)


@given(order=st.permutations(range(30)))
@settings(max_examples=10, deadline=None)
def test_order_of_rows_does_not_matter(order):
    table = example_table(0.003, seed=1)
    other = {name: values[list(order)] for name, values in table.items()}
    one, two = (fit(t, "chinchilla", starts=8) for t in (table, other))
    assert two.objective == pytest.approx(one.objective, rel=1e-9)


def test_same_seed_gives_the_same_bits():
    one, two = (fit(example_table(), "chinchilla", seed=4) for _ in range(2))
    assert one.params == two.params and one.objective == two.objective


def test_objective_is_a_sum():
    table = example_table()
    r = np.array([0.5e-3, 4e-3, -4e-3])
    assert huber(r, 1e-3).sum() == pytest.approx(0.125e-6 + 2 * (4e-6 - 0.5e-6))
    twice = {name: np.tile(values, 2) for name, values in table.items()}
    one, two = fit(table, "chinchilla"), fit(twice, "chinchilla")
    assert two.objective == pytest.approx(2 * one.objective, rel=1e-9)


def test_weights_count_rows():
    table = example_table()
    counts = np.array([3.0] * 5 + [1.0] * 20 + [0.0] * 5)
    repeated = {k: np.repeat(v, counts.astype(int)) for k, v in table.items()}
    weighed = fit({**table, "w": counts}, "chinchilla", weights="w")
    assert weighed.objective == pytest.approx(
        fit(repeated, "chinchilla").objective, rel=1e-9
    )


def test_fixed_and_tied_parameters():
    table = example_table()
    held = fit(table, "chinchilla", fixed={"E": 1.75, "A": 500.0})
    assert held.params["E"] == 1.75 and held.params["A"] == 500.0
    assert held.fixed == {"E": 1.75, "A": 500.0}
    tied = fit(table, "chinchilla", tied={"beta": "alpha"})
    assert tied.params["beta"] == tied.params["alpha"]
    named = fit(table, "chinchilla-tied")
    assert tied.objective == pytest.approx(named.objective, rel=1e-8)
    free = fit(table, "chinchilla")
    assert free.objective < held.objective and free.objective < tied.objective


def test_freeing_the_offset_is_reported_as_one_number():
    table = planted_table("ptq", 120, noise=0.05)
    found = fit(table, "ptq", fixed={"b": None}, starts=10, floor=1e-3)
    assert {"C_T", "b"} <= set(found.unidentified)
    assert any("C_T apart from b" in sentence for sentence in found.warnings)
    held = fit(table, "ptq", starts=10, floor=1e-3)
    assert found.objective == pytest.approx(held.objective, rel=1e-5)
    assert not held.unidentified


def test_constant_ratio_of_data_to_size_is_not_identified():
    N = np.geomspace(1e7, 1e9, 30)
    table = {"N": N, "D": 20 * N}
    noise = 0.003 * np.random.default_rng(0).standard_normal(30)
    table["loss"] = (1.8 + 480 * N**-0.35 + 2000 * (20 * N) ** -0.37) * np.exp(noise)
    found = fit(table, "chinchilla")
    assert found.unidentified
    assert any("do not determine" in sentence for sentence in found.warnings)


def test_precision_that_never_varies_is_not_identified():
    table = planted_table("effective-weights", 60, noise=0.003)
    table["weight_bits"] = np.full(60, 32.0)
    found = fit(table, "effective-weights", starts=20)
    assert "gamma_weights" in found.unidentified + found.at_bound


def test_a_parameter_at_its_bound_is_named():
    table = example_table(noise=1e-4)
    table["loss"] = table["loss"] - 2.0  # now the asymptote would be below zero
    found = fit(table, "chinchilla")
    assert found.params["E"] == 0.0
    assert found.at_bound == ("E",)
    assert any(s.startswith("E ran to a bound") for s in found.warnings)


def test_an_outlier_moves_a_robust_fit_little():
    table = example_table()
    wild = {**table, "loss": table["loss"].copy()}
    wild["loss"][7] *= 3
    robust = [fit(t, "chinchilla").params["alpha"] for t in (table, wild)]
    square = [fit(t, "chinchilla", loss="ls").params["alpha"] for t in (table, wild)]
    assert abs(np.diff(robust)) < 0.1 * abs(np.diff(square))


def test_degradation_may_be_zero_or_negative():
    table = planted_table("ptq", 300, noise=0.1, floor=0.01, seed=2)
    assert (table["delta"] < 0).any()
    found = fit(table, "ptq")
    assert found.settings.scale == "asinh"
    for name, value in {"gamma_D": 0.5068, "gamma_post": 0.5907}.items():
        assert found.params[name] == pytest.approx(value, rel=0.3)


def test_dropping_noise_below_zero_would_bias_the_fit():
    """Why the default scale is not the logarithm of the positive rows."""
    errors = []
    for seed in range(6):
        table = planted_table("ptq", 300, noise=0.1, floor=0.02, seed=seed)
        kept = table["delta"] > 0
        positive = {name: values[kept] for name, values in table.items()}
        pair = (
            fit(table, "ptq", starts=8),
            fit(positive, "ptq", scale="log", starts=8),
        )
        errors.append([abs(f.params["gamma_post"] - 0.5907) for f in pair])
    ours, theirs = np.mean(errors, axis=0)
    assert ours < 0.5 * theirs


def test_floor_follows_the_noise():
    floors = [
        fit(planted_table("ptq", 400, 0.1, floor, seed=1), "ptq").settings.floor
        for floor in (0.0, 0.003, 0.03)
    ]
    assert floors[0] < floors[1] < floors[2]


def test_large_table_agrees_with_the_whole():
    table = planted_table("chinchilla", 12_000, noise=0.003)
    found = fit(table, "chinchilla", starts=10)
    whole = fit({k: v[:4000] for k, v in table.items()}, "chinchilla", starts=10)
    assert found.n == 12_000
    assert found.params["alpha"] == pytest.approx(whole.params["alpha"], rel=0.1)
    residual = np.log(table["loss"]) - np.log(found.predict(table))
    assert found.objective == pytest.approx(huber(residual, 1e-3).sum(), rel=1e-9)


def test_rows_in_blocks_give_the_same_fit(monkeypatch):
    from precision_lib.laws.solver import problem

    table = planted_table("format-multiplier", 90, noise=0.003)
    whole = fit(table, "format-multiplier", starts=5)
    monkeypatch.setattr(problem, "ROWS_AT_ONCE", 40)
    blocks = fit(table, "format-multiplier", starts=5)
    assert blocks.params == whole.params and blocks.objective == whole.objective


@pytest.mark.parametrize("law", ["chinchilla", "effective-weights", "ptq", "unified"])
@pytest.mark.parametrize("written", [None, "%.6g", "%.8g", "%.10g", "%.13g"])
def test_a_table_that_lies_on_the_law_is_fitted_to_its_last_digit(
    law: str, written: str | None
) -> None:
    """What a file rounds off is all that is left, and no cause for alarm."""
    text = pd.DataFrame(planted_table(law, 80)).to_csv(float_format=written)
    found = fit(pd.read_csv(io.StringIO(text)), law, starts=6)
    assert found.converged and not found.doubts
    truth = planted_params(get_law(law))
    for name in set(found.params) - {"C_T", "b"}:
        assert found.params[name] == pytest.approx(truth[name], rel=0.01), name


@pytest.mark.parametrize("above", [0.1, 0.5, 3.0])
def test_an_asymmetric_loss_against_scipy(above: float) -> None:
    table = example_table(noise=0.01)
    found = fit(table, "chinchilla", loss="ls", above=above, starts=8)

    def objective(at: np.ndarray) -> float:
        left = np.log(table["loss"]) - chinchilla(at, table)
        return float(0.5 * (np.where(left > 0, above, 1.0) * left**2).sum())

    theirs = minimize(objective, start(found), method="Nelder-Mead",
                      options={"xatol": 1e-11, "fatol": 1e-16, "maxiter": 20_000,
                               "maxfev": 20_000})  # fmt: skip
    assert found.converged
    assert found.objective == pytest.approx(objective(np.array(start(found))), rel=1e-9)
    assert found.objective <= theirs.fun * (1 + 1e-9)
    assert Fit.from_json(found.to_json()).settings.above == above


@pytest.mark.parametrize(("kind", "above"), [("ls", 0.05), ("huber", 0.25)])
def test_undertuned_runs_pull_less_on_an_asymmetric_loss(kind, above) -> None:
    """Two runs of three are too high by up to 10%, and none is too low."""
    table = pd.DataFrame(planted_table("chinchilla", 150, noise=0.001))
    draw = np.random.default_rng(0)
    late = draw.random(150) < 0.66
    table["loss"] *= 1 + late * draw.uniform(0, 0.1, 150)
    truth = planted_params(get_law("chinchilla"))
    clean = get_law("chinchilla").predict(N=table["N"], D=table["D"], **truth)
    even, tilted = (
        fit(table, "chinchilla", loss=kind, above=each, starts=8)
        for each in (1.0, above)
    )
    off = [np.abs(one.predict(table) / clean - 1).mean() for one in (even, tilted)]
    assert off[1] < 0.3 * off[0]
    below = (table["loss"] < tilted.predict(table)).mean()
    if kind == "huber":  # nearly absolute deviations: a quantile
        assert below == pytest.approx(above / (1 + above), abs=0.05)


def test_a_loss_is_asymmetric_in_a_bootstrap_too_and_has_no_profile() -> None:
    found = fit(example_table(0.01), "chinchilla", above=0.2, starts=6)
    draws = bootstrap(found, "pairs", 40)
    even = bootstrap(fit(example_table(0.01), "chinchilla", starts=6), "pairs", 40)
    low, high = (
        np.median(
            each.fit.with_bootstrap(each).predict_replicates({"N": [1e8], "D": [1e10]})
        )
        for each in (draws, even)
    )
    assert low < high
    with pytest.raises(UserError, match="no profile of a loss that is not symmetric"):
        profile(found, "E")
    with pytest.raises(UserError, match="above is 0; give a positive number"):
        fit(example_table(), "chinchilla", above=0)
