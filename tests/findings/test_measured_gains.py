"""Gains and best bits of made-up runs whose shares are known."""

import numpy as np
import pandas as pd
import pytest

from precision_lib.findings.measured import Measured
from precision_lib.findings.measured_gains import best_by_length, gains
from precision_lib.findings.part_costs import FORMATS, USUAL

SIZES, POWER, SLOPE = (12e3, 24e3, 56e3, 98e3), 0.2, 0.25
D = 7e6


def runs(widths: tuple[int, ...]) -> Measured:
    """Losses with a power of N, of a known slope at 24k; costs that fall by e a bit."""
    generator, rows = np.random.default_rng(0), []
    for seed in (0, 1):
        for size in SIZES:
            for bits in (32, *widths) if size == 24e3 else (32,):
                cost = np.exp(3 - bits) if bits < 32 else 0.0
                loss = 2.0 + SLOPE / POWER * (size / 24e3) ** -POWER + cost
                rows.append((int(size), seed, bits, loss + generator.normal(0, 1e-4)))
    table = pd.DataFrame(rows, columns=["N", "seed", "weight_bits", "loss"])
    formats = "int" + table["weight_bits"].astype(str)
    formats = formats.where(table["weight_bits"] < 32, "float32")
    table = table.assign(**USUAL).assign(**dict.fromkeys(FORMATS, formats))
    table["activation_bits"] = table["kv_bits"] = table["weight_bits"]
    return Measured(table.assign(D=D, status="finished"), table)


def test_a_gain_is_the_share_over_the_bits() -> None:
    found = gains(runs((4, 5, 6, 8)), 24e3, D).set_index("bits")
    share = np.exp(-np.exp(3.0 - found.index.to_numpy()) / SLOPE)
    assert np.allclose(found["share"], share, atol=0.02)
    assert np.allclose(found["estimate"], 16 * share / found.index, rtol=0.03)
    assert (found["low"] < found["estimate"]).all()
    assert found["models"].tolist() == [2, 2, 2, 2]


def test_the_best_bits_are_where_share_over_bits_is_largest() -> None:
    bits = np.linspace(4, 10, 60_001)
    true = bits[np.argmax(np.exp(-np.exp(3 - bits) / SLOPE) / bits)]
    found = best_by_length(runs((4, 5, 6, 8)), [24e3, 98e3], [D, 2 * D])
    assert found[["N", "D"]].values.tolist() == [[24_000, D]]
    assert found["estimate"].iloc[0] == pytest.approx(true, abs=0.05)


def test_what_was_not_trained_has_no_gain() -> None:
    table = runs((4,))
    assert gains(table, 24e3, D)["bits"].tolist() == [4]
    assert gains(table, 24e3, 2 * D).empty
    assert gains(table, 12e3, D).empty  # no smaller size beside it
    assert best_by_length(table, [24e3], [D]).empty
