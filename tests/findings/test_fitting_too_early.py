"""Constants that move with the shortest run, on tables whose law is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precision_lib.errors import UserError
from precision_lib.figures.fitting_too_early import constants_by_least
from precision_lib.findings.fitting_too_early import (
    drift,
    gain_of_tuning,
    longest_beside_all,
)
from precision_lib.laws import get_law, planted_params

SIZES = (3e7, 6e7, 1.2e8, 2.4e8)
TOKENS = (5e8, 1e9, 2e9, 4e9, 8e9, 1.6e10)
NAMES = ["E", "alpha", "beta"]


def world(handicap: float, noise: float = 0.002) -> pd.DataFrame:
    """Runs of a planted law; the shortest end higher by a share that fades."""
    rng = np.random.default_rng(1)
    cells = [(N, D, s) for N in SIZES for D in TOKENS for s in range(3)]
    table = pd.DataFrame(cells, columns=["N", "D", "seed"])
    law = get_law("chinchilla")
    clean = law.predict(table["N"], table["D"], **planted_params(law))
    late = 1 + handicap * (TOKENS[0] / table["D"]) ** 2
    return table.assign(loss=clean * late * np.exp(noise * rng.normal(size=len(table))))


def test_a_law_that_holds_stays_where_it_is() -> None:
    found = drift(world(0.0), "chinchilla", NAMES, replicates=100)
    assert found["least"].unique().tolist() == [int(d) for d in TOKENS[:4]]
    assert found.groupby("least")["rows"].first().tolist() == [72, 60, 48, 36]
    beside = longest_beside_all(found)
    assert beside["apart"].tolist() == [0, 0, 0]
    assert beside["ranges"].tolist() == [3, 3, 3]
    planted = planted_params(get_law("chinchilla"))
    assert (beside["low"] <= [planted[name] for name in beside.index]).all()
    assert (beside["high"] >= [planted[name] for name in beside.index]).all()


def test_a_handicap_of_short_runs_moves_the_exponent_of_data_out_of_its_interval() -> (
    None
):
    found = drift(world(0.3), "chinchilla", NAMES, replicates=100)
    beta = longest_beside_all(found).loc["beta"]
    assert beta["apart"] >= 2
    true = planted_params(get_law("chinchilla"))["beta"]
    assert abs(beta["longest"] - true) < abs(beta["all"] - true) / 3


def test_too_few_lengths_are_refused() -> None:
    with pytest.raises(UserError, match="2 different D; law 'chinchilla' wants 3"):
        drift(world(0.0).query("D < 2e9"), "chinchilla", NAMES)


def test_the_gain_of_tuning_is_what_was_planted_where_both_tables_reach() -> None:
    first = pd.DataFrame({"N": [9, 9], "D": [1.0, 100.0], "loss": [4.0, 3.0]})
    second = pd.DataFrame({"N": [9, 9, 9, 8], "D": [1.0, 10.0, 200.0, 1.0]})
    gain = gain_of_tuning(first, second.assign(loss=[3.9, 3.3, 2.0, 1.0]))
    assert gain[9].round(12).to_dict() == {1.0: 0.1, 10.0: 0.2}
    assert list(gain.columns) == [9]


def test_the_figure_has_the_first_interval_as_band_and_every_estimate_as_point() -> (
    None
):
    one = pd.DataFrame({"least": [1e6, 2e6], "constant": "beta"})
    one = one.assign(estimate=[0.5, 0.9], low=[0.4, 0.6], high=[0.7, 1.2])
    two = one.assign(estimate=[0.6, 0.7])
    figure = constants_by_least({"a": one, "b": two}, {"beta": "exponent"})
    axis = figure.axes[0]
    [band] = axis.patches
    assert (band.get_y(), band.get_y() + band.get_height()) == (0.4, 0.7)
    lines = [list(c.lines[0].get_ydata()) for c in axis.containers]
    assert lines == [[0.5, 0.9], [0.6, 0.7]]
    assert axis.containers[0].lines[0].get_color() != (
        axis.containers[1].lines[0].get_color()
    )
