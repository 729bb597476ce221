"""Contests by width, as served, of both costs, and of what was said before."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precision_lib.findings import further_contests as contests
from precision_lib.findings.leaving_out import CELL, DATA
from precision_lib.findings.rival_contests import LAWS, best_laws, standings, winners
from precision_lib.findings.size_slopes_elsewhere import at_doublings, exponent
from precision_lib.laws import get_law
from tests.findings import planted_runs as plant


def roundings() -> pd.DataFrame:
    """Losses as served that are the paper's base law and degradation, nearly."""
    N, D = (x.ravel() for x in np.meshgrid([1e4, 4e4, 9e4, 3e5, 1e6], plant.DATA))
    loss = 1.5 + 60 * N**-0.5 + 900 * D**-0.5
    delta = 0.02 * (D / 1e6) ** 0.5 * (N / 1e5) ** -0.3
    rows = pd.DataFrame({"N": N.astype(int), "D": D.astype(int), "seed": 0})
    rows = rows.assign(loss=loss, delta=delta, post_loss=loss + delta, post_bits=3)
    rows = rows.assign(method="gptq", role="fit", run_id=rows.index.astype(str))
    return rows.assign(**dict.fromkeys(plant.BITS, 32))


@pytest.mark.slow
def test_the_loss_as_served_is_won_by_the_law_that_made_it() -> None:
    found = contests.served_contests(roundings())
    best = best_laws(found)
    assert set(best[contests.SERVED, DATA]) <= {"paper", "paper, coupled"}
    table = standings(found).set_index(["rule", "law"])
    assert table.loc[(CELL, "paper"), "constants"] == 5 + 4
    assert table.loc[(CELL, "shannon"), "constants"] == 8
    assert table.loc[(CELL, "paper"), "error"] < 0.5


def test_predictions_are_held_against_runs_where_all_have_spoken() -> None:
    rows = pd.DataFrame({"run_id": ["a", "a", "b", "b", "c"], "law": [*"xyxy", "x"]})
    rows = rows.assign(quantity="cost", method="none", post_bits=0, measured=0.2)
    rows = rows.assign(group=rows["run_id"], predicted=[0.2, 0.3, 0.2, 0.1, 9.0])
    one = contests._of_said(rows, ["x", "y"], cost=True)
    assert one is not None
    assert one.errors["x"].tolist() == [0, 0]
    assert one.errors["y"].tolist() == pytest.approx([0.5, 0.5])
    assert contests._of_said(rows[rows["run_id"] == "a"], ["x", "y"], True) is None


def test_every_law_has_a_name_for_readers() -> None:
    spoke = {law for _, laws in contests.SPOKE.values() for law in laws}
    every = {*contests.BY_WIDTH, *contests.AS_SERVED, *spoke}
    assert every <= set(LAWS)
    for law in contests.BY_WIDTH:
        assert get_law(law).target == "loss"
    assert winners({("a", "b"): ["shannon"]}).iloc[0, 0] == "Ouyang 2026 wins"


def test_a_size_slope_that_grows_is_found_where_no_two_sizes_share_a_length() -> None:
    parts, noise = [], np.random.default_rng(0)
    for N in (1e7, 4e7, 16e7, 64e7):
        D = N * 2.0 ** np.arange(1, 11)
        loss = 2.5 + 30 * D**-0.2 + 0.03 * (D / 1e9) ** 0.15 * np.log(1e9 / N)
        loss = loss + 0.002 * noise.standard_normal(len(D))
        parts.append(pd.DataFrame({"N": int(N), "D": D, "loss": loss}))
    runs = at_doublings(pd.concat(parts))
    shared = runs.groupby("tokens")["N"].transform("nunique") > 1
    low, high = exponent(runs[shared]).interval(0.999)
    assert 0.05 < low <= 0.15 <= high < 0.25
