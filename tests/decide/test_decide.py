"""Decisions against brute force, the paper's numbers, and derived formulas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize

from precision_lib import decide
from precision_lib.decide.search import falling_root, minimum
from precision_lib.errors import UserError
from precision_lib.laws import Fit, get_law
from precision_lib.laws.solver.objective import Objective

BASE = {"E": 1.8, "A": 480.0, "alpha": 0.35, "B": 2000.0, "beta": 0.37}
PARTS = {"gamma_weights": 2.0, "n_weights": 0.2, "gamma_activations": 2.2}
PARTS |= {"n_activations": 0.9, "gamma_kv": 0.9, "n_kv": 1.5}
COST = {"C_T": 0.06, "gamma_D": 0.5, "gamma_N": 0.34, "gamma_post": 0.6, "b": 1.1}
ROBUST = {"C_weights": 0.5, "C_activations": 0.6, "C_kv": 0.7}
LAWS = {
    "effective-weights": BASE | {"gamma_weights": 2.0, "n_weights": 0.6},
    "effective-activations": BASE | {"gamma_activations": 2.2, "n_activations": 1.4},
    "effective-kv": BASE | {"gamma_kv": 0.96, "n_kv": 2.4},
    "effective": BASE | PARTS,
    "effective-no-offset": BASE
    | PARTS
    | dict.fromkeys(("n_weights", "n_activations", "n_kv"), 0.0),
    "effective-coupled": BASE | PARTS | {"A": 5e4, "B": 2e6, "gamma": 0.6},
    "effective-tied": BASE | {"gamma": 1.9, "n": 0.7},
    "effective-data": BASE | {"gamma_weights": 2.0, "n_weights": 0.6},
    "effective-both-tied": BASE | {"gamma_weights": 2.0, "n_weights": 0.6},
    "power-additive": BASE | {"C": 3.0, "gamma": 2.5},
    "power-multiplicative": BASE | {"C": 5.0, "gamma": 2.5},
    "unified": BASE | PARTS | COST | ROBUST,
}


def made_up(law: str, params: dict[str, float], replicates: int = 0) -> Fit:
    """A fit with constants of our own and, if asked for, replicates near them."""
    generator = np.random.default_rng(1)
    draws = {
        name: value * np.exp(0.02 * generator.standard_normal(replicates))
        for name, value in params.items()
        if replicates
    }
    return Fit(
        law=get_law(law), params=params, objective=0.0, settings=Objective(),
        n=100, r2=1.0, share_at_best=1.0, replicates=draws,
    )  # fmt: skip


def loss_of(fit: Fit, N: float, D: float, bits: float, post: float = 1e9) -> float:
    """The law called directly, one number at a time."""
    given = {"N": N, "D": D, "post_bits": post}
    given |= dict.fromkeys(("weight_bits", "activation_bits", "kv_bits"), bits)
    columns = [given[name] for name in fit.law.columns()]
    with np.errstate(all="ignore"):
        found = float(fit.law.predict(*columns, **fit.params))
    return found if np.isfinite(found) else 1e9


def lowest(function, *ranges: tuple[float, float]) -> np.ndarray:
    """Brute force: a grid, then Nelder-Mead from its best point."""
    start = optimize.brute(function, ranges, Ns=40, finish=None)
    found = optimize.minimize(
        function,
        start,
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-14, "maxiter": 4000},
    )
    return found.x


# The offsets leave no loss below these bits, where brute force must not look:
# two negative factors have a positive product.
FLOORS = {"effective": 2.1, "unified": 2.1, "effective-tied": 1.4}
FLOORS |= {"effective-coupled": 2.1}
FLOORS |= {"effective-weights": 1.3, "effective-activations": 3.2, "effective-kv": 2.4}
FLOORS |= {"effective-data": 1.3, "effective-both-tied": 1.3}


@pytest.mark.parametrize("law", LAWS)
def test_optimal_precision_equals_brute_force(law: str) -> None:
    fit, budget = made_up(law, LAWS[law]), 1e20

    def height(x: np.ndarray) -> float:
        N, bits = np.exp(x)
        return loss_of(fit, N, budget * 16 / 6 / (N * bits), bits)

    floor = np.log(FLOORS.get(law, 1.0))
    N, bits = np.exp(lowest(height, (16, 26), (floor, np.log(32))))
    found = decide.optimal_precision(decide.surface(fit), budget)
    assert found.values["loss"] <= height(np.log([N, bits])) + 1e-12
    if not found.notes:
        assert found.values["P"] == pytest.approx(bits, rel=1e-4)
        assert found.values["N"] == pytest.approx(N, rel=1e-3)
    else:
        assert found.values["P"] == pytest.approx(1.0)
    cost = decide.training_cost(found.values["N"], found.values["D"], found.values["P"])
    assert cost == pytest.approx(budget)


@pytest.mark.parametrize("law", LAWS)
def test_allocation_equals_brute_force(law: str) -> None:
    fit, budget, bits = made_up(law, LAWS[law]), 1e19, 5.0

    def height(x: np.ndarray) -> float:
        return loss_of(fit, np.exp(x[0]), budget * 16 / 6 / (np.exp(x[0]) * bits), bits)

    N = np.exp(lowest(height, (14, 26))[0])
    found = decide.allocation(decide.surface(fit), budget, bits).values
    assert found["N"] == pytest.approx(N, rel=1e-4)
    assert found["tokens_per_parameter"] == pytest.approx(found["D"] / found["N"])


@pytest.mark.parametrize("law", LAWS)
def test_precision_at_size_equals_brute_force(law: str) -> None:
    fit, budget, N = made_up(law, LAWS[law]), 1e20, 1e9

    def height(x: np.ndarray) -> float:
        return loss_of(fit, N, budget * 16 / 6 / (N * np.exp(x[0])), np.exp(x[0]))

    floor = np.log(FLOORS.get(law, 1.0))
    bits = np.exp(lowest(height, (floor, np.log(32)))[0])
    found = decide.precision_at_size(decide.surface(fit), budget, N)
    assert found.values["P"] == pytest.approx(bits, rel=1e-4)


@pytest.mark.parametrize("law", LAWS)
def test_serving_memory_equals_brute_force(law: str) -> None:
    fit, memory, D = made_up(law, LAWS[law]), 1e9, 1e10

    def height(x: np.ndarray) -> float:
        return loss_of(fit, memory / np.exp(x[0]), D, np.exp(x[0]))

    floor = np.log(FLOORS.get(law, 1.0))
    bits = np.exp(lowest(height, (floor, np.log(32)))[0])
    found = decide.serving_memory(decide.surface(fit), memory, D)
    assert found.values["P"] == pytest.approx(max(bits, 1.0), rel=1e-4)
    assert found.values["N"] * found.values["P"] == pytest.approx(memory)


@pytest.mark.parametrize("law", [name for name in LAWS if name != "unified"])
def test_effective_size_has_the_same_loss_unquantized(law: str) -> None:
    fit = made_up(law, LAWS[law])
    found = decide.effective_size(decide.surface(fit), 1e8, 1e10, 4.0).values
    assert loss_of(fit, found["N_eff"], 1e10, 1e6) == pytest.approx(
        loss_of(fit, 1e8, 1e10, 4.0), rel=1e-12
    )
    assert 0 < found["share"] < 1


def test_paper_numbers_come_out_with_the_offsets_and_only_with_them() -> None:
    with_them = decide.surface(decide.paper_fit(), decide.paper_degradation())
    without = decide.surface(decide.paper_fit(offsets=False))
    for budget in (1e17, 1e21, 1e25):
        found = decide.optimal_precision(with_them, budget).values["P"]
        assert found == pytest.approx(7.00, abs=0.005)
        assert decide.optimal_precision(without, budget).values["P"] == pytest.approx(
            3.5, abs=0.1
        )
    factor = decide.effective_size(with_them, 1e8, 1e10, 4).values["factor"]
    assert factor == pytest.approx(5.2, abs=0.05)
    factor = decide.effective_size(without, 1e8, 1e10, 4).values["factor"]
    assert factor == pytest.approx(1.6, abs=0.05)
    for bits, tokens in ((3, 5.3e9), (4, 2.9e10), (5, 1.6e11)):
        found = decide.critical_data(with_them, 30e6, bits).values["D"]
        assert found == pytest.approx(tokens, rel=0.03)
    averaged = decide.paper.GAMMAS | decide.paper.OFFSETS
    gamma = np.mean([v for k, v in averaged.items() if k.startswith("gamma")])
    n = np.mean([v for k, v in averaged.items() if k.startswith("n_")])
    tied = made_up("effective-tied", decide.paper.BASE | {"gamma": gamma, "n": n})
    found = decide.optimal_precision(decide.surface(tied), 1e21).values["P"]
    assert found == pytest.approx(7.64, abs=0.01)


@pytest.mark.parametrize(
    ("part", "shares"),
    [
        ("weight_bits", {3: 0.559, 4: 0.696, 5: 0.791, 6: 0.856, 8: 0.932}),
        ("activation_bits", {4: 0.331, 5: 0.575, 6: 0.730, 8: 0.891}),
        ("kv_bits", {3: 0.510, 4: 0.828, 5: 0.939, 6: 0.979, 8: 0.997}),
    ],
)
def test_paper_shares_of_each_part(part: str, shares: dict[int, float]) -> None:
    s = decide.surface(decide.paper_fit())
    for bits, share in shares.items():
        found = decide.effective_size(s, 1e8, 1e10, {part: bits}).values["share"]
        assert found == pytest.approx(share, abs=6e-4)


def test_few_bits_have_no_loss_rather_than_a_wrong_one() -> None:
    """At 2 bits two factors of the paper's law are negative, their product not."""
    s = decide.surface(decide.paper_fit())
    answer = decide.effective_size(s, 1e8, 1e10, 2.0)
    assert np.isnan(answer.values["N_eff"]) and "no loss" in answer.notes[-1]
    assert answer.to_dict()["values"]["N_eff"] is None
    contour = decide.iso_loss(s, 3.5, 2e10, [2.0, 4.0])
    assert np.isnan(contour.N[0]) and contour.N[1] > 0
    unreachable = decide.iso_loss(s, 2.0, 2e10, [16.0])
    assert np.isnan(unreachable.N[0])


