"""Rival laws on runs whose law is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from precision_lib.findings.rival_contests import (
    ROUNDING,
    best_counts,
    best_laws,
    in_words,
    standings,
    winners,
)
from precision_lib.findings.rival_laws import QATLoss
from precision_lib.findings.rivals import (
    Contest,
    against,
    contest,
    leaders,
    of_costs,
    seed_error,
    seen_often,
)
from precision_lib.laws import fit
from tests.findings.planted_tied import made_up_runs


def made_of_growing_errors() -> pd.DataFrame:
    """Runs whose error grows as D^0.3 N^-0.2, more at 3 bits than at 4."""
    runs = made_up_runs()
    runs = runs[runs["weight_bits"].isin([32, 4, 3])].reset_index(drop=True)
    high = runs[runs["weight_bits"] == 32].set_index("group")["loss"]
    factor = runs["weight_bits"].map({32: 0.0, 4: 0.004, 3: 0.02})
    error = factor * runs["D"] ** 0.3 * runs["N"] ** -0.2
    names = runs["weight_bits"].map({32: "float32", 4: "int4", 3: "int3"})
    noise = np.exp(0.05 * np.random.default_rng(1).standard_normal(len(runs)))
    return runs.assign(
        loss=runs["group"].map(high) + error * noise, weight_format=names,
        activation_format=names, kv_format=names, status="finished",
        sweep=np.where(factor > 0, "joint", "base"),
    )  # fmt: skip


def test_the_law_with_an_error_that_grows_with_data_finds_it():
    found = fit(made_of_growing_errors(), QATLoss)
    assert found.params["gamma_D"] == pytest.approx(0.3, abs=0.1)
    assert found.r2 > 0.99


def test_the_true_form_beats_a_wrong_one():
    runs = made_up_runs()
    low = (runs["weight_bits"] < 32).to_numpy()
    one = contest(runs, ["effective-tied", "effective-tied-no-offset"], low, folds=4)
    assert leaders(one) == ["effective-tied"]
    assert len(one.errors) == low.sum()


def made(errors: pd.DataFrame, cells: list[int]) -> Contest:
    """A contest that ended in these errors."""
    every = np.ones(len(errors), bool)
    table, groups = pd.DataFrame({"N": cells, "tokens": 9}), pd.Series(cells)
    measured = pd.Series(0.0, index=errors.index)
    return Contest(table, every, None, errors, groups, measured)  # type: ignore[arg-type]


def test_a_law_ties_with_itself():
    errors = pd.DataFrame({"a": [0.1, 0.2, 0.3, 0.2]})
    one = made(errors.assign(b=errors["a"]), [1, 2, 3, 4])
    assert against(one, "a").loc["b", "word"] == "tie"
    assert in_words(leaders(one)) == "a tie of a and b"


def test_a_few_cells_make_no_winner():
    errors = pd.DataFrame({"a": [0.1, 0.2, 0.3, 0.2], "b": [9.0, 9.1, 9.2, 9.0]})
    table = against(made(errors, [1, 1, 2, 3]), "a")
    assert table.loc["b", "word"] == "tie"
    assert table.loc["b", ["low", "high"]].tolist() == [-np.inf, np.inf]
    assert against(made(errors, [1, 2, 3, 4]), "a").loc["b", "word"] == "worse"


def test_standings_put_paired_intervals_at_the_error():
    errors = pd.DataFrame({"ptq": [0.1, 0.2] * 2, "ouyang": [0.2, 0.4] * 2})
    results = {(ROUNDING, "between"): made(errors, [1, 2, 3, 4])}
    rival = standings(results).set_index("law").loc["ouyang"]
    assert rival["error"] == pytest.approx(30)
    assert 15 + 10 <= rival["low"] <= 30 <= rival["high"] <= 15 + 20
    best = best_laws(results)
    assert winners(best).loc[(ROUNDING, "between"), "who wins"] == "the paper wins"
    counts = best_counts(results, best)
    assert counts.loc["ptq"].tolist() == [1, 1, 1]
    assert counts.loc["ouyang"].tolist() == [1, 0, 0]


def test_costs_are_judged_apart_from_the_base_law():
    """A law that is off by one amount in a run and its twin is right about the cost."""
    runs = made_of_growing_errors().assign(tokens=lambda table: table["D"])
    low = (runs["weight_bits"] < 32).to_numpy()
    one = contest(runs, [QATLoss], low, folds=4)
    shifted = {"qat-loss": runs["loss"].to_numpy() + 0.5}
    told = replace(one, comparison=replace(one.comparison, predictions=shifted))
    assert of_costs(told).errors["qat-loss"].max() == pytest.approx(0, abs=1e-9)
    assert one.errors["qat-loss"].max() > 0
    assert of_costs(one).measured.mean() == pytest.approx(1)


def test_seeds_leave_the_error_that_was_put_in():
    cells = np.arange(4_000) // 2
    noise = 0.1 * np.random.default_rng(0).standard_normal(len(cells))
    one = made(pd.DataFrame({"a": noise}), cells.tolist())
    one = replace(one, measured=pd.Series(cells + noise))
    assert seed_error(one) == pytest.approx(10 * np.sqrt(2 / np.pi), rel=0.05)


def test_rows_without_a_prediction_are_left_out_for_all():
    errors = pd.DataFrame({"a": [0.1, 0.2, 0.3], "b": [np.nan, 0.2, 0.3]})
    table = against(made(errors, [1, 2, 3]), "a")
    assert table.loc["a", "error"] == pytest.approx(25)
    assert table["undefined"].tolist() == [0, 1]
    assert table["runs"].tolist() == [2, 2]


def test_formats_of_too_few_cells_are_left_out():
    table = pd.DataFrame({"N": [1, 2, 3, 1], "D": 9, "f": ["a", "a", "a", "b"]})
    assert seen_often(table, ["f"], folds=3).tolist() == [True, True, True, False]
