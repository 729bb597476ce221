"""Gains of size: flat where size and data add, rising where they are coupled."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precision_lib.errors import UserError
from precision_lib.findings.size_data_coupling import size_gains
from precision_lib.laws import get_law, planted_params

SIZES, TOKENS = (3e7, 6e7, 2e8), (1e9, 4e9, 1.6e10)


def world(law: str, noise: float, seeds: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    cells = [(N, D, s) for N in SIZES for D in TOKENS for s in range(seeds)]
    table = pd.DataFrame(cells, columns=["N", "D", "seed"])
    known = get_law(law)
    clean = known.predict(table["N"], table["D"], **planted_params(known))
    return table.assign(loss=clean * np.exp(noise * rng.standard_normal(len(table))))


def test_gains_are_flat_where_size_and_data_add() -> None:
    gains = size_gains(world("chinchilla", 1e-9))
    spread = gains.groupby("N")["gain"].agg(np.ptp)
    assert (spread < 1e-6).all()
    assert sorted(gains["N"].unique()) == [6e7, 2e8]


def test_gains_rise_where_they_are_coupled() -> None:
    gains = size_gains(world("coupled", 1e-9)).sort_values(["N", "D"])
    assert (gains.groupby("N")["gain"].diff().dropna() > 0.01).all()


def test_the_error_is_that_of_a_difference_of_means() -> None:
    runs = world("chinchilla", 0.01, seeds=400)
    gains = size_gains(runs)
    expected = 0.01 * runs["loss"].mean() * np.sqrt(2 / 400)
    assert gains["error"].mean() == pytest.approx(expected, rel=0.1)


def test_one_seed_says_nothing_of_noise() -> None:
    with pytest.raises(UserError, match="two seeds"):
        size_gains(world("chinchilla", 0.01, seeds=1))
