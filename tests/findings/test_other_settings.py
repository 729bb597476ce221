"""Every run of the plan ablation has a name; ratios of planted costs are found."""

from __future__ import annotations

import pandas as pd
import pytest

from precision_lib.findings.other_settings import (
    HALF_RATE,
    LINEAR,
    USUAL,
    falls_with_bits,
    falls_with_size,
    setting_runs,
)
from precision_lib.findings.paired_contrasts import contrasts
from precision_lib.runs.run_table import load_runs


def test_every_run_of_the_plan_has_a_name_of_its_own():
    runs = load_runs()
    named = setting_runs(runs)
    planned = runs[(runs["sweep"] == "ablation") & (runs["status"] == "finished")]
    assert set(planned["run_id"]) <= set(named["run_id"])
    assert not named.duplicated(["setting", "N", "D", "seed"]).any()
    assert named.loc[named["sweep"] == "ablation", "setting"].nunique() == 8
    assert {USUAL, LINEAR, HALF_RATE} <= set(named["setting"])


def test_every_setting_differs_from_the_usual_one_in_one_thing():
    named = setting_runs(load_runs())
    linear = named[named["setting"] == LINEAR]
    assert (linear["schedule"] == "linear").all()
    usual = named[named["setting"] == USUAL].drop_duplicates("N").set_index("N")
    knobs = ["corpus", "weight_decay", "sequence", "schedule", "peak_lr"]
    others = named[named["setting"] != USUAL]
    same = usual.loc[others["N"], knobs].to_numpy()
    changed = (others[knobs].to_numpy() != same).sum(axis=1)
    assert (changed == 1).all()


def test_planted_ratios():
    rows = [
        {"N": n, "D": d, "seed": 0, "setting": s, "delta": d**0.5 * n**-0.3}
        for n in (1e4, 3e4, 1e5)
        for d in (1e6, 2e6)
        for s in ("a", "b")
    ]
    found = falls_with_size(pd.DataFrame(rows), "setting", "delta")
    assert found["ratio"].to_numpy() == pytest.approx(10**-0.3)
    assert len(found) == 4
    assert falls_with_size(pd.DataFrame(rows[:2]), "setting", "delta").empty


def test_fall_with_bits_needs_both_widths():
    table = pd.DataFrame(
        {"run_id": [*"aab"], "post_bits": [3, 5, 3], "delta": [0.4, 0.1, 0.3]}
    )
    assert falls_with_bits(table, 3, 5)["run_id"].tolist() == ["a"]


def test_settings_can_be_paired():
    named = setting_runs(load_runs())
    paired = contrasts(named, "setting", USUAL, "loss")
    assert len(paired) > 0
