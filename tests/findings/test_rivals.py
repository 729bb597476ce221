"""Rival laws on runs whose law is known."""

import numpy as np
import pandas as pd
import pytest

from precision_lib.findings.best_bits import made_up_runs
from precision_lib.findings.rival_authors import beside_paper, in_words, winners
from precision_lib.findings.rivals import (
    Contest,
    QATLoss,
    against,
    combinations,
    contest,
    cost_of_data,
    leaders,
    seen_often,
)
from precision_lib.laws import fit


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


def test_the_cost_of_data_is_measured_without_a_law():
    row = cost_of_data(made_of_growing_errors(), draws=50).loc["all parts tied"]
    assert row["low"] < 0.3 < row["high"]
    assert row["estimate"] == pytest.approx(0.3, abs=0.1)


def test_the_true_form_beats_a_wrong_one():
    runs = made_up_runs()
    low = (runs["weight_bits"] < 32).to_numpy()
    one = contest(runs, ["effective-tied", "effective-tied-no-offset"], low, folds=4)
    assert leaders(one) == ["effective-tied"]
    assert len(one.errors) == low.sum()


def test_a_law_ties_with_itself():
    errors = pd.DataFrame({"a": [0.1, 0.2, 0.3]})
    made = Contest(pd.DataFrame(), np.ones(3, bool), None,  # type: ignore[arg-type]
                   errors.assign(b=errors["a"]), pd.Series([1, 2, 3]))  # fmt: skip
    assert against(made, "a").loc["b", "word"] == "tie"
    assert in_words(leaders(made)) == "a tie of a and b"


def test_contests_are_told_by_author_in_percent_of_the_papers_error():
    errors = pd.DataFrame({"ptq": [0.1, 0.2], "ouyang": [0.2, 0.4]})
    errors["effective-no-offset"] = errors["ptq"]
    made = Contest(pd.DataFrame(), np.ones(2, bool), None,  # type: ignore[arg-type]
                   errors, pd.Series([1, 2]))  # fmt: skip
    table = beside_paper({"rounding, RTN": made})
    assert table["estimate"].to_dict() == pytest.approx(
        {"rounding, RTN: Ouyang": 100, "rounding, RTN: paper without n": 0}
    )
    tie = "a tie of the paper and paper without n"
    assert winners({"rounding, RTN": made}).to_dict() == {"rounding, RTN": tie}


def test_rows_without_a_prediction_are_left_out_for_all():
    errors = pd.DataFrame({"a": [0.1, 0.2, 0.3], "b": [np.nan, 0.2, 0.3]})
    made = Contest(pd.DataFrame(), np.ones(3, bool), None,  # type: ignore[arg-type]
                   errors, pd.Series([1, 2, 3]))  # fmt: skip
    table = against(made, "a")
    assert table.loc["a", "error"] == pytest.approx(25)
    assert table["undefined"].tolist() == [0, 1]
    assert table["runs"].tolist() == [2, 2]


def test_combinations_of_unknown_formats_are_left_out():
    runs = made_of_growing_errors()
    mixed = runs.iloc[[-1, -2]].assign(
        sweep="combinations", weight_format=["int4", "int7"], activation_bits=4
    )
    table, held = combinations(pd.concat([runs, mixed], ignore_index=True))
    assert held.sum() == 1
    assert table.loc[held, "weight_format"].tolist() == ["int4"]


def test_formats_of_too_few_cells_are_left_out():
    table = pd.DataFrame({"N": [1, 2, 3, 1], "D": 9, "f": ["a", "a", "a", "b"]})
    assert seen_often(table, ["f"], folds=3).tolist() == [True, True, True, False]


def test_effective_parameters_say_that_data_do_not_matter():
    runs = made_of_growing_errors()
    law = fit(runs, "effective-tied", starts=5)
    row = cost_of_data(runs, draws=5, law=law).loc["all parts tied"]
    assert row["by_law"] == pytest.approx(0, abs=1e-6)
    assert row["estimate"] > 0.2
