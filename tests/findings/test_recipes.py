"""Sweeps of recipes: what was planted is found, and what is not there is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precision_lib.errors import Undetermined
from precision_lib.findings import recipes
from precision_lib.findings.measured import Measured
from precision_lib.findings.part_costs import share_saved
from precision_lib.laws.forms.two_phases import best_share
from precision_lib.paths import DATA
from precision_lib.sweep.plans import read_plan
from precision_lib.training.record import describe
from tests.findings.planted_records import CORPUS
from tests.findings.test_estimands import holds


def planted(*plans: str, seed: int = 0, noise: float = 0.002) -> Measured:
    """Runs of these plans: a best share 1.3 times the formula's, and so on."""
    draw = np.random.default_rng(seed)
    runs, roundings = [], []
    for name in plans:
        plan = read_plan(DATA / "plans" / f"{name}.yaml")
        known: dict[str, int] = {}
        for config in plan.configs():
            row = describe(config, CORPUS)
            known[row["run_id"]] = row["D"]
            bits = min(row["weight_bits"], row["activation_bits"])
            level = 3.2 + 0.02 * row["seed"] + 0.1 * (bits < 32)
            if name == "two_phases" and bits < 32:
                share = 1 - known.get(row["start_from"], 0) / row["D"]
                best = 1.3 * best_share(row["N"], row["D"], bits)
                level += 0.02 * np.log(share / best) ** 2
            if name in ("rate_decay", "low_decay"):
                best = 0.3 if name == "rate_decay" else 0.45
                level += 0.03 * np.log(row["decay"] / best) ** 2
                level += 0.05 * np.log(row["peak_lr"] / 0.0099) ** 2
            row |= {"sweep": name, "role": plan.role, "status": "finished"}
            runs.append(row | {"loss": level + noise * draw.normal()})
            for post in (3, 4, 5) if name == "rate_decay" else ():
                logs = -post - 0.5 * np.log(row["peak_lr"]) + 0.2 * np.log(row["decay"])
                logs += 2 * (runs[-1]["loss"] - 3.2) + 10 * noise * draw.normal()
                roundings.append(
                    runs[-1]
                    | {"method": "gptq", "post_bits": post, "delta": np.exp(logs)}
                )
    return Measured(pd.DataFrame(runs), pd.DataFrame(roundings))


def test_the_best_share_and_the_gain() -> None:
    runs = planted("two_phases")
    shares = recipes.phase_runs(runs)["share"]
    assert sorted(set(shares)) == [0.05, 0.1, 0.2, 0.4, 0.7, 1]
    holds(recipes.best_share_over_formula(runs), np.log(1.3))
    found = recipes.gain_of_two_phases(runs, [0.2, 0.4])
    assert 0.015 < found.value < 0.035 and found.units == 6


def test_no_least_share_is_said() -> None:
    runs = planted("two_phases").runs
    runs = runs.assign(loss=6.4 - runs["loss"])  # the best share is now the worst
    with pytest.raises(Undetermined, match="no least"):
        recipes.best_share_over_formula(Measured(runs, runs))


def test_the_shift_of_the_best_decay() -> None:
    runs = planted("rate_decay", "low_decay")
    holds(recipes.shift_of_best_decay(runs), np.log(0.45 / 0.3))
    alone = runs.runs[runs.runs["sweep"] == "rate_decay"]
    with pytest.raises(Undetermined, match="low_decay"):
        recipes.shift_of_best_decay(Measured(alone, runs.ptq))


@pytest.mark.parametrize(("of", "true"), [("peak_lr", -0.5), ("decay", 0.2)])
def test_what_rate_and_decay_do_to_rounding_at_equal_loss(of, true) -> None:
    holds(recipes.effect_on_rounding(planted("rate_decay"), of), true)


def test_the_share_that_a_finer_input_saves() -> None:
    rows = planted("base", "ladder", "down_input")
    losses = rows.runs["loss"] - 0.03 * (rows.runs["activation_format"] == "int4/int8")
    found = share_saved(
        Measured(rows.runs.assign(loss=losses), rows.ptq),
        {"activation_bits": 4},
        {"activation_format": "int4/int8"},
        1.75e6,
    )
    assert found.value == pytest.approx(0.3, abs=0.1)
