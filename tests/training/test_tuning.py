import numpy as np
import pandas as pd
import pytest

from precision_lib.errors import UserError
from precision_lib.model.shapes import RATE_AT_24K, RATE_EXPONENT
from precision_lib.runs.run_table import load_runs
from precision_lib.training.tuning import best_rates, rate_rule


def planted(optimum, rates=(0.35, 0.7, 1.4, 2.8)):
    """Losses that are a parabola in the logarithm of the rate, at three sizes."""
    rows = [
        {
            "N": size,
            "weight_bits": bits,
            "peak_lr": factor * optimum(size),
            "loss": 3 + 0.1 * np.log(factor / shift) ** 2,
        }
        for size in (24_000, 100_000, 400_000)
        for bits, shift in ((32, 0.9), (2, 1.1))
        for factor in rates
    ]
    return pd.DataFrame(rows)


def test_a_planted_rule_is_found():
    best = best_rates(planted(lambda size: 0.02 * (size / 24_000) ** -0.4))
    assert best["bracketed"].all() and len(best) == 6
    scale, exponent = rate_rule(best)
    assert scale == pytest.approx(0.02 * np.sqrt(0.9 * 1.1))
    assert exponent == pytest.approx(-0.4)


def test_an_optimum_at_the_edge_is_said_and_not_used():
    table = planted(lambda size: 0.02, rates=(1.0, 2.0, 4.0))
    best = best_rates(table[table["weight_bits"] == 32])
    assert not best["bracketed"].any()
    with pytest.raises(UserError, match="two sizes or more"):
        rate_rule(best)


def test_no_runs():
    with pytest.raises(UserError, match="no runs"):
        best_rates(pd.DataFrame(columns=["N", "weight_bits", "peak_lr", "loss"]))


def test_the_published_rule_is_the_fitted_one():
    best = best_rates(load_runs().query("sweep == 'tuning'"))
    assert best["bracketed"].all() and len(best) == 12
    scale, exponent = rate_rule(best)
    assert pytest.approx(RATE_AT_24K, rel=0.02) == scale
    assert pytest.approx(RATE_EXPONENT, abs=0.01) == exponent
