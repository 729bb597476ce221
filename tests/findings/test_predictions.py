"""Predictions made of a planted world hold the runs of that world."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from precision_lib.errors import UserError
from precision_lib.findings import predicted_laws
from precision_lib.findings.predictions import (
    load_predictions,
    measured_beside,
    predict_runs,
)
from precision_lib.laws import get_law
from precision_lib.model.config import Precision
from precision_lib.model.shapes import SHAPES
from precision_lib.paths import table_folder
from precision_lib.runs.run_table import load_runs, write_table
from precision_lib.sweep.plans import read_plan
from precision_lib.training.config import RunConfig
from tests.findings.planted_records import planted_records, write_lines
from tools import add_records, predictions

TRUTH = {
    **{"A": 60.0, "alpha": 0.35, "B": 300.0, "beta": 0.4, "E": 1.5},
    **{"gamma_weights": 1.4, "n_weights": 0.2, "gamma_activations": 1.6},
    **{"n_activations": 0.8, "gamma_kv": 0.9, "n_kv": 0.5},
}
ROUNDING = {"C_T": 0.01, "gamma_D": 0.5, "gamma_N": 0.35, "gamma_post": 0.6, "b": 1.0}
CONFIGS = [
    RunConfig(SHAPES["887k"], tokens=12_800_000),
    RunConfig(SHAPES["1584k"], Precision("int6", "int6", "int6"), tokens=6_400_000),
]


def columns(config: RunConfig) -> dict[str, float]:
    d = config.steps * config.tokens_per_step
    size = {"N": config.model.n_non_embedding, "d_model": config.model.d_model}
    return {**size, "D": d, **config.precision.bits}


def true_loss(at: dict[str, float]) -> float:
    law = get_law("effective")
    row = {name: np.array([float(at[name])]) for name in law.columns()}
    return float(law.predict(**row, **TRUTH)[0])


def world(noise: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A table of runs and one of roundings that follow the truth."""
    rng = np.random.default_rng(5)
    plain = [
        RunConfig(SHAPES[shape], tokens=tokens, seed=seed)
        for shape in ("24k", "56k", "98k", "222k", "397k")
        for tokens in (200_000, 800_000, 3_200_000, 6_400_000)
        for seed in (0, 1)
    ]
    parts = [
        replace(config, precision=precision)
        for config in plain
        if config.seed == 0
        for bits in ("int3", "int4", "int6")
        for precision in (
            Precision(weights=bits),
            Precision(activations=bits),
            Precision(kv_cache=bits),
            Precision(bits, bits, bits),
        )
    ]
    rows, rounded = [], []
    for config in [*plain, *parts]:
        at = columns(config)
        loss = true_loss(at) * np.exp(noise * rng.normal())
        shared = {"run_id": config.run_id, "seed": config.seed, "role": "fit"}
        formats = {
            "weight_format": config.precision.weights,
            "activation_format": config.precision.activations,
            "kv_format": config.precision.kv_cache,
        }
        result = {"loss": loss, "status": "finished"}
        rows.append({**shared, **at, **formats, **result})
        for bits in (3, 4, 5, 6) if config.precision == Precision() else ():
            law = get_law("ptq")
            row = {"N": at["N"], "D": at["D"], "post_bits": bits}
            known = {name: np.array([float(row[name])]) for name in law.columns()}
            delta = float(law.predict(**known, **ROUNDING)[0])
            delta *= np.exp(10 * noise * rng.normal())
            given = {"method": "gptq", "post_bits": bits, "delta": delta}
            given |= {"post_loss": loss + delta}
            rounded.append({**shared, **at, **given})
    return pd.DataFrame(rows), pd.DataFrame(rounded)


@pytest.fixture(scope="module")
def predicted() -> pd.DataFrame:
    """What all laws say of `CONFIGS`; fitted once, and nobody changes it."""
    return predict_runs(CONFIGS, *world(0.003), replicates=200)


def only(monkeypatch: pytest.MonkeyPatch, law: str, part: str) -> None:
    """Let one law of the loss speak, and none of rounding."""
    monkeypatch.setattr(predicted_laws, "LOSS", ((law, part),))
    monkeypatch.setattr(predicted_laws, "DELTA", ())


def test_a_law_of_the_error_of_a_format_speaks_of_weights_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    only(monkeypatch, "capacity", "weights")
    config = RunConfig(SHAPES["222k"], Precision(weights="int4"), tokens=12_800_000)
    found = predict_runs([config], *world(0.0), replicates=5)
    capacity = found[found["law"] == "capacity"].set_index("quantity")["predicted"]
    at = columns(config)
    plain = at | {"weight_bits": 32}
    assert capacity["loss"] == pytest.approx(true_loss(at), rel=0.02)
    cost = true_loss(at) - true_loss(plain)
    assert 0.3 * cost < capacity["cost"] < 3 * cost