def test_fewer_bits_ask_for_parameters_before_tokens() -> None:
    """N and D at fixed P against 16 bits, as derived in decide.training."""
    s = decide.surface(decide.paper_fit())
    alpha = beta = decide.paper.BASE["alpha"]
    shares = {
        p: decide.effective_size(s, 1e8, 1e10, p).values["share"] for p in (5, 16)
    }
    low, high = (decide.allocation(s, 1e21, p).values for p in (5, 16))
    f, p = shares[5] / shares[16], 5 / 16
    power = 1 / (alpha + beta)
    assert low["N"] / high["N"] == pytest.approx(
        f ** (-alpha * power) * p ** (-beta * power), rel=1e-5
    )
    assert low["D"] / high["D"] == pytest.approx(
        f ** (alpha * power) * p ** (-alpha * power), rel=1e-5
    )


def test_precision_at_fixed_size_grows_with_the_log_of_the_budget() -> None:
    s = decide.surface(decide.paper_fit())
    budgets = (1e30, 1e34)
    bits = [decide.precision_at_size(s, c, 1e9, (1, 200)).values["P"] for c in budgets]
    slope = (bits[1] - bits[0]) / np.log(budgets[1] / budgets[0])
    beta, gamma = decide.paper.BASE["beta"], decide.paper.GAMMAS["gamma_weights"]
    assert slope == pytest.approx(beta * gamma, rel=0.05)


