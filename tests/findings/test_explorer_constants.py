"""The constants of the explorer: what the tables support, and no more."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from precision_lib.decide import paper_fit
from precision_lib.findings.explorer_constants import (
    our_constants,
    page_data,
    quantized_parts,
)
from precision_lib.findings.our_laws import load_tables
from precision_lib.findings.twins import PARTS
from precision_lib.laws import get_law, planted_params
from precision_lib.runs.run_table import load_ptq, load_runs


def made_up_runs(parts: list[str]) -> pd.DataFrame:
    """Runs that follow the law of all three parts, some parts alone quantized."""
    plain = load_runs().query("sweep == 'base'")
    law = get_law("effective")
    rows = [plain]
    for part, bits in itertools.product(parts, (3, 4, 6, 8)):
        if (part, bits) != ("activations", 3):
            rows.append(plain.assign(**{PARTS[part]: bits}))
    table = pd.concat(rows, ignore_index=True)
    # Sizes as in the paper, so that its constants are defined and matter.
    columns = {name: table[name].astype(float) for name in law.columns()}
    columns["N"] = columns["N"] * 1000
    columns["D"] = columns["D"] * 5000
    noise = np.random.default_rng(0).normal(0, 1e-3, len(table))
    loss = law.predict(**columns, **planted_params(law)) * np.exp(noise)
    names = [f"{number:012x}" for number in range(len(table))]
    sizes = {"N": columns["N"], "D": columns["D"]}
    return table.assign(loss=loss, run_id=names, **sizes)


def test_runs_of_all_parts_give_the_law_of_all_parts() -> None:
    runs = made_up_runs(list(PARTS))
    assert quantized_parts(runs) == list(PARTS)
    found = our_constants(runs, load_ptq(), replicates=20)
    assert found.base.law.name == "effective"
    paper = paper_fit().params
    for name in ("gamma_weights", "gamma_activations", "gamma_kv"):
        draws = found.base.replicates[name]
        assert abs(draws.mean() - paper[name]) < 6 * draws.std() + 0.02, name
    assert found.base.ranges["kv_bits"] == (3.0, 32.0)


def test_the_measured_runs_are_those_that_were_fitted() -> None:
    found = our_constants(*load_tables(), replicates=2)
    assert found.degradation is not None
    plain = [row for row in found.runs if row[5] is None]
    rounded = [row for row in found.runs if row[5] is not None]
    assert len(plain) == found.base.n and len(rounded) == found.degradation.n
    first = found.base.problem
    assert first is not None
    assert [row[6] for row in plain] == pytest.approx(first.target, abs=1e-5)
    assert [row[0] for row in plain] == first.rows.columns["N"].tolist()


@pytest.mark.parametrize("parts", [["weights"], ["activations"], []])
def test_a_part_without_runs_gets_no_constant(parts: list[str]) -> None:
    found = our_constants(made_up_runs(parts), load_ptq(), replicates=2)
    names = {name for name in found.base.params if name.startswith("gamma_")}
    assert names == {f"gamma_{part}" for part in parts}


def test_the_page_data_are_the_same_each_time_and_safe_in_html() -> None:
    text = page_data(replicates=3)
    assert text == page_data(replicates=3)
    assert "<" not in text
