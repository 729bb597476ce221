"""A planner that says no: against numpy, and against the scatter of planted fits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from precision_lib import decide
from precision_lib.cli import laws as cli_laws
from precision_lib.cli.app import make_app
from precision_lib.errors import UserError
from precision_lib.laws import fit, get_law, planted_params, planted_table, save_fits

WEIGHTS = get_law("effective-weights")
TRUTH = planted_params(WEIGHTS)


def grid(rows: int = 60) -> pd.DataFrame:
    return pd.DataFrame(planted_table(WEIGHTS, rows)).drop(columns="loss")


def judge(table: pd.DataFrame, tables: int = 8) -> decide.JudgedPlan:
    return decide.judge_plan(table, WEIGHTS, TRUTH, 0.005, tables)


def test_a_good_plan_is_accepted_with_the_errors_of_least_squares() -> None:
    plan = judge(grid())
    assert plan.objections == () and min(plan.recovered.values()) >= 0.9
    names = list(TRUTH)

    def log_loss(values: np.ndarray) -> np.ndarray:
        params = dict(zip(names, values, strict=True))
        columns = {name: grid()[name].to_numpy() for name in ("N", "D", "weight_bits")}
        return np.log(WEIGHTS.predict(**columns, **params))

    at = np.array([TRUTH[name] for name in names])
    jacobian = np.column_stack([
        (log_loss(at + step) - log_loss(at - step)) / (2 * step[k])
        for k, step in enumerate(1e-6 * np.diag(np.abs(at)))
    ])  # fmt: skip
    scale = np.linalg.norm(jacobian, axis=0)
    inverse = np.linalg.inv((jacobian / scale).T @ (jacobian / scale))
    error = 0.005 * np.sqrt(np.diag(inverse)) / scale / at
    for name in ("E", "alpha", "beta", "gamma_weights"):  # the others count as terms
        assert plan.error[name] == pytest.approx(error[names.index(name)], rel=1e-3)


def test_the_foretold_error_is_the_scatter_of_real_fits() -> None:
    plan, table, found = judge(grid(), 1), grid(), []
    clean = WEIGHTS.predict(**{k: table[k] for k in table}, **TRUTH)
    noise = np.random.default_rng(5).standard_normal((60, len(table)))
    for each in noise:
        runs = table.assign(loss=clean * np.exp(0.005 * each))
        found.append(fit(runs, WEIGHTS, starts=2, loss="ls").params)
    for name in ("alpha", "beta", "gamma_weights"):
        spread = np.std(np.log([params[name] for params in found]))
        assert plan.error[name] == pytest.approx(spread, rel=0.3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"D": 1e9}, "column 'D' is 1e\\+09 in every row"),
        ({"weight_bits": 4.0}, "do not determine gamma_weights"),
        ({"weight_bits": 16.0}, "do not determine gamma_weights"),
    ],
)
def test_a_plan_without_information_is_refused(change: dict, said: str) -> None:
    plan = judge(grid().assign(**change), 3)
    with pytest.raises(AssertionError, match=said):
        assert not plan.objections, " ".join(plan.objections)


def test_a_plan_with_too_few_or_too_noisy_runs_is_refused() -> None:
    assert "6 rows and law" in judge(grid(6), 1).objections[0]
    table = grid(24)
    table = table[table["weight_bits"] >= 6]
    plan = decide.judge_plan(table, WEIGHTS, TRUTH, 0.05, 6)
    assert any("planted tables" in each for each in plan.objections)
    with pytest.raises(UserError, match="the noise is 0"):
        decide.judge_plan(grid(), WEIGHTS, TRUTH, 0.0)
    with pytest.raises(UserError, match="has no value at 2 of the planned runs"):
        bits = [0.5, 0.5, 8]
        few = pd.DataFrame({"N": 1e8, "D": [1e9, 2e9, 3e9], "weight_bits": bits})
        decide.judge_plan(few, WEIGHTS, TRUTH, 0.01)


def test_a_law_of_rounding_can_be_planned_too() -> None:
    table = pd.DataFrame(planted_table("ptq", 48)).drop(columns="delta")
    kind = get_law("ptq")
    plan = decide.judge_plan(table, kind, planted_params(kind), 0.05, 4)
    assert plan.objections == () and "b" not in plan.error  # it is held


def test_the_command_says_no_with_a_status(tmp_path: Path) -> None:
    app = make_app(cli_laws.COMMANDS)

    def call(table: pd.DataFrame, *more: str) -> tuple[int, str]:
        table.rename(columns={"N": "params"}).to_csv(tmp_path / "plan.csv", index=False)
        options = ["--map", "N=params", "--law", WEIGHTS.name, "--noise", "0.005"]
        result = CliRunner().invoke(
            app, ["plan", str(tmp_path / "plan.csv"), *options, "--tables", "3", *more]
        )
        if isinstance(result.exception, UserError):
            raise result.exception
        return result.exit_code, result.output

    status, text = call(grid())
    assert status == 0 and text.startswith("Yes: 60 runs can identify effective-wei")
    status, text = call(grid().assign(weight_bits=4.0), "--json")
    assert status == 1 and json.loads(text)["objections"]
    save_fits([fit(planted_table(WEIGHTS, 40), WEIGHTS, starts=2)], tmp_path / "f.json")
    assert call(grid(), "--constants", str(tmp_path / "f.json"))[0] == 0
    with pytest.raises(UserError, match="paper holds no fit of the law 'effective-we"):
        call(grid(), "--constants", "paper")