def test_critical_data_equals_the_closed_form() -> None:
    base, loss = made_up("effective", BASE | PARTS), made_up("ptq", COST)
    found = decide.critical_data(decide.surface(base, loss), 1e8, 3.5).values["D"]
    top = BASE["beta"] * BASE["B"] * 1e8 ** COST["gamma_N"]
    top *= np.exp(3.5 / COST["gamma_post"] - COST["b"])
    bottom = COST["gamma_D"] * COST["C_T"]
    closed = (top / bottom) ** (1 / (COST["gamma_D"] + BASE["beta"]))
    assert found == pytest.approx(closed, rel=1e-6)


@pytest.mark.parametrize("bits", [4.0, 6.0])
def test_critical_data_of_a_low_precision_model_equals_brute_force(bits: float) -> None:
    fit = made_up("unified", LAWS["unified"])
    D = np.exp(lowest(lambda x: loss_of(fit, 1e8, np.exp(x[0]), bits, 3), (12, 45))[0])
    found = decide.critical_data(decide.surface(fit), 1e8, 3.0, bits).values["D"]
    assert found == pytest.approx(D, rel=1e-4)


def test_critical_data_that_does_not_exist_is_said() -> None:
    fit = made_up("unified", LAWS["unified"])
    found = decide.critical_data(decide.surface(fit), 1e8, 4.0, bits=3.0)
    assert "end of the range" in found.notes[0]