def test_the_truth_lies_in_the_intervals(predicted: pd.DataFrame) -> None:
    found = predicted
    laws = found.groupby("quantity")["law"].nunique()
    assert laws.to_dict() == {"cost": 5, "delta": 2, "loss": 7, "post_loss": 1}
    assert found["predicted"].between(found["low"], found["high"]).all()
    found = found[found["law"].isin(["effective", "ptq"])]
    losses = found[found["quantity"] == "loss"].set_index("run_id")
    for config in CONFIGS:
        row = losses.loc[config.run_id]
        assert row["low"] < true_loss(columns(config)) < row["high"]
    cost = found[found["quantity"] == "cost"].iloc[0]
    at = columns(CONFIGS[1])
    plain = at | {"weight_bits": 32, "activation_bits": 32, "kv_bits": 32}
    assert cost["run_id"] == CONFIGS[1].run_id
    assert cost["low"] < true_loss(at) - true_loss(plain) < cost["high"]
    deltas = found[found["quantity"] == "delta"]
    assert deltas["run_id"].unique().tolist() == [CONFIGS[0].run_id]
    assert deltas["post_bits"].tolist() == [3, 4, 5, 6]
    assert (deltas["low"] < deltas["predicted"]).all()
    assert (deltas["predicted"] < deltas["high"]).all()


def test_the_table_keeps_its_form_in_a_file(
    predicted: pd.DataFrame, tmp_path: Path
) -> None:
    write_table(predicted, tmp_path / "predictions.csv")
    again = load_predictions(tmp_path / "predictions.csv")
    pd.testing.assert_frame_equal(again, predicted)


def test_what_was_measured_stands_beside_what_was_predicted(
    predicted: pd.DataFrame,
) -> None:
    known = CONFIGS[0].run_id
    first = {**columns(CONFIGS[0]), "seed": 0, "run_id": known, "loss": 2.5}
    ablated = first | {"run_id": "another corpus", "role": "ablation"}
    runs = pd.DataFrame([first | {"role": "extrapolation"}, ablated])
    runs["status"] = "finished"
    cost = {"run_id": known, "method": "gptq", "post_bits": [3, 4], "delta": [9.0, -1]}
    rounded = pd.DataFrame(cost).assign(post_loss=[11.5, 1.5])
    both = measured_beside(predicted, runs, rounded)
    assert set(both["run_id"]) == {known}
    loss = both[both["quantity"] == "loss"]
    assert (loss["measured"] == 2.5).all()
    assert loss["miss"].to_numpy() == pytest.approx(np.log(2.5 / loss["predicted"]))
    delta = both[both["quantity"] == "delta"].set_index(["law", "post_bits"])
    assert len(delta) == 4
    assert delta["miss"].isna().tolist() == [False, True, False, True]
    assert not delta["inside"].any()
    after = both[both["quantity"] == "post_loss"].set_index(["law", "post_bits"])
    assert after["measured"].to_dict() == {("shannon", 3): 11.5}


@pytest.mark.filterwarnings("error")
def test_a_prediction_below_zero_has_no_ratio(predicted: pd.DataFrame) -> None:
    """A law of format errors says that 8 bits save something; a page warned of it."""
    known = CONFIGS[0].run_id
    first = {**columns(CONFIGS[0]), "seed": 0, "run_id": known, "loss": 2.5}
    runs = pd.DataFrame([first | {"role": "extrapolation", "status": "finished"}])
    rounded = pd.DataFrame(
        {"run_id": known, "method": "gptq", "post_bits": [3], "delta": 9.0}
    ).assign(post_loss=11.5)
    both = measured_beside(predicted.assign(predicted=-0.01), runs, rounded)
    assert len(both) and both["miss"].isna().all()


def test_a_fitted_run_is_not_predicted() -> None:
    runs, ptq = world(0.003)
    config = RunConfig(SHAPES["24k"], tokens=200_000)
    with pytest.raises(UserError, match=config.run_id):
        predict_runs([config], runs, ptq, replicates=10)


def test_nothing_is_predicted_from_nothing() -> None:
    runs, ptq = world(0.003)
    with pytest.raises(UserError, match="no run of role 'fit'"):
        predict_runs(CONFIGS, runs.assign(role="tuning"), ptq, replicates=10)


def test_the_scatter_of_bits_that_none_has_is_that_of_the_nearest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    only(monkeypatch, "effective", "any")
    runs, ptq = world(0.0)
    wide = runs["weight_bits"].eq(3) & runs["kv_bits"].eq(32)
    runs["loss"] *= np.where(wide, np.exp(0.05 * np.tile([-1, 1], len(runs) // 2)), 1)
    asked = [
        replace(CONFIGS[0], precision=Precision(weights=w)) for w in ("int3", "int7")
    ]
    found = predict_runs(asked, runs, ptq, replicates=50)
    found = found[(found["law"] == "effective") & (found["quantity"] == "loss")]
    spread = (found["high"] - found["low"]).to_numpy()
    assert spread[0] > 5 * spread[1] > 0


@pytest.mark.slow
def test_nothing_is_predicted_after_the_fact(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = list(islice(planted_records("held_28M"), 1))
    write_lines(tmp_path / "lines", iter(records))
    add_records.add([tmp_path / "lines"], tmp_path / "records", tmp_path)
    assert predictions.write(tmp_path, 10) == 1
    said = capsys.readouterr().out
    assert f"run {records[0]['run_id']} is trained already" in said
    assert not (tmp_path / "predictions.csv").exists()


def test_no_published_prediction_is_of_a_run_that_is_fitted() -> None:
    """And none of the held-out runs is in a fit."""
    runs = load_runs(table="short")
    fitted = set(runs.loc[runs["role"] == "fit", "run_id"])
    for name in ("extrapolation", "combinations"):
        plan = read_plan(table_folder("short") / "plans" / f"{name}.yaml")
        assert plan.role in ("extrapolation", "validation")
        assert not fitted & {config.run_id for config in plan.configs()}
