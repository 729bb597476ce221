"""The published optimum on the 240 Chinchilla points (Besiroglu et al., 2024).

Runs where the environment variable PRECISION_LIB_EXTERNAL names a folder with the
table; see conftest.py.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from precision_lib.laws import bootstrap, fit, profile
from precision_lib.laws.solver.starts import random_starts
from tests.laws.oracle import scipy_s

OBJECTIVE = 1.0182740e-3
CONSTANTS = {
    "E": 1.817236,
    "A": 477.842,
    "B": 2143.864,
    "alpha": 0.347313,
    "beta": 0.367183,
}
LAD = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
INTERVALS = {
    "A": (285, 744),
    "B": (1042, 5810),
    "E": (1.769, 1.871),
    "alpha": (0.317, 0.373),
    "beta": (0.331, 0.415),
}


def read(name, **columns):
    folder = Path(os.environ["PRECISION_LIB_EXTERNAL"])
    return pd.read_csv(folder / name).rename(columns=columns)


def chinchilla_points():
    table = read("chinchilla_besiroglu_245.csv")
    return table[table["in_240"] == 1]


def quest():
    return read(
        "quest_qat_104.csv",
        N_nonemb="N", w_bits="weight_bits", a_bits="activation_bits",
    )  # fmt: skip


def quartet():
    table = read("quartet_174.csv", N_nonemb="N", forward="weight_format")
    return table.replace({"weight_format": {"BF16": "none"}})


def quartet_two():
    table = read("quartet2_574.csv", final_loss="loss", group="weight_format")
    return table.replace({"weight_format": {"baseline": "none"}})


def repeated():
    return read("datablations_fit182_runs.csv", D_total="D")


PLAIN = ("chinchilla", "chinchilla-tied", "coupled")
FORMATS = ("format-multiplier", "quartet", "coupled")
PUBLISHED = {
    "Chinchilla": (chinchilla_points, PLAIN),
    "repeated data": (repeated, PLAIN),
    "data seen once": (
        lambda: repeated().query("D <= U_unique"), ("chinchilla", "coupled")
    ),
    "QuEST, weights": (
        lambda: quest().query("activation_bits == 16"),
        ("effective-weights", "effective-weights-no-offset", "effective-data",
         "power-additive"),
    ),
    "QuEST, tied": (
        lambda: quest().query("activation_bits == weight_bits"),
        ("bits-multiplier", "chinchilla"),
    ),
    "Quartet": (quartet, (*FORMATS, "chinchilla")),
    "Quartet II": (quartet_two, FORMATS),
}  # fmt: skip
CASES = [(table, law) for table, (_, laws) in PUBLISHED.items() for law in laws]


@pytest.fixture(scope="module")
def points():
    return chinchilla_points()


@pytest.mark.slow
@pytest.mark.parametrize(("table", "law"), CASES)
def test_every_table_has_one_answer_and_scipy_none_better(table, law):
    """The 21 fits of published runs, those of one line of D/N among them."""
    runs = PUBLISHED[table][0]()
    found, other = fit(runs, law), fit(runs, law, starts=8, seed=1)
    assert found.converged and found.share_at_best > 0.5
    assert other.objective == pytest.approx(found.objective, rel=1e-9)
    limits = found.problem.space.limits()
    for start in (found.z, *random_starts(found.problem, 1, seed=7)):
        assert found.objective <= scipy_s(found.problem, start, limits) * (1 + 1e-9)


@pytest.fixture(scope="module")
def found(points):
    return fit(points, "chinchilla", starts=50)


def test_objective_is_the_published_one(found):
    assert found.n == 240
    assert found.objective == pytest.approx(OBJECTIVE, rel=1e-6)
    assert found.objective < OBJECTIVE * (1 + 1e-7)


@pytest.mark.parametrize("name", CONSTANTS)
def test_constants_are_the_published_ones(found, name):
    # The objective is so flat that its seventh digit leaves the fourth of B open.
    assert found.params[name] == pytest.approx(CONSTANTS[name], rel=5e-4)


def test_nearly_every_start_reaches_it(found):
    assert found.share_at_best >= 0.95
    assert not found.warnings and not found.at_bound and not found.unidentified


def test_least_absolute_deviation_gives_the_constants_of_the_abstract(points):
    found = fit(points, "chinchilla", loss="lad")
    for name, value in LAD.items():
        assert found.params[name] == pytest.approx(value, rel=3e-4), name


def test_a_mean_with_loose_tolerance_is_not_what_is_minimized(points, found):
    """The objective is a sum: doubling the table doubles it and moves nothing."""
    twice = fit(pd.concat([points, points]), "chinchilla", starts=10)
    assert twice.objective == pytest.approx(2 * found.objective, rel=1e-7)
    assert twice.params["B"] == pytest.approx(found.params["B"], rel=1e-4)


@pytest.mark.parametrize("name", INTERVALS)
def test_bootstrap_intervals_are_the_published_ones(found, name):
    draws = bootstrap(found, "pairs", 1000, seed=1)
    low, high = draws.interval(name)
    width = INTERVALS[name][1] - INTERVALS[name][0]
    assert low == pytest.approx(INTERVALS[name][0], abs=0.12 * width)
    assert high == pytest.approx(INTERVALS[name][1], abs=0.12 * width)


def test_first_published_fit_is_refused(found):
    """Hoffmann et al. printed alpha .34, beta .28, E 1.69 for these runs."""
    assert profile(found, "beta").interval[0] > 0.28
    assert profile(found, "E").interval[0] > 1.69


def test_every_row_is_used(points, found):
    law = found.law
    predicted = law.predict(
        points["N"].to_numpy(), points["D"].to_numpy(), **found.params
    )
    residuals = np.log(points["loss"].to_numpy()) - np.log(predicted)
    size = np.abs(residuals)
    inner = np.minimum(size, 1e-3)
    by_hand = (inner * (size - inner / 2)).sum()
    assert found.objective == pytest.approx(by_hand, rel=1e-12)
