"""Planted slopes of the share come back, and so does their absence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precision_lib.findings.effective_share import share_slopes


def planted(on_size: float, on_data: float, noise: float, seed: int) -> pd.DataFrame:
    """Shares with these slopes on four sizes, three data sizes and three widths."""
    rng = np.random.default_rng(seed)
    rows = [
        (n, d, b)
        for n in (2e4, 5e4, 1e5, 2e5)
        for d in (4e5, 8e5, 1.6e6)
        for b in (2, 3, 4)
        for _ in range(2)
    ]
    table = pd.DataFrame(rows, columns=["N", "D", "weight_bits"])
    log = on_size * np.log(table["N"]) + on_data * np.log(table["D"])
    log += 0.3 * table["weight_bits"] + noise * rng.normal(size=len(table))
    return table.assign(fraction=np.exp(log))


def test_planted_slopes_come_back() -> None:
    found = share_slopes(planted(0.2, -0.4, 0.0, 0), "weight_bits", replicates=20)
    assert found["estimate"].to_dict() == pytest.approx({"N": 0.2, "D": -0.4})


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    held = 0
    for seed in range(100):
        table = planted(0.0, -0.4, 0.3, seed)
        row = share_slopes(table, "weight_bits", replicates=200).loc["D"]
        held += bool(row["low"] <= -0.4 <= row["high"])
    assert 85 <= held <= 100


def test_shares_that_no_size_explains_are_left_out() -> None:
    table = planted(0.2, -0.4, 0.0, 0)
    more = pd.concat([table, table.head(2).assign(fraction=[np.inf, 0.0])])
    pd.testing.assert_frame_equal(
        share_slopes(table, "weight_bits", replicates=20),
        share_slopes(more, "weight_bits", replicates=20),
    )
