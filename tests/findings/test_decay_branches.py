"""Costs of rounding at a constant rate and after a decay: planted ones come back."""

import numpy as np
import pandas as pd
import pytest

from precision_lib.errors import UserError
from precision_lib.findings.decay_branches import (
    BRANCH,
    KINDS,
    TRUNK,
    USUAL,
    decay_runs,
    growth,
    raised_by_decay,
)
from precision_lib.findings.measured import Measured, load_measured

TOKENS = [1.75e6, 3.5e6, 7e6, 1.4e7, 2.8e7]
LATE_POWERS = {TRUNK: 0.05, BRANCH: 0.3, USUAL: 0.5}


def planted(noise: float = 0.0) -> pd.DataFrame:
    """Costs that grow as D to the .6 up to 7M and by kind after it, from one value."""
    generator = np.random.default_rng(0)
    rows = []
    for kind, late in LATE_POWERS.items():
        for N, seed in ((2.4e4, 0), (2.4e4, 1), (9.8e4, 0), (9.8e4, 1)):
            for D in TOKENS:
                power = 0.6 if D <= 7e6 else late
                level = {TRUNK: 0.2, BRANCH: 0.3, USUAL: 0.25}[kind] * (
                    N / 2.4e4
                ) ** -0.4
                cost = level * (D / 7e6) ** power
                cost *= np.exp(noise * generator.standard_normal())
                rows.append((N, seed, D, int(D), kind, cost))
    return pd.DataFrame(rows, columns=["N", "seed", "D", "tokens", "kind", "delta"])


def test_planted_powers_come_back_early_and_late() -> None:
    late, early = growth(planted()), growth(planted(), late=False)
    assert late["gamma_D"].to_dict() == pytest.approx(LATE_POWERS)
    assert early["gamma_D"].tolist() == pytest.approx([0.6] * 3)
    assert late.index.tolist() == list(KINDS)


def test_intervals_are_over_models() -> None:
    noisy = growth(planted(noise=0.05))
    assert (noisy["models"] == 4).all()
    assert (noisy["low"] < noisy["gamma_D"]).all()
    one = planted(0.05).query("N < 3e4 and seed == 0")
    assert growth(one)[["low", "high"]].isna().all(axis=None)


def test_the_decay_multiplies_what_was_planted() -> None:
    ratio = raised_by_decay(planted())
    assert ratio.loc[[1_750_000, 7_000_000], "ratio"].tolist() == pytest.approx(
        [1.5] * 2
    )
    assert ratio.loc[28_000_000, "ratio"] == pytest.approx(1.5 * 4 ** (0.3 - 0.05))


def test_branches_are_told_from_the_trunk_by_their_schedule() -> None:
    measured = load_measured(["base", "decay"])
    table = decay_runs(measured)
    schedule = measured.runs.query("sweep == 'decay'").groupby("schedule").size()
    counts = table["kind"].value_counts()
    assert counts[BRANCH] == schedule["linear"]
    assert counts[TRUNK] == schedule["constant"]
    assert set(table["N"]) == set(measured.runs.query("sweep == 'decay'")["N"])


def test_a_table_without_the_plan_says_so() -> None:
    base = load_measured(["base"])
    with pytest.raises(UserError, match="no rounded run of the plan 'decay'"):
        decay_runs(Measured(base.runs, base.ptq))
