"""Planted savings of a finer scale are found, in nats and in bits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precision_lib.errors import Undetermined
from precision_lib.findings.granularity import costs_by_scale, saved_by_scale
from precision_lib.findings.measured import Measured
from precision_lib.findings.part_costs import USUAL


def planted() -> Measured:
    """Activations cost exp(-bits); a scale a token is worth a bit, a rotation none."""
    rng = np.random.default_rng(0)
    rows = []
    for bits in (3, 4, 5, 6, 32):
        for how, worth in (
            ({}, 0), ({"activation_granularity": "token"}, 1), ({"rotation": 16}, 0),
        ):  # fmt: skip
            for seed in (0, 1) if bits < 5 or not how else ():
                cost = np.exp(-bits - worth) if bits < 32 else 0.0
                name = "float32" if bits == 32 else f"int{bits}"
                rows.append({
                    **USUAL, **(how if bits < 32 else {}), "activation_format": name,
                    "activation_bits": bits, "seed": seed,
                    "loss": 3 + cost + rng.normal(0, 1e-5),
                })  # fmt: skip
    runs = pd.DataFrame(rows).assign(
        weight_bits=32, kv_bits=32, N=23_936, D=7_000_064, status="finished"
    )
    return Measured(runs, pd.DataFrame())


def test_a_planted_bit_is_found() -> None:
    saved = saved_by_scale(planted(), 7e6, "activations")
    token, turned = (
        saved.loc[name] for name in ("a scale a token", "rotated, a scale a tensor")
    )
    true = np.exp([-3.0, -4.0]) - np.exp([-4.0, -5.0])
    assert token["nats"].to_numpy() == pytest.approx(true, abs=5e-5)
    assert token["worth"].to_numpy() == pytest.approx([1.0, 1.0], abs=0.01)
    assert (token["worth_low"] < 1.0 + 1e-3).all() and (token["models"] == 2).all()
    assert turned["nats"].abs().max() < 5e-5
    costs = costs_by_scale(planted(), 7e6, "activations").set_index(["setting", "bits"])
    assert costs.loc[("a scale a tensor", 3), "cost"] == pytest.approx(
        np.exp(-3), abs=5e-5
    )


def test_a_cost_beyond_the_coarse_ones_is_worth_nothing_known() -> None:
    runs = planted().runs
    few = runs[(runs["activation_bits"] != 6) & (runs["activation_bits"] != 5)]
    saved = saved_by_scale(Measured(few, pd.DataFrame()), 7e6, "activations")
    assert np.isnan(saved.loc[("a scale a token", 4), "worth"])


def test_a_part_that_lacks_a_setting_is_said() -> None:
    with pytest.raises(Undetermined, match="no size has weights under each"):
        costs_by_scale(planted(), 7e6, "weights")
