"""Learning curves: outcomes of planted curves, gaps between twins and their drift."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precision_lib.findings.learning_curves import (
    beside_twins,
    drifts,
    outcomes,
    with_curves,
)
from precision_lib.runs.run_table import load_curves, load_runs


def planted(gap=0.2, drift=0.0, points=20, **columns):
    """A curve and that of its twin, lower by the gap, which drifts with log tokens."""
    tokens = 1000 * np.arange(1, points + 1)
    high = 3 + 5 * tokens**-0.3
    low = high + gap + drift * np.log2(tokens / 1000)
    common = {"N": 9, "D": tokens[-1], "seed": 0, "status": "finished", **columns}
    table = pd.concat(
        [
            pd.DataFrame({"tokens": tokens, "training_loss": loss, "run_id": name})
            for name, loss in (("high", high), ("low", low))
        ]
    ).assign(**common)
    part = np.where(table["run_id"] == "high", "none", "weights")
    return table.assign(done=table["tokens"] / table["D"], part=part)


def test_a_shifted_curve_does_not_drift():
    row = drifts(beside_twins(planted(gap=0.2))).iloc[0]
    assert row["level"] == pytest.approx(0.2)
    assert row["difference"] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("drift", [-0.05, 0.1])
def test_a_planted_drift_is_found(drift):
    row = drifts(beside_twins(planted(drift=drift))).iloc[0]
    assert row["difference"] == pytest.approx(drift)


def test_points_in_the_warmup_are_left_out():
    assert beside_twins(planted())["tokens"].min() == 4000


def test_outcomes_of_planted_curves():
    table = planted()
    flat = table[table["run_id"] == "low"].assign(run_id="flat", training_loss=5.5)
    gone = table[table["run_id"] == "low"].assign(
        run_id="gone", status="diverged", training_loss=np.nan
    )
    found = outcomes(pd.concat([table, flat, gone])).set_index("run_id")["outcome"]
    assert found.to_dict() == {
        "high": "learns",
        "low": "learns",
        "flat": "stuck",
        "gone": "diverged",
    }


def test_every_published_run_has_one_outcome_and_unquantized_ones_learn():
    runs = load_runs(table="short")
    fitted = runs[runs["sweep"].isin(["base", "parts"])]
    found = outcomes(with_curves(fitted, load_curves(table="short")))
    assert set(found["run_id"]) == set(fitted["run_id"])
    assert not found["run_id"].duplicated().any()
    high = found[found["part"] == "none"]
    assert (high["outcome"] == "learns").all()


def test_published_twins_saw_the_same_batches():
    runs = load_runs(table="short")
    fitted = runs[runs["sweep"].isin(["base", "parts"])]
    paired = beside_twins(with_curves(fitted, load_curves(table="short")))
    eight = paired[paired["bits"] == 8]
    assert eight["gap"].abs().median() < 0.03  # nats; other batches differ by more
