"""The questions of a budget, of a start and of a measured delta, against scipy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats

from precision_lib import decide
from precision_lib.decide.cost import RATES, RULES, flop_share, rule_words, tokens_for
from precision_lib.decide.ties import covering
from precision_lib.errors import UserError
from precision_lib.laws import (
    Fit,
    bootstrap,
    fit,
    get_law,
    load_fits,
    planted_params,
    planted_table,
    save_fits,
)
from precision_lib.laws.solver.objective import Objective

PAPER = decide.surface(decide.paper_fit())


def known(law: str) -> Fit:
    """A fit with planted constants."""
    kind = get_law(law)
    return Fit(kind, planted_params(kind), 0.0, Objective(), 9, 1.0, 1.0)


def loss_at(budget: float, bits: float, rule: str, x: float) -> float:
    N = np.exp(x)
    D = tokens_for(PAPER, budget, N, bits, rule)
    return float(PAPER.loss(np.array([0]), N, D, bits)[0])


@pytest.mark.parametrize("rule", RULES)
def test_the_best_of_each_width_and_what_is_nearly_as_good(rule: str) -> None:
    found = decide.training_widths(PAPER, 1e20, 0.02, (5, 8), rule)
    for k, bits in enumerate(found.bits):
        best = optimize.minimize_scalar(
            lambda x, p=bits: loss_at(1e20, p, rule, x), bounds=(15, 30),
            method="bounded", options={"xatol": 1e-10},
        )  # fmt: skip
        assert found.loss[k] == pytest.approx(best.fun, rel=1e-10)
        assert np.log(found.N[k]) == pytest.approx(best.x, abs=1e-4)
        assert found.D[k] == pytest.approx(
            tokens_for(PAPER, 1e20, found.N[k], bits, rule)
        )
    goal = found.loss.min() + 0.02
    k = int(found.loss.argmin())
    for name, far in (("from", -3), ("to", 3)):
        x = np.log(found.N[k])
        end = optimize.brentq(
            lambda x: loss_at(1e20, found.bits[k], rule, x) - goal, x + far, x
        )
        assert np.log(found.more[f"N_{name}"][k]) == pytest.approx(end, abs=1e-8)
    assert found.above.min() == 0 and found.loss.argmin() == found.above.argmin()


def test_a_width_that_loses_more_has_nothing_nearly_as_good() -> None:
    found = decide.training_widths(PAPER, 1e20, 1e-4, (4, 7))
    assert np.isnan(found.more["N_from"]).tolist() == [True, False]
    gone = decide.training_widths(PAPER, 1e20, 1e-4, (2, 7))
    assert np.isnan(gone.loss[0]) and np.isnan(gone.above[0]) and gone.above[1] == 0


def test_widths_carry_the_interval_of_the_replicates() -> None:
    one = fit(planted_table("effective-tied", 80, noise=0.004), "effective-tied")
    one = one.with_bootstrap(bootstrap(one, "residual", 40))
    found = decide.training_widths(decide.surface(one), 1e18)
    losses = [
        [
            decide.allocation(
                decide.surface(replace(one, params=_draw(one, r), replicates={})),
                1e18, p,
            ).values["loss"] for r in range(40)
        ] for p in found.bits
    ]  # fmt: skip
    above = np.array(losses) - np.min(losses, axis=0)
    assert found.low == pytest.approx(np.percentile(above, 2.5, axis=1), abs=1e-9)
    assert found.high == pytest.approx(np.percentile(above, 97.5, axis=1), abs=1e-9)


def _draw(one: Fit, k: int) -> dict[str, float]:
    return {name: float(values[k]) for name, values in one.replicates.items()}


def test_a_rule_counts_what_stays_wide() -> None:
    weights = decide.surface(known("effective-weights"))
    assert flop_share(weights, 4.0, "all") == 0.25
    assert flop_share(weights, 4.0, "max") == 1.0
    assert flop_share(weights, 4.0, "parts") == pytest.approx((4 + 16 + 16) / 48)
    held = decide.surface(
        decide.paper_fit(), columns={"activation_bits": 8, "kv_bits": 32}
    )
    assert flop_share(held, 4.0, "max") == 0.5
    assert flop_share(held, 4.0, "parts") == pytest.approx((4 + 8 + 16) / 48)
    assert flop_share(held, 4.0, "b200") == 0.5
    shares = flop_share(PAPER, np.array([3.0, 4.0, 5.0, 6.5, 12.0, 16.0]), "b200")
    assert shares.tolist() == [0.25, 0.25, 0.5, 0.5, 1.0, 1.0]
    with pytest.raises(UserError, match="no rate of h100 for 32 bits"):
        flop_share(PAPER, 32.0, "h100")
    with pytest.raises(UserError, match="no cost rule 'tpu'; choose from all, max"):
        flop_share(PAPER, 4.0, "tpu")
    for rule, rates in RATES.items():
        assert "https://" in rule_words(rule) and rates[16.0] == min(rates.values())


@pytest.mark.parametrize("rule", ["a100", "h100", "b200"])
def test_an_accelerator_computes_in_its_own_widths_only(rule: str) -> None:
    found = decide.optimal_precision(PAPER, 1e20, rule=rule)
    table = decide.training_widths(PAPER, 1e20, widths=sorted(RATES[rule]), rule=rule)
    k = int(table.loss.argmin())
    assert found.values["P"] == table.bits[k]
    assert found.values["loss"] == pytest.approx(table.loss[k], rel=1e-12)
    few = decide.precision_at_size(PAPER, 1e20, 1e9, rule=rule)
    assert few.values["P"] in RATES[rule]


def test_without_a_price_on_bits_the_most_are_best() -> None:
    found = decide.optimal_precision(
        decide.surface(known("effective-weights")), 1e20, (4, 16), "max"
    )
    assert found.at_end == {"P": "or more"}


@pytest.mark.parametrize("bits", [3.0, 4.0, 8.0])
def test_the_start_of_quantized_training_is_the_optimum(bits: float) -> None:
    law = known("two-phases")
    N, D = 6e7, 6e9

    def loss(share: float) -> float:
        return float(law.predict({"N": [N], "D": [D], "weight_bits": [bits],
                                  "qat_share": [share]})[0])  # fmt: skip

    best = optimize.minimize_scalar(loss, bounds=(1e-4, 1 - 1e-4), method="bounded",
                                    options={"xatol": 1e-10})  # fmt: skip
    found = decide.quantization_start(decide.surface(law), N, D, bits).values
    assert found["qat_share"] == pytest.approx(best.x, abs=1e-5)
    assert found["D_start"] == pytest.approx((1 - best.x) * D, rel=1e-5)
    assert found["loss"] == pytest.approx(best.fun, rel=1e-12)
    with pytest.raises(UserError, match="does not know when quantized training"):
        decide.quantization_start(PAPER, N, D, bits)


def test_critical_data_that_nobody_has_is_called_so() -> None:
    s = decide.surface(decide.paper_fit(), decide.paper_degradation())
    near, far = (decide.critical_data(s, 3e7, bits) for bits in (4, 8))
    assert near.at_end == {} and far.at_end == {"D": "beyond any data"}
    assert far.values["D"] / 3e7 > 2e5 and far.to_dict()["at_end"] == far.at_end


def test_a_measured_delta_is_normal_19_times_in_20() -> None:
    table = planted_table("ptq", 120, noise=0.15, seed=1)
    law = fit(table, "ptq")
    law = law.with_bootstrap(bootstrap(law, replicates=60))
    s = decide.surface(known("chinchilla"), law)
    found = decide.rounding_cost(s, 1e8, 6e9, 4, measured=0.05)
    low, high = found.values["normal_from"], found.values["normal_to"]
    params = planted_params(get_law("ptq"))
    clean = get_law("ptq").predict(N=1e8, D=6e9, post_bits=4.0, **params)
    draws = clean * np.exp(0.15 * np.random.default_rng(0).standard_normal(4000))
    assert 0.92 < ((draws >= low) & (draws <= high)).mean() < 0.985
    assert found.notes[0].startswith("A delta of 0.05 is ")
    for measured, word in ((clean, "is normal"), (3 * clean, "is not normal")):
        judged = decide.rounding_cost(s, 1e8, 6e9, 4, measured=float(measured))
        assert word in judged.notes[0]
        z = stats.norm.isf(judged.values["chance"] / 2)
        assert (z > 1.96) == (word == "is not normal")
    wide = decide.rounding_cost(s, 1e8, 6e9, 4, measured=0.05, level=0.5).values
    assert low < wide["normal_from"] < wide["normal_to"] < high


def test_a_law_of_rounding_alone_says_what_rounding_costs() -> None:
    law, base = fit(planted_table("ptq", 60, noise=0.1), "ptq"), known("chinchilla")
    law = law.with_bootstrap(bootstrap(law, replicates=40))
    alone, both = (
        decide.rounding_cost(s, 1e8, 6e9, 4, measured=0.05)
        for s in (decide.surface(law), decide.surface(base, law))
    )
    shares = {"token_share", "size_share"}
    assert alone.values == {k: v for k, v in both.values.items() if k not in shares}
    assert alone.notes == both.notes and alone.intervals["delta"]
    with pytest.raises(UserError, match="'ptq' predicts a degradation, not a loss"):
        decide.serving_widths(decide.surface(law), 6e9, 1e8)


def test_without_a_known_scatter_only_the_ratio_is_said() -> None:
    s = decide.surface(decide.paper_fit(), decide.paper_degradation())
    found = decide.rounding_cost(s, 3e7, 2e10, 4, measured=0.2)
    assert "normal_from" not in found.values and "only the ratio" in found.notes[0]
    law = fit(planted_table("ptq", 40, noise=0.1), "ptq")
    assert Fit.from_json(law.to_json()).scatter == law.scatter > 0.05


def test_an_interval_covers_the_laws_that_tie() -> None:
    runs = planted_table("effective-weights", 90, noise=0.004)
    one, other = (
        each.with_bootstrap(bootstrap(each, "residual", 40))
        for each in (fit(runs, "effective-weights"), fit(runs, "effective-data"))
    )
    alone, tied = decide.surface(one), decide.surface(replace(one, ties=(other,)))
    for ask in (
        lambda s: decide.allocation(s, 1e18, 4),
        lambda s: decide.effective_size(s, 1e8, 1e10, 4),
    ):
        own, both = ask(alone), covering(ask, tied)
        theirs = ask(decide.surface(other))
        assert both.values == own.values
        for name, (low, high) in both.intervals.items():
            ends = [*own.intervals[name], *theirs.intervals[name], theirs.values[name]]
            assert (low, high) == (min(ends), max(ends))
        assert both.notes[-1].startswith("Intervals also cover effective-data, which")
    table = covering(lambda s: decide.training_widths(s, 1e18), tied)
    first = decide.training_widths(alone, 1e18)
    second = decide.training_widths(decide.surface(other), 1e18)
    assert table.above == pytest.approx(first.above)
    low = np.min([first.low, second.low, second.above], axis=0)
    assert table.low == pytest.approx(low)
    contour = covering(lambda s: decide.iso_loss(s, 3.4, 1e10, [4, 8]), tied)
    assert (contour.high >= decide.iso_loss(alone, 3.4, 1e10, [4, 8]).high).all()


def test_the_run_to_make_next_is_known_from_a_saved_fit(tmp_path) -> None:
    table = planted_table("effective-weights", 80, noise=0.003, seed=1)
    found = fit(table, "effective-weights", starts=8)
    found = found.with_bootstrap(bootstrap(found, "residual", 200))
    save_fits([found], tmp_path / "fit.json")
    (saved,) = load_fits(tmp_path / "fit.json")
    dearest = 6 * (table["N"] * table["D"]).max()
    for name in ("gamma_weights", "E"):
        one = decide.next_run(found, found.replicates[name], name)
        assert one == decide.next_run(saved, saved.replicates[name], name)
        assert one.left <= one.same <= 1
        assert 6 * one.run["N"] * one.run["D"] <= 1.01 * dearest
    cheap = decide.next_run(found, found.replicates["E"], "E", dearest / 50)
    assert 6 * cheap.run["N"] * cheap.run["D"] <= 1.01 * dearest / 50
    assert cheap.left >= one.left


def test_a_tie_that_cannot_answer_is_left_out() -> None:
    plain = fit(planted_table("chinchilla", 40), "chinchilla", starts=4)
    tied = decide.surface(replace(decide.paper_fit(), ties=(plain,)))
    found = covering(lambda s: decide.optimal_precision(s, 1e18), tied)
    assert found == decide.optimal_precision(PAPER, 1e18)


def test_a_tie_that_lacks_a_width_is_left_out_of_the_table_of_widths() -> None:
    runs = planted_table("effective-weights", 120, noise=0.004)
    one, other = fit(runs, "effective-weights"), fit(runs, "bits-multiplier", starts=8)
    tied = decide.surface(replace(one, ties=(other,)))
    found = covering(lambda s: decide.training_widths(s, 1e18), tied)
    assert found.bits.tolist() == [4, 6, 8, 16] and found.notes == ()


@pytest.mark.filterwarnings("error")
def test_replicates_that_overflow_end_no_answer_and_say_infinity() -> None:
    plain = known("chinchilla")
    settings = Objective(scale="asinh", floor=1e-3)
    rounding = replace(known("ptq"), scatter=0.1, settings=settings)
    draws = {name: np.full(40, value) for name, value in rounding.params.items()}
    draws["gamma_D"][:10] = 30.0  # a power of D beyond any number
    rounding = replace(rounding, replicates=draws)
    base = replace(
        plain, replicates={k: np.full(40, v) for k, v in plain.params.items()}
    )
    law = decide.surface(base, rounding)
    found = decide.rounding_cost(law, 1e8, 1e12, 4, measured=0.2)
    assert found.intervals["delta"] == (found.values["delta"], np.inf)
    assert found.intervals["perplexity_ratio"][1] == np.inf
    assert "normal_to" not in found.values
    assert found.notes[0].startswith("How far runs scatter")
    table = decide.serving_widths(law, 1e12, 1e8)
    assert np.isnan(table.high).all() and np.isfinite(table.above).all()
    none = decide.rounding_cost(law, 1e8, 1e10, 1e4, measured=0.2)  # delta is zero
    assert none.values["delta"] == 0 and np.isnan(
        none.values["measured_over_predicted"]
    )
