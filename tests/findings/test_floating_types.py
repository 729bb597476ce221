"""Types are read, and costs that follow the error of a type are found again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precision_lib.findings.floating_types import STEPS, costs_by_type, savings
from precision_lib.findings.format_error import with_gmse
from precision_lib.findings.measured import Measured
from precision_lib.findings.part_costs import USUAL
from precision_lib.formats import Float, bits_of, parse_format
from precision_lib.paths import DATA
from precision_lib.sweep.plans import read_plan

TYPES = ("float32", "int2", "int3", "int4", "int6", "e2m0", "e2m1", "e4m1", "nvfp4")


def test_every_floating_type_of_the_plan_stands_in_a_comparison() -> None:
    plan = read_plan(DATA / "plans" / "formats.yaml")
    planned = {config.precision.weights for config in plan.configs()}
    compared = {name for pairs in STEPS.values() for pair in pairs for name in pair}
    assert compared == {name for name in planned if name.startswith("e")}


def type_bits(name: str) -> tuple[int, int]:
    """Bits of exponent and mantissa; those of the unquantized runs are of float32."""
    found = parse_format(name)
    return (found.exponent, found.mantissa) if isinstance(found, Float) else (8, 23)


def test_a_step_changes_one_kind_of_bit_and_a_move_keeps_the_width() -> None:
    exponent, mantissa, moved = STEPS.values()
    for first, second in exponent:
        (e, m), (more, same) = type_bits(first), type_bits(second)
        assert more == e + 1 and same == m
    for first, second in mantissa:
        (e, m), (same, more) = type_bits(first), type_bits(second)
        assert more > m and same == e
    for first, second in moved:
        assert sum(type_bits(first)) == sum(type_bits(second))


def planted() -> Measured:
    """Two seeds of each type; a type costs the root of its error, and some noise."""
    rng = np.random.default_rng(0)
    names = [name for name in TYPES for _ in range(2)]
    runs = pd.DataFrame(USUAL, index=range(len(names))).assign(
        weight_format=names, weight_bits=[bits_of(name) for name in names],
        activation_bits=32, kv_bits=32, seed=[0, 1] * len(TYPES), N=23_936,
        D=7_000_064, d_model=32, status="finished", sweep="formats",
        run_id=[f"{place}" for place in range(len(names))],
    )  # fmt: skip
    cost = np.sqrt(with_gmse(runs)["gmse"].fillna(0.01))
    loss = 3 + cost + rng.normal(0, 1e-4, len(runs))
    return Measured(runs.assign(loss=loss), pd.DataFrame())


def test_planted_costs_are_found() -> None:
    table = costs_by_type(planted(), 7e6)
    assert "nvfp4" not in table.index, "its blocks have scales of their own"
    assert table["cost"].to_numpy() == pytest.approx(np.sqrt(table["gmse"]), abs=5e-4)
    assert (table["models"] == 2).all()
    whole = table[table["kind"] == "integer"]
    assert whole["by_error"].to_numpy() == pytest.approx(whole["cost"].to_numpy())
    found = savings(planted(), 7e6, [("e2m0", "e2m1")]).loc["e2m0 to e2m1"]
    true = table.loc["e2m0", "cost"] - table.loc["e2m1", "cost"]
    assert found["low"] < true < found["high"] and found["models"] == 2


def test_the_error_of_a_block_format_is_not_zero() -> None:
    """It once was, so that its runs were fitted as unquantized ones."""
    runs = pd.DataFrame({"weight_format": ["nvfp4", "float32"], "d_model": 32})
    assert with_gmse(runs)["gmse"].isna().tolist() == [True, False]
