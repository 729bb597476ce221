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


@pytest.fixture(scope="module")
def points():
    folder = Path(os.environ["PRECISION_LIB_EXTERNAL"])
    table = pd.read_csv(folder / "chinchilla_besiroglu_245.csv")
    return table[table["in_240"] == 1]


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
