"""The optimum is the optimum: against scipy, at bounds and inside, for every law."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import Bounds, minimize

from precision_lib.laws import bootstrap, example_table, fit, list_laws, planted_table
from precision_lib.laws.resample import draw_counts
from precision_lib.laws.solver.prepare import prepare
from precision_lib.laws.solver.starts import random_starts
from tests.laws.oracle import objective_of, scipy_s

pytestmark = pytest.mark.slow

CASES = Path(__file__).parent / "cases"
NAMES = [law.name for law in list_laws()]
NESTED = [
    ("chinchilla-tied", "chinchilla"),
    ("chinchilla", "coupled"),
    ("chinchilla", "effective-weights"),
    ("effective-weights-no-offset", "effective-weights"),
    ("effective-activations-no-offset", "effective-activations"),
    ("effective-kv-no-offset", "effective-kv"),
    ("effective-no-offset", "effective"),
    ("effective-tied-no-offset", "effective-tied"),
    ("effective-weights", "effective"),
    ("effective-activations", "effective"),
    ("effective-kv", "effective"),
    ("effective-tied", "effective"),
    ("effective", "effective-coupled"),
    ("coupled", "effective-coupled"),
    ("effective-weights", "effective-both"),
    ("effective-data", "effective-both"),
    ("effective-both-tied", "effective-both"),
    ("chinchilla", "power-additive"),
    ("chinchilla", "power-multiplicative"),
    ("effective-weights", "bits-multiplier"),
    ("chinchilla", "format-multiplier"),
    ("format-multiplier", "format-multiplier-parts"),
    ("format-multiplier", "quartet"),
    ("coupled", "quartet"),
]


@pytest.fixture(scope="module")
def own():
    """The first unquantized runs of this project: E is at its bound."""
    return pd.read_csv(CASES / "F01_own_unquantized_runs.csv")


@pytest.mark.parametrize("held", [0, 1, 2], ids=["inside", "at a bound", "at two"])
@pytest.mark.parametrize("name", NAMES)
def test_no_search_of_scipy_goes_lower(name, held):
    """With as many bounds in the way of the optimum as are asked for."""
    table = planted_table(name, 60, noise=0.01, seed=3)
    problem = prepare(table, fit(table, name, starts=1).law, floor=1e-3)
    inside = fit(table, name, starts=8, floor=1e-3)
    low, high = (limit.copy() for limit in problem.space.limits())
    pinned = [k for k in range(low.size) if low[k] + 0.1 < inside.z[k]][:held]
    high[pinned] = inside.z[pinned] - 0.05 * (inside.z[pinned] - low[pinned]).clip(0, 2)
    starts = np.clip(random_starts(problem, 6, seed=5), low, high)
    z, losses, solved = solve_within(problem, starts, (low, high))
    best = int(np.argmin(losses))
    assert solved[best]
    assert (z >= low).all() and (z <= high).all()
    assert len(pinned) == held and (z[best] == high)[pinned].any() == bool(held)
    for start in (z[best], starts[0])[: 1 if held else 2]:
        theirs = scipy_s(problem, start, (low, high), simplex=low.size < 6)
        assert losses[best] <= theirs * (1 + 1e-6)


def solve_within(problem, starts, limits):
    from precision_lib.laws.solver.solve import solve

    goal = problem.objective.transform(problem.target)[None, :]
    weight = problem.weight[None, :]
    return solve(problem.model, goal, weight, starts, limits, problem.objective.delta)


def test_trust_region_of_scipy_ends_where_ours_does():
    """At the bound of E: another method of the same family, to its own end."""
    table = example_table(noise=0.01, seed=4)
    table["loss"] = table["loss"] - 2.0
    found = fit(table, "chinchilla")
    limits = Bounds(*found.problem.space.limits(), keep_feasible=True)
    value = objective_of(found.problem)
    start = np.clip(found.z + 0.05, limits.lb, limits.ub)
    theirs = minimize(
        value, start, jac=True, method="trust-constr", bounds=limits,
        options={"maxiter": 1000, "gtol": 1e-9, "xtol": 1e-12},
    )  # fmt: skip
    assert found.at_bound == ("E",)
    assert found.objective == pytest.approx(theirs.fun / 1e3, rel=1e-4)
    assert found.objective <= theirs.fun / 1e3


def test_own_runs_have_one_answer(own):
    """Where the asymptote is at zero: every seed, and every start, ends there."""
    found = [fit(own, "chinchilla", seed=seed) for seed in range(4)]
    limits = found[0].problem.space.limits()
    theirs = scipy_s(found[0].problem, found[0].z + 0.01, limits, simplex=True)
    for one in found:
        assert one.converged and one.share_at_best == 1.0 and one.starts == 50
        assert one.at_bound == ("E",) and one.params["E"] == 0.0
        assert one.objective == pytest.approx(found[0].objective, rel=1e-9)
        assert one.objective <= theirs * (1 + 1e-9)
    without = fit(own, "chinchilla", fixed={"E": 0.0})
    assert found[0].objective == pytest.approx(without.objective, rel=1e-9)


def test_every_replicate_moves_to_the_optimum_of_its_table(own):
    found = fit(own, "chinchilla")
    draws = bootstrap(found, replicates=60, seed=0)
    assert draws.converged.all()
    moved = [values != found.params[name] for name, values in draws.params.items()]
    assert np.any(moved, axis=0).all()
    counts = draw_counts(np.arange(found.n), 60, np.random.default_rng(0))
    limits = found.problem.space.limits()
    for replicate in range(6):
        starts = random_starts(found.problem, 3, seed=replicate)
        for start in (found.z, *starts):
            theirs = scipy_s(found.problem, start, limits, counts[replicate])
            assert draws.objective[replicate] <= theirs * (1 + 1e-6)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    ("case", "objective"),
    [("F01_own_unquantized_runs.csv", 0.0010947582),
     ("F01_made_up_no_floor.csv", 0.000252033)],
)  # fmt: skip
def test_a_floor_at_zero_is_found_from_every_seed(case, objective, seed):
    """Scipy's own search ends there; freeing E once made the fit 3.6% worse."""
    table = pd.read_csv(CASES / case)
    found = fit(table, "chinchilla", seed=seed, starts=50 if "own" in case else 5)
    assert found.objective == pytest.approx(
        objective, rel=2e-7 if "own" in case else 1e-5
    )


