"""Comparison on held-out runs."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from precision_lib.errors import UserError
from precision_lib.laws import (
    compare,
    example_table,
    fit,
    growing_out,
    largest_out,
    planted_table,
)
from precision_lib.laws.likelihood import log_likelihood, residual_likelihood
from precision_lib.laws.solver.objective import Objective


@pytest.mark.parametrize(
    "truth", ["effective-weights", "power-additive", "effective-data"]
)
def test_the_law_that_made_the_runs_wins(truth):
    table = planted_table(truth, 150, noise=0.004, seed=2)
    laws = ["power-additive", "effective-weights", "effective-data"]
    found = compare(table, laws, folds=5, starts=12)
    assert found.scores[0].law == truth
    assert min(found.scores, key=lambda s: s.aic).law == truth
    assert min(found.scores, key=lambda s: s.bic).law == truth


def test_held_out_rows_are_predicted_by_fits_without_them():
    table = example_table()
    rule = np.asarray(table["N"]) > 3e8
    found = compare(table, ["chinchilla"], rule)
    rest = {k: v[~rule] for k, v in table.items()}
    out = {k: v[rule] for k, v in table.items()}
    predicted = fit(rest, "chinchilla").predict(out)
    np.testing.assert_allclose(found.predictions["chinchilla"][rule], predicted)
    assert np.isnan(found.predictions["chinchilla"][~rule]).all()
    left = ((out["loss"] - predicted) ** 2).sum()
    total = ((out["loss"] - out["loss"].mean()) ** 2).sum()
    score = found.scores[0]
    assert score.held_out_r2 == pytest.approx(1 - left / total)
    error = np.abs(out["loss"] - predicted).mean() / out["loss"].mean()
    assert score.held_out_error == pytest.approx(error)
    assert score.n == 30 and score.n_held_out == rule.sum()


def test_rule_as_a_function_of_the_table():
    table = pd.DataFrame(example_table())
    one = compare(table, ["chinchilla"], lambda t: (t["N"] > 3e8).to_numpy())
    two = compare(table, ["chinchilla"], (table["N"] > 3e8).to_numpy())
    assert one.scores == two.scores


def test_folds_hold_every_row_out_once_and_keep_groups():
    from precision_lib.laws.compare import _folds

    by = np.repeat(["a", "b", "c", "d", "e"], 6)
    parts = _folds(30, 3, by, seed=0)
    assert (np.sum(parts, axis=0) == 1).all()
    for part in parts:
        for name in set(by):
            assert len(set(part[by == name])) == 1


def test_leave_largest_out():
    table = example_table()
    found = largest_out(table, ["chinchilla", "chinchilla-tied"], "D")
    assert "largest D" in found.held_out
    rows = ~np.isnan(found.predictions["chinchilla"])
    assert set(table["D"][rows]) == {table["D"].max()}


def test_rows_where_a_law_is_undefined_are_counted():
    table = planted_table("effective-weights", 120, noise=0.002)
    table["weight_bits"][:5] = 0.2
    rule = np.arange(120) < 5
    found = compare(table, ["power-additive", "effective-weights"], rule, starts=10)
    undefined = {s.law: s.undefined for s in found.scores}
    assert undefined == {"power-additive": 0, "effective-weights": 5}
    assert found.scores[-1].law == "effective-weights"
    assert np.isnan(found.scores[-1].held_out_r2)


def test_degradation_laws_share_one_scale():
    table = planted_table("ptq", 150, 0.1, 0.003)
    found = compare(table, ["ptq", "ouyang"], folds=3, starts=8)
    assert len({f.settings.floor for f in found.fits.values()}) == 1


@pytest.mark.parametrize("objective", [Objective("ls"), Objective("huber", 1e3)])
def test_likelihood_of_squares_is_normal(objective):
    r = np.random.default_rng(0).standard_normal(50)
    expected = norm.logpdf(r, scale=np.sqrt((r**2).mean())).sum()
    found = residual_likelihood(r, np.ones(50), objective)
    assert found == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("objective", [Objective("lad"), Objective("huber", 1e-7)])
def test_likelihood_of_absolute_values_is_laplace(objective):
    r = np.random.default_rng(0).standard_normal(50)
    scale = np.abs(r).mean()
    expected = -50 * (np.log(2 * scale) + 1)
    found = residual_likelihood(r, np.ones(50), objective)
    assert found == pytest.approx(expected, rel=1e-5)


def test_likelihood_is_in_the_unit_of_the_target():
    """Nearly constant losses: log and linear residuals must score alike."""
    table = example_table(noise=1e-4)
    table["loss"] = 2 + 1e-3 * table["loss"]
    values = [
        log_likelihood(f.problem, f.z)
        for scale in ("log", "linear")
        for f in [fit(table, "chinchilla", loss="ls", scale=scale)]
    ]
    assert values[0] == pytest.approx(values[1], abs=0.1)


def test_a_doubtful_fit_is_said_beside_its_scores(monkeypatch):
    """Of the whole table or of a fold alike."""
    sound = compare(example_table(), ["chinchilla"], folds=3)
    assert sound.scores[0].converged and sound.scores[0].lowest_share > 0.9
    assert sound.doubts == ()
    monkeypatch.setattr("precision_lib.laws.solver.solve.STEPS", 3)
    rash = compare(example_table(), ["chinchilla"], folds=3)
    assert not rash.scores[0].converged
    assert any("chinchilla: The fit did not converge" in each for each in rash.doubts)


def test_hold_outs_that_grow_fit_only_what_is_below() -> None:
    table = pd.DataFrame(planted_table("chinchilla", 80, noise=0.002))
    found = growing_out(table, ["chinchilla", "chinchilla-tied"], "D", starts=4)
    sizes = np.unique(table["D"])
    one = found.predictions["chinchilla"]
    for size in sizes:
        row = (table["D"] == size).to_numpy()
        below = table[table["D"] < size]
        if np.isnan(one[row]).all():  # the first, from which nothing can be fitted
            assert below["D"].nunique() < 2
            continue
        alone = fit(below, "chinchilla", starts=4).predict(table[row])
        assert one[row] == pytest.approx(alone, rel=1e-6)
    assert found.held_out == "each of the 3 largest D from the rows below it"
    assert found.scores[0].n_held_out == np.isfinite(one).sum()
    with pytest.raises(UserError, match="no D can be predicted from the rows below"):
        growing_out(table[table["D"] <= sizes[1]], ["chinchilla"], "D")
    with pytest.raises(UserError, match="no column 'M' along which runs could grow"):
        growing_out(table, ["chinchilla"], "M")
