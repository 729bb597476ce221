"""The end of a run from its beginning: planted curves, and our own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from precision_lib.cli import laws as commands
from precision_lib.cli.app import make_app
from precision_lib.decide.curves import Curve, Schedule, forecast
from precision_lib.errors import UserError
from precision_lib.findings.curve_forecasts import curves_of, forecast_errors
from precision_lib.runs.run_table import load_curves, load_runs
from precision_lib.training.config import (
    ModelConfig,
    Precision,
    RunConfig,
    learning_rate,
)

COSINE = Schedule("cosine")


def planted(
    schedule: Schedule, gain: float, noise: float = 0.0, seed: int = 0
) -> Curve:
    share = np.linspace(0.02, 1, 50)
    loss = 2 + 0.5 * (schedule.area(share) / schedule.area(share[-1:])) ** -0.5
    loss = loss + gain * schedule.rate(share)
    loss = loss + noise * np.random.default_rng(seed).standard_normal(share.size)
    return Curve(share * 1e9, loss, 1e9)


@pytest.mark.parametrize("name", ["cosine", "linear", "constant", "wsd"])
def test_the_rate_is_that_of_the_trainer(name: str) -> None:
    steps, tokens = 400, 400 * 16 * 128
    config = RunConfig(
        ModelConfig(16, 1, 2, 32), Precision(), tokens=tokens, schedule=name,
        final_lr=0.1, decay=0.2, peak_lr=1.0,
    )  # fmt: skip
    ours = Schedule(name, config.warmup, 0.1, 0.2)
    theirs = [learning_rate(step, config) for step in range(config.steps)]
    assert config.steps == steps
    share = (np.arange(steps) + 0.5) / steps
    np.testing.assert_allclose(ours.rate(share), theirs, atol=0.02)
    assert ours.area(np.array([1.0]))[0] == pytest.approx(np.mean(theirs), rel=0.01)


@pytest.mark.parametrize("schedule", [COSINE, Schedule("linear"), Schedule("wsd")])
def test_a_planted_end_comes_back_and_intervals_hold(schedule: Schedule) -> None:
    whole = [planted(schedule, 0.3, 0.004, seed) for seed in range(40)]
    held = []
    for one, curve in enumerate(whole):
        found = forecast(curve.until(0.6), schedule, whole[:one] + whole[one + 1 :])
        low, high = found.intervals["loss"]
        held.append(low <= curve.loss[-1] <= high)
        assert found.values["loss"] == pytest.approx(2.5, abs=0.05)
    assert np.mean(held) >= 0.85


def test_what_is_still_to_come_is_told_apart() -> None:
    schedule = Schedule("wsd")
    whole = [planted(schedule, gain) for gain in (0.2, 0.3, 0.4)]
    found = forecast(planted(schedule, 0.3).until(0.7), schedule, whole).values
    assert found["end_gains"] == pytest.approx(0.3, rel=1e-3)
    assert found["tokens_gain"] == pytest.approx(
        0.5 * ((schedule.area(np.array([0.7])) / 0.85) ** -0.5 - 1), rel=0.1
    )


def test_a_lone_curve_will_do_only_where_the_rate_stays() -> None:
    constant = Schedule("constant")
    found = forecast(planted(constant, 0.3, 0.002).until(0.6), constant)
    low, high = found.intervals["loss"]
    assert low < 2.8 < high
    with pytest.raises(UserError, match="still falls by .* at least 3 finished runs"):
        forecast(planted(COSINE, 0.3).until(0.6), COSINE)
    ended = planted(COSINE, 0.3)
    assert forecast(ended, COSINE).values["loss"] == pytest.approx(2.5, abs=0.05)


@pytest.mark.parametrize(
    ("curve", "said"),
    [
        (planted(COSINE, 0.3).until(0.15), "only 2 losses lie between"),
        (planted(COSINE, 0.3).until(0.0), "only 0 losses"),
        (Curve(np.arange(9.0), np.ones(9), 5.0), "beyond the 5 of the run"),
    ],
)
def test_what_cannot_be_forecast_is_one_sentence(curve: Curve, said: str) -> None:
    with pytest.raises(UserError, match=said):
        forecast(curve, COSINE, [planted(COSINE, 0.3)] * 3)


def test_a_schedule_that_there_is_not_is_refused() -> None:
    with pytest.raises(UserError, match="choose from cosine, linear"):
        Schedule("exponential")
    with pytest.raises(UserError, match="warmup is 10; give a share"):
        Schedule("cosine", warmup=10)


@pytest.mark.slow
def test_our_runs_end_where_they_were_forecast() -> None:
    """Within .06 nats from half of the curve, where as it stands it is off by .28."""
    found = forecast_errors((0.5, 0.7))
    assert (found["error"] < [0.06, 0.04]).all()
    assert (found["as_it_stands"] > 3 * found["error"]).all()
    assert (found["covered"] > 0.9).all()


def test_the_command_reads_a_table_of_curves(tmp_path: Path) -> None:
    runs = load_runs().query("role == 'fit' and D > 6e6").head(6)
    curves = curves_of(runs, load_curves())
    names = [f"r{number}" for number in range(len(curves))]
    parts = [curves[0].until(0.6), *curves[1:]]
    table = pd.concat(
        pd.DataFrame({"run": name, "seen": part.tokens / 1e6, "nll": part.loss})
        for name, part in zip(names, parts, strict=True)
    )
    table.to_csv(tmp_path / "log.csv", index=False)
    app = make_app(commands.COMMANDS)
    words = ["forecast", str(tmp_path / "log.csv"), "--D", str(curves[0].total),
             "--schedule", "cosine", "--map", "D=seen,loss=nll", "--tokens-unit", "M",
             "--json"]  # fmt: skip
    done = CliRunner().invoke(app, [*words, "--run", "r0"])
    found = json.loads(done.output)["values"]
    expected = forecast(parts[0], COSINE, curves[1:]).values
    assert found == pytest.approx(expected, rel=1e-6)
    with pytest.raises(UserError, match="say with --run"):
        raise CliRunner().invoke(app, words).exception or AssertionError
    with pytest.raises(UserError, match="no run 'x'"):
        raise (
            CliRunner().invoke(app, [*words, "--run", "x"]).exception or AssertionError
        )