def test_inference_cost_equals_brute_force_and_grows_with_the_log() -> None:
    base, loss = made_up("chinchilla", BASE), made_up("ptq", COST)
    s = decide.surface(base, loss)
    found = [decide.inference_cost(s, 10.0**k).values for k in (9, 10, 11)]

    def height(x: np.ndarray) -> float:
        N, D, bits = 1e9 / np.exp(x[1]), np.exp(x[0]), np.exp(x[1])
        rounding = loss.law.predict(N, D, bits, **loss.params)
        return float(base.law.predict(N, D, **base.params) + rounding)

    D, bits = np.exp(lowest(height, (15, 45), (0, 3.4)))
    assert found[0]["P_post"] == pytest.approx(bits, rel=1e-3)
    assert found[0]["D"] == pytest.approx(D, rel=1e-2)
    steps = np.diff([answer["P_post"] for answer in found])
    assert steps[0] > 0.2 and steps[1] == pytest.approx(steps[0], rel=0.1)


def test_rounded_memory_equals_brute_force() -> None:
    base, loss = made_up("chinchilla", BASE), made_up("ptq", COST)
    found = decide.serving_memory(decide.surface(base, loss), 1e9, 1e10, rounded=True)

    def height(x: np.ndarray) -> float:
        N, bits = 1e9 / np.exp(x[0]), np.exp(x[0])
        rounding = loss.law.predict(N, 1e10, bits, **loss.params)
        return float(base.law.predict(N, 1e10, **base.params) + rounding)

    bits = np.exp(lowest(height, (0.0, 3.4))[0])
    assert found.values["P_post"] == pytest.approx(bits, rel=1e-5)


def test_iso_loss_lies_on_the_loss() -> None:
    fit = made_up("effective", BASE | PARTS)
    contour = decide.iso_loss(decide.surface(fit), 3.0, 1e10, [4, 5, 8, 16])
    for bits, N in zip(contour.bits, contour.N, strict=True):
        assert loss_of(fit, N, 1e10, bits) == pytest.approx(3.0, rel=1e-12)
    assert (np.diff(contour.N) < 0).all()


