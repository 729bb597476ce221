"""Every estimand finds what was planted, in the design and the noise of our runs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar

from precision_lib.errors import Undetermined, UserError
from precision_lib.findings import (
    base_law,
    composition,
    cost_growth,
    delta_growth,
    equal_loss,
    ladder_share,
    measured_best_bits as best,
    part_costs,
    prediction_error,
    size_slope,
    turn,
)
from precision_lib.findings.estimate import Estimate
from precision_lib.findings.measured import Measured, finished
from precision_lib.findings.preregistration import preregistered
from precision_lib.findings.twins import PARTS
from tests.findings import planted_runs as plant
from tests.findings.planted_runs import Truth

TRUTH = Truth(
    coupling=0.05,
    excess=0.08,
    excess_size=0.1,
    late=-0.15,
    noise_gamma=0.4,
    robust=-0.2,
)
EXACT = replace(TRUTH, model=1e-5, run=1e-5, low=1e-5, cell=1e-6, rounding=1e-4)


@cache
def table(truth: Truth = TRUTH, seed: int = 1) -> Measured:
    return plant.planted(truth, seed, mixes=True)


def holds(found: Estimate, true: float, spare: float = 0.0) -> None:
    low, high = found.interval(0.999)
    assert low - spare <= true <= high + spare, (found, true)


def test_the_exponent_of_the_size_slope() -> None:
    holds(size_slope.slope_exponent(table()), 0.05)
    exact = size_slope.slope_exponent(table(EXACT))
    assert exact.value == pytest.approx(0.05, abs=1e-3)


def test_the_constants_of_a_law_that_holds() -> None:
    found = base_law.constants(table(Truth()), 3.5e6)
    true = {"E": 1.4, "alpha": 0.3, "beta": 0.5}
    for name, row in found.iterrows():
        assert row["low"] < true[str(name)] < row["high"]
    assert found.loc["beta", "relative"] < 0.2 and found["models"].eq(15).all()


def test_the_exponents_of_the_cost_less_those_of_the_slope() -> None:
    holds(cost_growth.excess_exponent(table()), 0.08)
    holds(cost_growth.excess_size_exponent(table()), 0.1)
    exact = cost_growth.excess_exponent(table(EXACT), parts=["kv"])
    assert exact.value == pytest.approx(0.08, abs=5e-3)


def test_the_best_size_moves_where_low_precision_costs_small_models_more() -> None:
    truth = replace(TRUTH, excess=0.0, excess_size=0.0)

    def slopes(bits: tuple[int, int, int]) -> float:
        step, size, data = 0.01, 73e3, 7e6
        up = [
            plant.clean_loss(truth, size * np.exp(s), data, bits) for s in (-step, step)
        ]
        on = [
            plant.clean_loss(truth, size, data * np.exp(s), bits) for s in (-step, step)
        ]
        return float(np.log((up[0] - up[1]) / (on[0] - on[1])))

    true = slopes((4, 4, 4)) - slopes((32, 32, 32))
    holds(cost_growth.allocation_shift(table(truth)), true, spare=0.05)


def test_gamma_by_range_method_and_size() -> None:
    holds(delta_growth.exponent(table(), "D"), 0.5 - 0.15)
    holds(delta_growth.exponent(table(), "N", least=3.5e6), 0.35)
    holds(delta_growth.change_of_exponent(table()), -0.15)
    holds(delta_growth.difference_of_exponents(table(), "noise", "rtn"), -0.1)
    holds(delta_growth.curvature_in_bits(table()), 0.0)


def test_a_power_of_the_bits_is_told_from_an_exponential() -> None:
    runs, ptq = table()
    bits = ptq["post_bits"].astype(float)
    ptq = ptq.assign(delta=ptq["delta"] * np.exp(bits / 0.6) * bits**-5.5)
    found = delta_growth.curvature_in_bits(Measured(runs, ptq))
    holds(found, np.log(np.log(4 / 3) / np.log(6 / 5)))
    assert preregistered()["exponential-in-bits"].word(found) == "contradicts"


def relabelled(
    rows: pd.DataFrame, sweep: str, effect: float = 0.0, **columns: object
) -> Measured:
    """Planted rows under another plan, with this much more growth of delta."""
    ids = {
        old: f"{int(old, 16) + 4096 * (1 + len(sweep)):012x}" for old in rows["run_id"]
    }
    more = (rows["D"] / 7e6) ** effect
    rows = rows.assign(run_id=rows["run_id"].map(ids), sweep=sweep)
    rows = rows.assign(delta=rows["delta"] * more, **columns)
    return Measured(rows.drop_duplicates("run_id"), rows)


def joined(*parts: Measured) -> Measured:
    runs = pd.concat([part.runs for part in parts], ignore_index=True)
    return Measured(runs, pd.concat([part.ptq for part in parts], ignore_index=True))


def high(size: int, truth: Truth = TRUTH) -> pd.DataFrame:
    ptq = table(truth).ptq
    ptq = ptq[(ptq["N"] == plant.SIZES[size]) & (ptq["method"] == "gptq")]
    return ptq[(ptq[list(PARTS.values())] == 32).all(axis=1)]


def test_growth_under_other_settings_schedules_and_batches() -> None:
    flat = replace(TRUTH, late=0.0)
    usual = {"corpus": "default", "weight_decay": 0.1, "sequence": 128}
    usual |= {"schedule": "linear", "batch_size": 16}
    base = joined(*(relabelled(high(n, flat), "base", **usual) for n in (24, 98)))
    again = [high(n, replace(flat, robust=9.0)) for n in (24, 98)]  # other noise

    changed = usual | {"weight_decay": 0.3}
    settings = joined(base, relabelled(again[0], "settings", -0.2, **changed))
    holds(delta_growth.settings_difference(settings), -0.2)

    trunk = [
        relabelled(a, "decay", -0.3, **usual | {"schedule": "constant"}) for a in again
    ]
    found = delta_growth.trunk_exponent(joined(base, *trunk))
    holds(found, 0.2)
    constant = usual | {"schedule": "constant"}
    leaving = [a.assign(D=(0.8 * a["D"]).astype(int), delta=9.0) for a in again]
    cuts = [relabelled(a, "decay cut", **constant) for a in leaving]
    cuts = [Measured(*(t.assign(sweep="decay") for t in part)) for part in cuts]
    assert delta_growth.trunk_exponent(joined(base, *trunk, *cuts)) == found

    branch = [relabelled(a, "decay", 0.25, **usual) for a in again]
    holds(delta_growth.branch_difference(joined(base, *branch)), 0.25)

    at7 = high(24, flat).query("D == 7_000_000")
    steps = [
        relabelled(at7.assign(delta=at7["delta"] * np.exp(0.1 * k)), f"s{k}", **usual)
        for k in (-1, 1)
    ]
    steps = [
        Measured(*(t.assign(batch_size=16 / 2**k, sweep="steps") for t in part))
        for k, part in zip((-1, 1), steps, strict=True)
    ]
    seven = Measured(*(t.query("D == 7_000_000") for t in base))
    steps[1] = Measured(*(t.assign(run_id="b" + t["run_id"].str[1:]) for t in steps[1]))
    holds(delta_growth.effect_of_steps(joined(seven, *steps)), 0.1)


def test_the_turn_is_the_planted_rise() -> None:
    true = [
        plant.clean_loss(TRUTH, 23_936, d, (32, 32, 32))
        + plant.clean_delta(TRUTH, 23_936, d, (32, 32, 32), 3, "gptq", 0)
        for d in (7e6, 28e6)
    ]
    holds(turn.rise(table(), 24e3, 7e6, 28e6), true[1] - true[0], spare=0.01)


def test_costs_of_parts() -> None:
    six = [plant.single(TRUTH, "weight_bits", 6, n, 7e6) for n in (23_936, 98_064)]
    found = part_costs.cost(table(), {"weight_bits": 6}, 7e6)
    holds(found, np.average(six, weights=[2, 1]), spare=0.005)
    gap = [
        plant.single(TRUTH, "activation_bits", 4, n, 7e6)
        - plant.single(TRUTH, "weight_bits", 4, n, 7e6)
        for n in (23_936, 98_064)
    ]
    parts = {"activation_bits": 4}, {"weight_bits": 4}
    found = part_costs.cost_difference(table(), *parts, 7e6)
    holds(found, np.average(gap, weights=[2, 1]), spare=0.01)
    assert found.units == 3
    gain = plant.clean_loss(TRUTH, 23_936, 7e6, (32, 32, 32))
    gain -= plant.clean_loss(TRUTH, 98_064, 7e6, (4, 32, 32))
    holds(part_costs.equal_memory_gain(table(), 24e3, 98e3, 4, 7e6), gain, spare=0.01)
    with pytest.raises(UserError, match="no size has runs of all of: int7"):
        part_costs.cost(table(), {"weight_bits": 7}, 7e6)


def test_granularity_is_told_apart() -> None:
    runs = table().runs.query("D == 7_000_000 and N == 23_936")
    fine = runs[runs["activation_format"].eq("int4") & runs["weight_bits"].eq(32)]
    fine = fine[fine["kv_bits"].eq(32)]
    coarse = runs[runs["weight_format"].eq("int4") & runs["activation_bits"].eq(32)]
    coarse = coarse[coarse["kv_bits"].eq(32)]
    fine = fine.assign(activation_granularity="token", loss=fine["loss"] - 0.2)
    coarse = coarse.assign(weight_granularity="tensor", loss=coarse["loss"] + 0.03)
    more = Measured(pd.concat([table().runs, fine, coarse]), table().ptq)
    holds(part_costs.granularity_gap(more, 4, 7e6), 0.17, spare=0.001)


def test_the_share_of_broken_runs_counts_diverged_ones() -> None:
    runs = table().runs.copy()
    three = runs.index[(runs["activation_bits"] == 3) | (runs["kv_bits"] == 3)]
    runs.loc[three, "loss"] = 3.0
    runs.loc[three[0], ["status", "loss"]] = "diverged", np.nan
    runs.loc[three[1], "loss"] = 9.0
    found = part_costs.share_broken(Measured(runs, table().ptq))
    assert found.value == pytest.approx(2 / len(three)) and found.units == len(three)
    low, high = found.interval()
    assert 0 < low < found.value < high < 0.5


@pytest.mark.parametrize("add", [True, False])
def test_sums_are_told_from_products(add: bool) -> None:
    truth = replace(TRUTH, add=add, excess=0.0, excess_size=0.0)
    holds(composition.between_sum_and_product(table(truth), 7e6), 0.0 if add else 1.0)
    rules = composition.compositions(table(truth), 7e6)
    errors = [((rules["cost"] - rules[r]) ** 2).mean() for r in ("sum", "product")]
    assert (errors[0] < errors[1]) == add
    scores = composition.explained(rules)
    assert scores["R²"].idxmax() == ("costs add" if add else "shares multiply")
    assert 0.9 < scores.attrs["ceiling"] < 1
    bits = (3, 3, 3)
    ratio = []
    for size in (23_936, 98_064):
        cost = plant.clean_loss(truth, size, 7e6, bits)
        cost -= plant.clean_loss(truth, size, 7e6, (32, 32, 32))
        parts = [plant.single(truth, p, 3, size, 7e6) for p in plant.BITS]
        ratio.append(np.log(cost / sum(parts)))
    true = np.average(ratio, weights=[2, 1])
    holds(composition.tied_over_sum(table(truth), 7e6, 3), true, spare=0.01)


def test_parts_that_grow_alike_keep_their_share_of_the_ladder() -> None:
    found = ladder_share.ladder_share(table(replace(TRUTH, excess_size=0.0)))
    holds(found.in_data, 0.0, spare=0.01)
    assert found.in_data.units == 4 and set(found.rows["tokens"]) == set(plant.DATA)


def test_robustness_is_what_is_left_at_equal_loss() -> None:
    holds(equal_loss.robustness(table()), -0.2, spare=0.02)
    none = equal_loss.robustness(table(replace(TRUTH, robust=0.0)))
    holds(none, 0.0, spare=0.02)


def clean_best(truth: Truth, data: float) -> float:
    """The bits with the largest exp(-cost / slope) / bits, by search."""

    def lost(bits: float) -> float:
        at = [plant.single(truth, p, bits, 23_936, data) for p in plant.BITS]
        step = 0.001
        part = [
            plant.slope_part(truth, 23_936 * np.exp(s), data) for s in (-step, step)
        ]
        slope = float(part[0] - part[1]) / (2 * step)
        return sum(at) / slope + float(np.log(bits))

    return float(minimize_scalar(lost, bounds=(4, 9), method="bounded").x)


def test_the_best_bits_and_their_change() -> None:
    true = [clean_best(TRUTH, d) for d in (1.75e6, 28e6)]
    holds(best.best_bits(table(), 24e3, 28e6), true[1], spare=0.1)
    found = best.change_of_best_bits(table(), 24e3, 1.75e6, 28e6)
    holds(found, true[1] - true[0], spare=0.1)
    exact = best.change_of_best_bits(table(EXACT), 24e3, 1.75e6, 28e6)
    assert exact.value == pytest.approx(true[1] - true[0], abs=0.1)


def test_the_best_bits_for_serving_rise_with_delta() -> None:
    flat = replace(TRUTH, late=0.0, coupling=0.0)
    found = best.change_for_serving(table(flat), 3.5e6, 28e6)

    def true(data: float, size: float) -> float:
        slope = 0.3 * (size / 98e3) ** -0.3
        front = 55 * (data / 7e6) ** 0.5 * (size / 24e3) ** -0.35

        def lost(bits: float) -> float:
            return float(front * np.exp(-bits / 0.6) + slope * np.log(bits))

        return float(minimize_scalar(lost, bounds=(2, 9), method="bounded").x)

    sizes = [plant.SIZES[n] for n in (24, 56, 98)]
    expected = np.mean([true(28e6, n) - true(3.5e6, n) for n in sizes])
    holds(found, float(expected), spare=0.02)


def test_a_size_that_stops_early_does_not_move_the_best_bits_for_serving() -> None:
    """Sums over sizes that are not the same at both ends once gave -1 bit for +.3."""
    whole = table(replace(TRUTH, late=0.0, coupling=0.0))
    there = [one[(one["N"] != plant.SIZES[98]) | (one["D"] < 20e6)] for one in whole]
    found = best.change_for_serving(Measured(*there), 3.5e6, 28e6)
    holds(found, best.change_for_serving(whole, 3.5e6, 28e6).value, spare=0.05)
    without = [one[one["N"] < 20e3] for one in whole]
    with pytest.raises(Undetermined, match="no size is rounded by gptq at both"):
        best.change_for_serving(Measured(whole.runs, without[1]), 3.5e6, 28e6)


def test_at_fixed_size_the_bits_that_pay_rise_with_data() -> None:
    found = best.change_at_fixed_size(table(), 24e3, 1.75e6, 7e6)
    assert found.interval()[0] > 0.3
    with pytest.raises(UserError, match="at 14,000,000 tokens there are"):
        best.change_at_fixed_size(table(), 24e3, 1.75e6, 14e6)


def said(rows: pd.DataFrame, law: str, quantity: str, factor: float) -> pd.DataFrame:
    keep = ["run_id", "method", "post_bits"]
    return rows[keep].assign(
        law=law, quantity=quantity, predicted=rows["measured"] * factor
    )


def test_errors_of_predictions() -> None:
    runs = table().runs
    late = runs["D"].eq(28_000_000)
    runs = runs.assign(sweep=np.where(late, "held_28M", "base"))
    measured = Measured(runs, table().ptq)
    held = runs[late].assign(method="none", post_bits=0, measured=runs["loss"])
    predictions = pd.concat(
        [said(held, "a", "loss", 1.01), said(held, "b", "loss", 1.03)]
    )
    asked = {"quantity": "loss", "plan": "held_28M", "predictions": predictions}
    gap = prediction_error.difference(measured, "b", "a", **asked)
    assert gap.value == pytest.approx(np.log(1.03) - np.log(1.01), abs=1e-6)
    worst = prediction_error.largest_error(measured, "b", **asked)
    assert worst.value == pytest.approx(np.log(1.03))
    assert 0.02 < worst.interval()[0] < worst.interval()[1] < 0.05
    with pytest.raises(UserError, match="law 'c' has no prediction of the loss of run"):
        prediction_error.largest_error(measured, "c", **asked)


def test_the_share_of_the_excess_that_is_explained() -> None:
    runs = table().runs.query("D == 7_000_000")
    low = runs[list(PARTS.values())].min(axis=1) < 32
    runs = runs.assign(sweep=np.where(low, "held_mixes", "base"))
    measured = Measured(runs, table().ptq)
    rows = prediction_error._truth(measured, finished(runs[low]), "excess")
    assert (rows["measured"] < 9).all() and rows["method"].nunique() == 4
    perfect = said(rows, "unified", "excess", 1.0)
    asked = {"law": "unified", "quantity": "excess", "plan": "held_mixes"}
    found = prediction_error.r_squared(measured, **asked, predictions=perfect)
    assert found.value == pytest.approx(1.0)
    noisy = perfect.assign(predicted=perfect["predicted"].mean())
    assert prediction_error.r_squared(measured, **asked, predictions=noisy).value < 0.05
