import numpy as np
import pandas as pd
import pytest

from precision_lib.errors import UserError
from precision_lib.model.shapes import RATE_AT_24K, RATE_EXPONENT
from precision_lib.paths import DATA
from precision_lib.runs.run_table import load_runs
from precision_lib.sweep.plans import read_plan
from precision_lib.training.rate_fit import B0, D0, N0, fit_batch, fit_rates
from precision_lib.training.tuning import (
    best_rates,
    cells,
    comparable,
    compare_ends,
    rate_rule,
)
from tools import rate_rule as command


def planted(optimum, rates=(0.35, 0.7, 1.4, 2.8)):
    """Losses that are a parabola in the logarithm of the rate, at three sizes."""
    rows = [
        {
            "N": size,
            "weight_bits": bits,
            "peak_lr": factor * optimum(size),
            "loss": 3 + 0.1 * np.log(factor / shift) ** 2,
        }
        for size in (24_000, 100_000, 400_000)
        for bits, shift in ((32, 0.9), (2, 1.1))
        for factor in rates
    ]
    return pd.DataFrame(rows)


def test_a_planted_rule_is_found():
    best = best_rates(planted(lambda size: 0.02 * (size / 24_000) ** -0.4))
    assert best["bracketed"].all() and len(best) == 6
    scale, exponent = rate_rule(best)
    assert scale == pytest.approx(0.02 * np.sqrt(0.9 * 1.1))
    assert exponent == pytest.approx(-0.4)


def test_an_optimum_at_the_edge_is_said_and_not_used():
    table = planted(lambda size: 0.02, rates=(1.0, 2.0, 4.0))
    best = best_rates(table[table["weight_bits"] == 32])
    assert not best["bracketed"].any()
    with pytest.raises(UserError, match="two sizes or more"):
        rate_rule(best)


def test_no_runs():
    with pytest.raises(UserError, match="no runs"):
        best_rates(pd.DataFrame(columns=["N", "weight_bits", "peak_lr", "loss"]))


def test_the_published_rule_is_the_fitted_one():
    best = best_rates(load_runs(table="short").query("sweep == 'tuning'"))
    assert best["bracketed"].all() and len(best) == 12
    scale, exponent = rate_rule(best)
    assert pytest.approx(RATE_AT_24K, rel=0.02) == scale
    assert pytest.approx(RATE_EXPONENT, abs=0.01) == exponent


RULE = {"at": 0.009, "N": -0.4, "D": -0.3, "batch": 0.6}


def planted_table(noise, low=1.0):
    """The runs of the tuning plan, with best rates and batches that are known."""
    rng = np.random.default_rng(1)
    rows = []
    for config in read_plan(DATA / "plans" / "tuning.yaml").configs():
        size, tokens = config.model.n_non_embedding, config.steps * 128
        tokens *= config.batch_size
        x = [np.log(size / N0), np.log(tokens / D0), np.log(config.batch_size / B0)]
        best = np.log(RULE["at"]) + np.dot([RULE["N"], RULE["D"], RULE["batch"]], x)
        quantized = config.precision.weights == "int4"
        away = np.log(config.peak_lr) - best - (np.log(low) if quantized else 0.0)
        batch = x[2] - 0.5 * x[1] + np.log(B0 / 12)
        loss = 3 + 0.03 * away**2 + 0.006 * away**3 + 0.02 * batch**2
        loss += 0.2 * quantized + 0.02 * (config.final_lr > 0)
        row = {"N": size, "D": tokens, "peak_lr": config.peak_lr, "seed": config.seed}
        row |= config.precision.bits | {"batch_size": config.batch_size}
        row |= {"schedule": config.schedule, "final_lr": config.final_lr}
        rows.append(row | {"loss": loss + noise * rng.normal()})
    return cells(pd.DataFrame(rows))


@pytest.mark.parametrize(("noise", "room"), [(0.0, 0.06), (0.006, 0.2)])
def test_a_planted_rule_in_size_and_data_is_found(noise, room):
    runs = planted_table(noise)
    rates = best_rates(comparable(runs), ["N", "tokens", "low", "batch_size"])
    assert len(rates) == 40
    found = fit_rates(rates)
    assert np.exp(found["at"].value) == pytest.approx(RULE["at"], rel=room)
    for name in ("N", "D", "batch"):
        assert found[name].value == pytest.approx(RULE[name], abs=room)
        assert (
            found[name].low <= RULE[name] + 0.01
            and RULE[name] - 0.01 <= found[name].high
        )
    assert found["low"].value == pytest.approx(0.0, abs=room)
    batch = fit_batch(rates)
    assert np.exp(batch["at"].value) == pytest.approx(12, rel=room)
    assert batch["D"].value == pytest.approx(0.5, abs=room)


def test_low_precision_with_a_rate_of_its_own_is_seen():
    runs = planted_table(0.002, low=1.7)
    rates = best_rates(comparable(runs), ["N", "tokens", "low", "batch_size"])
    low = fit_rates(rates)["low"]
    assert low.value == pytest.approx(np.log(1.7), abs=0.1) and low.low > 0.3


def test_the_end_of_the_schedule():
    found = compare_ends(planted_table(0.001)).set_index(["schedule", "final_lr"])
    assert found.loc[("linear", 0.0), "difference"] == pytest.approx(0, abs=0.002)
    for name in ("linear", "cosine"):
        assert found.loc[(name, 0.1), "difference"] == pytest.approx(0.02, abs=0.002)
    assert (found["pairs"] == 4).all()


def test_the_command_writes_a_rule_that_its_own_points_accept():
    runs = planted_table(0.0)
    rule = command.fitted(runs)
    assert (rule.schedule, rule.final_lr) == ("cosine", 0.0)
    assert rule.peak_lr(N0, D0, B0) == pytest.approx(RULE["at"], rel=0.06)
    table = command.points(runs, rule)
    tried = table["above"].notna()
    assert tried.sum() >= 12 and (table["above"][tried].abs() < 0.005).all()
    cell = table["tokens"].between(6e6, 8e6)
    assert table["batch_bracketed"][cell].all()
    assert table["best_batch"][cell].tolist() == pytest.approx(
        [12] * cell.sum(), rel=0.1
    )
    assert not table["batch_bracketed"][(table["tokens"] > 2e7) & table["low"]].any()
    low, high = rule.intervals["rate batch"]
    assert low <= rule.rate["batch"] <= high


def test_a_diverged_rate_counts_as_worst():
    table = planted(lambda size: 0.02).query("weight_bits == 32")
    highest = table["peak_lr"] == table["peak_lr"].max()
    broken = best_rates(table.assign(loss=table["loss"].mask(highest)))
    pd.testing.assert_frame_equal(broken, best_rates(table))
    second = table["peak_lr"] > 0.02
    edge = best_rates(table.assign(loss=table["loss"].mask(second)))
    assert edge["bracketed"].all() and edge["rate"].tolist() == pytest.approx(
        [0.014] * 3
    )


def test_too_few_points_are_no_rule():
    rates = best_rates(
        planted_table(0.0).query("tokens < 2e6"), ["N", "tokens", "low", "batch_size"]
    )
    with pytest.raises(UserError, match="do not determine a rule"):
        fit_rates(rates)
    with pytest.raises(UserError, match="do not determine a rule"):
        fit_batch(rates)