def test_intervals_are_those_of_the_replicates_one_by_one() -> None:
    base = made_up("effective", BASE | PARTS, replicates=40)
    loss = made_up("ptq", COST, replicates=60)
    s = decide.surface(base, loss)
    answers = {
        "optimal": lambda s: decide.optimal_precision(s, 1e20),
        "critical": lambda s: decide.critical_data(s, 1e8, 4.0),
        "size": lambda s: decide.effective_size(s, 1e8, 1e10, 5.0),
    }
    for question in answers.values():
        answer = question(s)
        for k in (0, 17, 39):
            alone = decide.surface(
                replace(base, params=_draw(base, k), replicates={}),
                replace(loss, params=_draw(loss, k), replicates={}),
            )
            for name, value in question(alone).values.items():
                assert answer.draws[name][k] == pytest.approx(value, rel=1e-4)
        for name, (low, high) in answer.intervals.items():
            assert (low, high) == pytest.approx(
                np.percentile(answer.draws[name], [2.5, 97.5])
            )
            assert low < answer.values[name] < high
    wide = decide.effective_size(s, 1e8, 1e10, 5.0, level=0.99).intervals["N_eff"]
    narrow = decide.effective_size(s, 1e8, 1e10, 5.0, level=0.5).intervals["N_eff"]
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def _draw(fit: Fit, k: int) -> dict[str, float]:
    return {name: float(values[k]) for name, values in fit.replicates.items()}


def test_contour_interval_is_that_of_the_replicates() -> None:
    fit = made_up("effective", BASE | PARTS, replicates=41)
    contour = decide.iso_loss(decide.surface(fit), 3.0, 1e10, [6.0], level=0.5)
    sizes = sorted(
        decide.iso_loss(
            decide.surface(replace(fit, params=_draw(fit, k), replicates={})),
            3.0,
            1e10,
            [6.0],
        ).N[0]
        for k in range(41)
    )
    assert contour.low[0] == pytest.approx(sizes[10])
    assert contour.high[0] == pytest.approx(sizes[30])


def test_law_with_a_multiplier_for_each_number_of_bits() -> None:
    shares = {"2": 0.16, "3": 0.43, "4": 0.70, "8": 1.0, "16": 1.0}
    params = BASE | {f"eff[{bits}]": share for bits, share in shares.items()}
    fit = replace(
        made_up("bits-multiplier", params, replicates=5),
        levels={"weight_bits": tuple(shares)},
    )
    s = decide.surface(fit)
    expected = max(shares, key=lambda bits: shares[bits] / float(bits))
    found = decide.optimal_precision(s, 1e20)
    assert found.values["P"] == float(expected) == 4.0
    assert decide.serving_memory(s, 1e9, 1e10).values["P"] == 4.0
    answer = decide.effective_size(s, 1e8, 1e10, 3)
    assert answer.values["share"] == pytest.approx(0.43)
    at_4 = decide.allocation(s, 1e20, 4).values
    assert at_4["N"] == pytest.approx(found.values["N"])
    with pytest.raises(UserError, match="knows 2, 3, 4, 8, 16 bits, not 5"):
        decide.allocation(s, 1e20, 5)


def test_law_with_named_formats() -> None:
    params = BASE | {"eff[int4]": 0.7, "eff[int2]": 0.2, "eff[float32]": 1.0}
    levels = {"weight_format": ("float32", "int2", "int4")}
    fit = replace(made_up("format-multiplier", params), levels=levels)
    s = decide.surface(fit)
    assert decide.optimal_precision(s, 1e20).values["P"] == 4.0
    answer = decide.effective_size(s, 1e8, 1e10, {"weight_format": "int2"})
    assert answer.values["share"] == pytest.approx(0.2)
    with pytest.raises(UserError, match="knows no weight_format 'int8'"):
        decide.effective_size(s, 1e8, 1e10, {"weight_format": "int8"})
    with pytest.raises(UserError, match="does not read 'kv_bits'"):
        decide.effective_size(s, 1e8, 1e10, {"kv_bits": 8})


