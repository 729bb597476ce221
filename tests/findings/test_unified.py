"""Runs trained in few bits and rounded afterwards, beside their twins."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precision_lib.decide import effective_size, paper_fit, surface
from precision_lib.figures.unified import heat_maps
from precision_lib.findings.unified import (
    beside_unquantized,
    table_of,
    trained_and_rounded,
    unified_rows,
    with_effective_size,
)


def runs() -> pd.DataFrame:
    """An unquantized run and one with 4-bit weights, of one seed."""
    same = {"N": 9000, "D": 5000, "seed": 0, "role": "fit", "status": "finished"}
    bits = {"weight_bits": [32, 4], "activation_bits": 32, "kv_bits": 32}
    return pd.DataFrame({"run_id": ["a", "b"], "loss": [3.0, 3.1], **bits, **same})


def ptq() -> pd.DataFrame:
    """Both rounded to 3 and 4 bits by two methods; 4 bits cost the second nothing."""
    rounded = pd.DataFrame({"post_bits": [3, 4]}).merge(runs(), how="cross")
    delta = np.array([0.2, 0.1, 0.04, 0.0])
    rounded = rounded.assign(delta=delta, post_loss=rounded["loss"] + delta)
    return pd.concat([rounded.assign(method=m) for m in ("rtn", "gptq")])


def test_only_roundings_that_lose_bits_count():
    found = trained_and_rounded(ptq())
    assert found[["run_id", "post_bits"]].to_numpy().tolist() == [
        ["a", 3], ["b", 3], ["a", 4],
    ]  # fmt: skip
    assert len(trained_and_rounded(ptq(), (4, 6))) == 1


def test_rows_of_the_law_are_runs_and_roundings_above_one_twin():
    rows = unified_rows(runs(), trained_and_rounded(ptq()))
    table = table_of(rows, "excess")
    assert table.loc[32, 32] == 0
    assert table.loc[4, 32] == pytest.approx(0.1)
    assert table.loc[4, 3] == pytest.approx(0.2)
    assert table.loc[32, 3] == pytest.approx(0.2)
    assert np.isnan(table.loc[4, 4])


def test_a_rounded_run_stands_beside_its_rounded_twin():
    pairs = beside_unquantized(trained_and_rounded(ptq()))
    assert pairs["ratio"].tolist() == [pytest.approx(0.5)]
    assert pairs["gap"].tolist() == [1]


def test_effective_sizes_are_those_of_the_decisions():
    rows = runs().assign(N=1e8)
    found = with_effective_size(rows, paper_fit())["N"]
    bits = {"weight_bits": 4, "activation_bits": 32, "kv_bits": 32}
    answer = effective_size(surface(paper_fit()), 1e8, 1e10, bits)
    assert found.iloc[1] == pytest.approx(answer.values["N_eff"], rel=1e-4)
    assert found.iloc[0] == pytest.approx(1e8, rel=1e-4)


def test_cells_show_their_numbers_and_empty_ones_nothing():
    table = pd.DataFrame([[0.5, np.nan], [-0.001, 0.1]], index=[4, 32], columns=[3, 32])
    axis = heat_maps({"measured": table}, "loss").axes[0]
    assert [text.get_text() for text in axis.texts] == ["0.50", "0.00", "0.10"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["4", "none"]