@pytest.mark.parametrize(("nested", "law"), NESTED)
def test_a_constant_more_never_makes_a_fit_worse(nested, law):
    table = planted_table("effective", 90, noise=0.01, seed=2)
    for part in ("weight", "activation", "kv"):
        table[f"{part}_format"] = table[f"{part}_bits"].astype(int).astype(str)
    fewer, more = (fit(table, name, starts=20) for name in (nested, law))
    # An offset may lose 1e-6 of the size at the lowest bits and no less.
    assert more.objective <= fewer.objective * (1 + 1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_holding_a_constant_never_makes_a_fit_better(name):
    table = planted_table(name, 60, noise=0.01, seed=3)
    free = fit(table, name, starts=10, floor=1e-3)
    for held in (free.problem.space.free[0], free.problem.space.free[-1]):
        fixed = {held: free.params[held] * 0.9}
        found = fit(table, name, fixed=fixed, starts=4, floor=1e-3)
        assert found.objective >= free.objective * (1 - 1e-7)


def test_a_fit_that_ran_out_of_steps_says_so(monkeypatch):
    """No stall, however long, is taken for an optimum."""
    from precision_lib.laws.solver import solve

    monkeypatch.setattr(solve, "STEPS", 3)
    found = fit(example_table(), "chinchilla", starts=5)
    assert not found.converged
    assert any("did not converge" in sentence for sentence in found.warnings)
    draws = bootstrap(found, replicates=10)
    assert not draws.converged.all()
    told = found.with_bootstrap(draws).warnings
    assert any("refits for the intervals did not converge" in each for each in told)