def test_law_of_exponent_and_mantissa_bits() -> None:
    """Sun et al.: 4 to 8 bits are best, and more for a larger budget."""
    params = {"A": 69.23, "alpha": 0.2368, "B": 68973.0, "beta": 0.5162, "E": 1.9061}
    params |= {"gamma": 11334.5, "delta": 3.1926, "nu": 2.9543}
    fit = made_up("sun", params)
    s = decide.surface(fit, columns={"block_size": 128})
    bits = [decide.optimal_precision(s, c).values["P"] for c in (1e19, 1e23, 1e27)]
    assert bits == sorted(bits) and 4 <= bits[0] < bits[-1] <= 8
    with pytest.raises(UserError, match="needs 'block_size'; give it a value"):
        decide.optimal_precision(decide.surface(fit), 1e20)


def test_questions_that_a_law_cannot_answer_are_refused() -> None:
    base, loss = made_up("chinchilla", BASE), made_up("ptq", COST)
    s = decide.surface(base)
    with pytest.raises(UserError, match="does not depend on the bits of training"):
        decide.optimal_precision(s, 1e20)
    with pytest.raises(UserError, match="does not know of PTQ"):
        decide.critical_data(s, 1e8, 4)
    with pytest.raises(UserError, match="predicts a degradation, not a loss"):
        decide.critical_data(decide.surface(loss), 1e8, 4)
    with pytest.raises(UserError, match="predicts a degradation, not a loss"):
        decide.surface(loss, loss)
    with pytest.raises(UserError, match="predicts a loss, not a degradation"):
        decide.surface(base, base)
    with pytest.raises(UserError, match="budget is -1; give a finite number above"):
        decide.allocation(s, -1)
    with pytest.raises(UserError, match="the range of bits is 8 to 4"):
        decide.optimal_precision(decide.surface(decide.paper_fit()), 1e20, (8, 4))
    with pytest.raises(UserError, match="level is 2"):
        decide.allocation(s, 1e20, level=2)


def test_answers_beyond_the_runs_say_so() -> None:
    fit = replace(made_up("chinchilla", BASE), ranges={"N": (1e4, 1e6), "D": (1, 1e30)})
    answer = decide.allocation(decide.surface(fit), 1e20)
    assert len(answer.notes) == 1
    assert "N =" in answer.notes[0] and "outside the runs" in answer.notes[0]


def test_decisions_from_the_papers_constants_say_where_they_leave_its_runs() -> None:
    s = decide.surface(decide.paper_fit(), decide.paper_degradation())
    small, large = decide.allocation(s, 1e18).notes, decide.allocation(s, 1e25).notes
    assert not any("outside the runs" in note for note in small)
    assert sum("outside the runs" in note for note in large) == 2  # N and D


def test_held_columns_leave_the_rest_free() -> None:
    s = decide.surface(decide.paper_fit(), columns={"kv_bits": 16, "weight_bits": 16})
    bits = decide.serving_memory(s, 1e9, 1e10).values["P"]
    gamma = decide.paper.GAMMAS["gamma_activations"]
    n = decide.paper.OFFSETS["n_activations"]
    share = optimize.minimize_scalar(
        lambda p: -(1 - np.exp(n - p / gamma)) / p, bounds=(3.2, 16), method="bounded"
    )
    assert bits == pytest.approx(share.x, rel=1e-4)


def test_search_marks_the_ends_and_gaps() -> None:
    found = minimum(
        lambda x, i: np.where(x < 2, np.nan, (x - 3) ** 2), 0, 5, np.arange(2)
    )
    assert found.x == pytest.approx([3, 3], abs=1e-6) and not found.edge.any()
    ends = minimum(lambda x, i: np.where(i == 0, x, -x), 0, 5, np.arange(2))
    assert ends.x.tolist() == [0, 5] and ends.edge.tolist() == [-1, 1]
    assert np.isnan(falling_root(lambda x, i: 1 + 0 * x, 0, 1, np.arange(1))[0])


