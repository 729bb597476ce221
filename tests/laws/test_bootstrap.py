"""Resampling does what it says, and intervals hold the truth as often as they say."""

import numpy as np
import pytest
from scipy.stats import binom

from precision_lib.errors import UserError
from precision_lib.laws import (
    bootstrap,
    example_fit,
    example_table,
    fit,
    get_law,
    planted_params,
    planted_table,
)
from precision_lib.laws.intervals import bca, percentile
from precision_lib.laws.resample import draw_counts, fitted, spread_residuals


def test_same_seed_same_draws():
    one, two, other = (bootstrap(example_fit(), "pairs", 30, s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.params["E"], two.params["E"])
    assert not np.array_equal(one.params["E"], other.params["E"])


def test_a_replicate_is_the_fit_of_its_drawn_rows():
    table, found = example_table(), example_fit()
    draws = bootstrap(found, "pairs", 6, seed=3)
    counts = draw_counts(np.arange(30), 6, np.random.default_rng(3)).astype(int)
    for replicate, count in enumerate(counts):
        drawn = {k: np.repeat(v, count) for k, v in table.items()}
        again = fit(drawn, "chinchilla", starts=20)
        assert draws.objective[replicate] == pytest.approx(again.objective, rel=1e-7)


def test_refits_from_the_optimum_reach_the_optimum_of_their_table():
    """No replicate of the optimum's neighbourhood is stuck short of its own."""
    found = fit(planted_table("effective", 150, 0.004), "effective", starts=20)
    draws = bootstrap(found, "pairs", 8, seed=0)
    counts = draw_counts(np.arange(150), 8, np.random.default_rng(0))
    problem = found.problem
    from precision_lib.laws.solver.starts import random_starts

    for replicate in range(8):
        starts = random_starts(problem, 12, seed=replicate)
        _, losses, _ = problem.solve(starts, weight=counts[[replicate]])
        assert draws.objective[replicate] <= losses.min() * (1 + 1e-6)


def test_clusters_are_drawn_whole():
    groups = np.repeat([0, 1, 2], 4)
    counts = draw_counts(groups, 50, np.random.default_rng(0))
    assert counts.shape == (50, 12)
    assert (counts.sum(1) == 12).all()
    assert (counts.reshape(50, 3, 4) == counts.reshape(50, 3, 4)[..., :1]).all()


def test_clusters_widen_intervals_where_rows_share_an_error():
    generator = np.random.default_rng(4)
    table = planted_table("ptq", 160)
    runs = np.repeat(np.arange(40), 4)
    for name in ("N", "D"):
        table[name] = table[name][:40][runs]
    given = {k: table[k] for k in ("N", "D", "post_bits")}
    clean = get_law("ptq").predict(**given, **planted_params(get_law("ptq")))
    table["delta"] = clean * np.exp(0.2 * generator.standard_normal(40)[runs])
    table["delta"] *= np.exp(0.02 * generator.standard_normal(160))
    found = fit(table, "ptq", starts=10, floor=1e-4)

    def width(**options):
        low, high = bootstrap(found, replicates=200, **options).interval("gamma_D")
        return high - low

    assert width(kind="cluster", by=runs) > 1.3 * width(kind="pairs")


def test_few_clusters_are_warned_of():
    draws = bootstrap(example_fit(), "cluster", 20, by=np.arange(30) % 3)
    assert "3 clusters are few" in draws.warnings[0]


def test_left_out_residuals_are_those_of_a_fit_without_the_row():
    table, found = example_table(), example_fit()
    residuals = spread_residuals(*fitted(found))
    expected = []
    for row in range(30):
        rest = {k: np.delete(v, row) for k, v in table.items()}
        one = {k: v[[row]] for k, v in table.items()}
        predicted = fit(rest, "chinchilla", starts=8).predict(one)
        expected.append(float(np.log(one["loss"] / predicted)[0]))
    expected = np.array(expected)
    np.testing.assert_allclose(residuals, expected - np.median(expected), atol=1e-7)


def test_percentile_and_bca_against_scipy():
    from scipy.stats import bootstrap as theirs

    sample = np.random.default_rng(0).exponential(size=40)
    left = (sample.sum() - sample) / 39
    for method in ("percentile", "BCa"):
        answer = theirs((sample,), np.mean, method=method, n_resamples=999)
        draws = answer.bootstrap_distribution
        ours = (
            percentile(draws, 0.95)
            if method == "percentile"
            else bca(draws, float(sample.mean()), left, 0.95)
        )
        assert ours == pytest.approx(tuple(answer.confidence_interval), rel=1e-9)


def test_interval_of_a_new_run_is_wider_than_that_of_the_curve():
    draws = bootstrap(example_fit(), replicates=200)
    table = {"N": [1e7, 1e8], "D": [1e9, 1e10]}
    curve = np.subtract(*draws.predict_interval(table, new_run=False))
    new = np.subtract(*draws.predict_interval(table))
    assert (new < curve).all() and (curve < 0).all()
    low, high = draws.predict_interval(table, new_run=False, method="bca")
    predicted = example_fit().predict(table)
    assert (low < predicted).all() and (predicted < high).all()
    with pytest.raises(UserError, match="percentile only"):
        draws.predict_interval(table, method="bca")


@pytest.mark.slow
def test_nominal_95_percent_intervals_cover_93_to_97():
    """Small version of benchmarks/coverage_laws.py, for the method that achieves it.

    With as few tables as fit in a test the count is binomial: the bounds are the
    99.9% range of a count whose true coverage is anywhere from 93% to 97%.
    """
    tables = 150
    truth = planted_params(get_law("chinchilla"))
    hits = dict.fromkeys(truth, 0)
    clean = planted_table("chinchilla", 60, seed=0)
    for seed in range(tables):
        error = np.random.default_rng(500 + seed).standard_normal(60)
        table = {**clean, "loss": clean["loss"] * np.exp(0.003 * error)}
        draws = bootstrap(fit(table, "chinchilla", starts=4), "residual", 250, seed)
        for name, value in truth.items():
            low, high = draws.interval(name)
            hits[name] += low <= value <= high
    lowest = binom.ppf(0.0005, tables, 0.93)
    highest = binom.ppf(0.9995, tables, 0.97)
    for name, count in hits.items():
        assert lowest <= count <= highest, (name, count / tables)
