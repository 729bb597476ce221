"""Outcomes of the registered findings on a planted table, whole and in parts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from precision_lib.errors import Undetermined, UserError
from precision_lib.findings.measured import Measured
from precision_lib.findings.outcomes import (
    effect,
    outcome,
    outcomes,
    standing,
    would_decide,
)
from precision_lib.findings.preregistration import preregistered
from precision_lib.runs.run_table import load_ptq, load_runs
from tests.findings.planted_records import TRUTH, planted_records, write_lines
from tools import add_records, outcomes as command

BLOCKS = ("base", "ladder", "bits", "steps", "decay", "formats", "settings")
SMALL = ("two_phases", "rate_decay", "low_decay", "keys_values", "down_input")
HELD = ("held_28M", "held_mixes", "extrapolation")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, ...]:
    """A whole second table, made of records."""
    folder: Path = tmp_path_factory.mktemp("planted")
    write_lines(folder / "lines", planted_records(*BLOCKS, *SMALL, *HELD, seed=1))
    add_records.add([folder / "lines"], folder / "records", folder)
    return load_runs(folder / "runs.csv"), load_ptq(folder / "ptq.csv")


@cache
def perfect(loss: tuple[tuple[str, float], ...]) -> pd.DataFrame:
    """Predictions of the losses that are just right, by two laws."""
    ids, values = zip(*loss, strict=True)
    row = {"run_id": ids, "predicted": values, "quantity": "loss"}
    said = pd.DataFrame(row | {"method": "none", "post_bits": 0})
    names = ("unified", "effective", "effective-data-parts")
    return pd.concat([said.assign(law=name) for name in names], ignore_index=True)


def said(runs: pd.DataFrame) -> pd.DataFrame:
    return perfect(tuple(zip(runs["run_id"], runs["loss"], strict=True)))


@pytest.mark.slow
def test_what_was_planted_comes_out(tables: tuple[pd.DataFrame, ...]) -> None:
    runs, ptq = tables
    found = outcomes(runs, ptq, command.planned(), said(runs)).set_index("id")
    assert set(found.index) == set(preregistered())
    assert set(found["prediction"].dropna()) == set(range(1, 11))
    assert found["complete"].all()
    # of the excess nothing was said
    without = found["missing"] != ""
    assert found.index[without].tolist() == ["unified-on-mixes"]
    assert found["word"][~without].isin(["supports", "contradicts", "undecided"]).all()
    assert (found["low"] <= found["estimate"])[~without].all()
    near = found["estimate"] - found["low"]
    for name, true in (
        ("additivity", TRUTH.coupling),
        ("neff-or-error", TRUTH.excess),
        ("delta-falls-with-size", TRUTH.gamma_size),
        ("exponential-in-bits", 0.0),
    ):
        assert abs(found["estimate"][name] - true) < 1.6 * near[name]
    assert found["word"]["delta-grows"] == "supports"
    assert found["word"]["extrapolation"] == "supports"
    assert found["forecast"]["additivity"] == "inside"


@pytest.mark.slow
def test_half_a_table_is_said_and_never_an_error(
    tables: tuple[pd.DataFrame, ...],
) -> None:
    runs, ptq = tables
    cost, planned = runs["N"] * runs["D"], command.planned()
    waiting = set()
    for share in (0.0, 0.02, 0.1):
        kept = runs[cost <= cost.quantile(share)] if share else runs.head(0)
        rounded = ptq[ptq["run_id"].isin(kept["run_id"])]
        for finding in preregistered().values():
            row = outcome(finding, kept, rounded, planned, said(runs))
            assert bool(row["word"]) != bool(row["missing"])
            assert np.isfinite(row.get("estimate", 0.0))
            waiting |= {finding.id} if row["missing"] else set()
    assert waiting == set(preregistered())


def test_only_a_lack_of_runs_is_shown_another_fault_is_raised(
    tables: tuple[pd.DataFrame, ...],
) -> None:
    finding, planned = preregistered()["extrapolation"], command.planned()
    with pytest.raises(Undetermined, match="plan extrapolation"):
        finding.estimate(Measured(tables[0].head(0), tables[1].head(0)))
    wrong = {"law": "unified", "quantity": "taste", "plan": "extrapolation"}
    for change in ({"arguments": wrong}, {"function": f"{finding.function}_"}):
        with pytest.raises(UserError, match="taste|has no"):
            outcome(finding.model_copy(update=change), *tables, planned)


def test_one_model_has_an_estimate_and_no_word(
    tables: tuple[pd.DataFrame, ...],
) -> None:
    runs, ptq = tables
    low = (runs["kv_bits"] < 32) | (runs["sweep"] == "bits")
    small = runs["N"] == runs.loc[low, "N"].min()
    finding, planned = preregistered()["kv-5-bits"], command.planned()
    for seeds in (1, 2):
        kept = runs[~low | (small & (runs["seed"] < seeds))]
        row = outcome(finding, kept, ptq, planned)
        assert row["units"] == seeds and np.isfinite(row["estimate"])
        assert bool(row["word"]) == (seeds == 2)
    assert not row["missing"]


def test_the_price_is_that_of_the_runs_so_far(
    tables: tuple[pd.DataFrame, ...],
) -> None:
    runs = tables[0].query("sweep == 'base'")
    costs = runs[["run_id"]].assign(seconds=60 + 2e-5 * runs["D"])
    half = runs.iloc[::2]
    left = command.hours_left(half, costs)["base"]
    rest = ~costs["run_id"].isin(half["run_id"])
    assert left == pytest.approx(costs.loc[rest, "seconds"].sum() / 3600, rel=1e-3)


def test_a_finding_says_which_runs_it_waits_for() -> None:
    none = load_runs().head(0), load_ptq().head(0)
    row = outcome(preregistered()["kv-5-bits"], *none, {"base": 75, "bits": 64})
    assert standing(row) == "not run" and effect(row) == "–"
    assert would_decide(row).startswith(
        "Not run: 0 of 75 runs of base, 0 of 64 runs of bits. Until then: no run has"
    )
    begun = row | {"runs": "base 36 of 75, bits 1 of 64"}
    assert standing(begun) == "too few runs"
    assert would_decide(begun).startswith("In the table: base 36 of 75, bits 1 of 64.")
    assert standing(row | {"estimate": 0.1}) == "too few runs"
    assert standing(row | {"complete": True}) == "undecided"
    assert would_decide(row | {"complete": True}) == row["missing"]


def test_a_run_that_diverged_is_named_where_its_plan_is_whole(
    tables: tuple[pd.DataFrame, ...],
) -> None:
    runs, ptq = tables
    first = runs.index[runs["sweep"] == "base"][0]
    broken = runs.astype({"loss": float}).copy()
    broken.loc[first, ["status", "loss"]] = ["diverged", np.nan]
    finding = preregistered()["additivity"]
    row = outcome(finding, broken, ptq, command.planned())
    assert row["complete"] and "base 75 of 75 (1 diverged)" in row["runs"]
    assert "base 75 of 75 (1 diverged)" in would_decide(row)
    assert "diverged" not in outcome(finding, runs, ptq, command.planned())["runs"]