def test_the_cost_of_rounding_is_that_of_its_formulas() -> None:
    law, cost = made_up("chinchilla", BASE), made_up("ptq", COST)
    N, D = 2e7, 3e9
    found = decide.rounding_cost(decide.surface(law, cost), N, D, 4, measured=0.2)
    delta = COST["C_T"] * D ** COST["gamma_D"] * N ** -COST["gamma_N"]
    delta *= np.exp(COST["b"] - 4 / COST["gamma_post"])
    tokens, sizes = (BASE["B"] * D ** -BASE["beta"], BASE["A"] * N ** -BASE["alpha"])
    assert found.values == pytest.approx(
        {
            "delta": delta,
            "perplexity_ratio": np.exp(delta),
            "token_share": (1 + delta / tokens) ** (-1 / BASE["beta"]),
            "size_share": (1 + delta / sizes) ** (-1 / BASE["alpha"]),
            "measured_over_predicted": 0.2 / delta,
        }
    )


@pytest.mark.parametrize("kind", ["N", "memory"])
def test_widths_are_compared_under_every_replicate(kind: str) -> None:
    law, cost = made_up("chinchilla", BASE, 300), made_up("ptq", COST, 300)
    found = decide.serving_widths(decide.surface(law, cost), 3e9, **{kind: 8e7})
    sizes = np.full(4, 8e7) if kind == "N" else 8e7 / found.bits
    assert pytest.approx(sizes) == found.N
    losses = []
    for N, bits in zip(sizes, found.bits, strict=True):
        row = {"N": [N], "D": [3e9], "post_bits": [bits]}
        losses.append(law.predict_replicates(row) + cost.predict_replicates(row))
        delta = found.more["delta"][len(losses) - 1]
        assert delta == pytest.approx(cost.predict(row)[0])
    above = np.hstack(losses)
    above -= above.min(axis=1, keepdims=True)
    assert found.low == pytest.approx(np.percentile(above, 2.5, axis=0))
    assert found.high == pytest.approx(np.percentile(above, 97.5, axis=0))
    assert found.above.min() == 0 and found.loss.argmin() == found.above.argmin()


def test_what_a_question_sets_is_held_against_the_range_too() -> None:
    s = decide.surface(decide.paper_fit(), decide.paper_degradation())
    assert not decide.rounding_cost(s, 1e8, 1e10, 4).notes[:-2]
    beyond = decide.rounding_cost(s, 1.3e9, 3e11, 4).notes
    assert [note.split(" lies ")[0] for note in beyond[:2]] == [
        "N = 1.3B",
        "D = 300B",
    ]
    many = decide.optimal_precision(s, 1e21, bits_range=(17.0, 20.0)).notes
    assert any(note.startswith("P = 17 lies outside") for note in many)
    for given in ({}, {"N": 1e8, "memory": 1e9}):
        with pytest.raises(UserError, match="give N for one model, or memory"):
            decide.serving_widths(s, 1e10, **given)


def test_where_a_law_has_no_loss_there_is_no_answer() -> None:
    s = decide.surface(decide.paper_fit(), decide.paper_degradation())
    few = (1.0, 2.4)  # where the offset of the KV cache leaves nothing
    for answer in (
        decide.optimal_precision(s, 1e21, few),
        decide.precision_at_size(s, 1e21, 1e8, few),
        decide.serving_memory(s, 1e9, 1e10, bits_range=few),
        decide.allocation(s, 1e21, 2),
        decide.effective_size(s, 1e8, 1e10, 2),
    ):
        assert np.isnan(answer.values["loss"]), answer
        assert answer.notes[0].startswith("The law has no loss there")


def test_an_optimum_at_an_end_is_said_to_be_one() -> None:
    s = decide.surface(decide.paper_fit())
    few, many = ((3.0, 4.0), (12.0, 16.0))
    assert decide.optimal_precision(s, 1e21, few).at_end == {"P": "or more"}
    assert decide.optimal_precision(s, 1e21, many).at_end == {"P": "or fewer"}
    assert decide.optimal_precision(s, 1e21).at_end == {}
    assert decide.serving_memory(s, 1e9, 1e10, bits_range=few).to_dict()["at_end"]
