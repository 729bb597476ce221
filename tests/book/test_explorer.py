"""The explorer's arithmetic, in a browser, against the library on a random grid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page
from scipy.optimize import brentq

from precision_lib import decide
from precision_lib.decide.cost import RULES, tokens_for
from precision_lib.decide.ties import covering
from precision_lib.findings import explorer_constants as explorer
from precision_lib.laws import Fit, bootstrap, fit, planted_params, planted_table
from precision_lib.laws.registry import get_law
from precision_lib.laws.solver.dual import slope
from precision_lib.laws.solver.objective import Objective
from tools.steps import ROOT

SCRIPTS = ROOT / "book" / "_static" / "explorer"
DATA = json.loads(explorer.page_data(replicates=40))
COLUMNS = {"weights": "weight_bits", "activations": "activation_bits", "kv": "kv_bits"}
EXACT = 1e-9
SEARCHED = 1e-5  # a searched minimum is known to the root of the rounding error


def known(law: str) -> Fit:
    """A fit with the constants that the tests of the laws plant."""
    kind = get_law(law)
    nan = float("nan")
    return Fit(kind, planted_params(kind), nan, Objective(), 0, nan, nan)


def resampled(law: str) -> Fit:
    """A fit of a made-up table, with replicates."""
    found = fit(planted_table(law, 90, noise=0.004, seed=3), law)
    return found.with_bootstrap(bootstrap(found, replicates=30))


def constants() -> dict[str, list[Fit]]:
    """The sets of the page, and a reader's own fits of the other laws."""
    found = {
        one["key"]: [Fit.from_json(text) for text in one["fits"]]
        for one in DATA["sets"]
    }
    beside = {"ptq", "ptq-trained-low", "ouyang"}
    alone = set(DATA["laws"]) - beside - {"effective"}
    found |= {law: [known(law)] for law in sorted(alone)}
    found["effective, resampled"] = [resampled("effective"), resampled("ptq")]
    ties = resampled("effective-tied"), resampled("chinchilla")
    found["laws that tie"] = [replace(resampled("effective"), ties=ties)]
    found["trained low"] = [known("effective"), known("ptq-trained-low")]
    found["power of the bits"] = [known("effective"), known("ouyang")]
    return found


SETS = constants()
each_set = pytest.mark.parametrize("name", SETS)
with_rounding = [
    name for name, fits in SETS.items() if len(fits) > 1 or name == "unified"
]
with_bits = [name for name in SETS if not name.startswith("chinchilla")]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.add_script_tag(path=SCRIPTS / "laws.js")
    yield page
    page.close()


def points(count: int, seed: int) -> list[dict[str, Any]]:
    """Random sizes, data and precisions, some of them not quantized or not rounded."""
    draw = np.random.default_rng(seed)

    def bits(low: float) -> float:
        return float(
            draw.choice([draw.uniform(low, 16), 16.0, 32.0], p=[0.7, 0.1, 0.2])
        )

    return [
        {
            "N": float(10 ** draw.uniform(4, 11)),
            "D": float(10 ** draw.uniform(5, 13)),
            "bits": {"weights": bits(1), "activations": bits(3), "kv": bits(2)},
            "post": float(draw.choice([draw.uniform(1, 9), np.inf], p=[0.8, 0.2])),
        }
        for _ in range(count)
    ]


def ask(page: Page, name: str, body: str, points: list[dict[str, Any]]) -> list[Any]:
    """Evaluate `body` (of `set` and `point`) in the browser for every point."""
    texts = [each.to_json() for each in SETS[name]]
    asked = [
        {**one, "post": None if one["post"] == np.inf else one["post"]}
        for one in points
    ]
    found: list[Any] = page.evaluate(
        f"""([texts, laws, points]) => {{
          const fits = texts.map(text => PrecisionLaws.readFit(text, laws));
          const set = PrecisionLaws.makeSet(fits);
          return points.map(point => {{
            if (point.post === null) point.post = Infinity;
            const found = ({body});
            return JSON.parse(JSON.stringify(found)); // NaN becomes null
          }});
        }}""",
        [texts, DATA["laws"], asked],
    )
    return found


def surface_at(name: str, point: dict[str, Any] | None = None) -> decide.Surface:
    """The library's surface, with the bits of a point held."""
    fits = SETS[name]
    columns = {}
    if point:
        read = fits[0].law.columns() + (fits[1].law.columns() if len(fits) > 1 else ())
        columns = {
            column: point["bits"][part]
            for part, column in COLUMNS.items()
            if column in read
        }
    return decide.surface(*fits, columns=columns)


def test_intervals_of_decisions_cover_the_laws_that_tie(page: Page) -> None:
    """As `decide` has them: two laws of rounding, of one table."""
    table = planted_table("ptq", 90, noise=0.05, floor=5e-4, seed=3)
    two = [fit(table, law) for law in ("ptq", "ouyang")]
    added, tie = (one.with_bootstrap(bootstrap(one, replicates=30)) for one in two)
    fits = [resampled("effective"), replace(added, ties=(tie,))]
    found = page.evaluate(
        """([texts, laws]) => {
          const { makeSet, readFit, span, roundingCost, criticalData, widths, allBits }
            = PrecisionLaws;
          const set = makeSet(texts.map(text => readFit(text, laws)));
          const point = { N: 1e8, D: 2e10, bits: allBits(1e6), post: 4 };
          return [span(set, pair => roundingCost(pair, point).delta),
                  span(set, pair => criticalData(pair, point).D),
                  ...widths(set, point, 8e8).map(each => each.span)];
        }""",
        [[one.to_json() for one in fits], DATA["laws"]],
    )
    held = decide.surface(*fits)
    cost = covering(lambda s: decide.rounding_cost(s, 1e8, 2e10, 4), held)
    far = covering(lambda s: decide.critical_data(s, 1e8, 4), held)
    rows = covering(lambda s: decide.serving_widths(s, 2e10, memory=8e8), held).rows()
    ends = [[row["low"], row["high"]] for row in rows]
    assert (
        cost.intervals["delta"]
        != decide.rounding_cost(replace(held, ties=()), 1e8, 2e10, 4).intervals["delta"]
    )
    agree(found[0], cost.intervals["delta"])
    agree(found[1], far.intervals["D"], SEARCHED)
    for one, other in zip(found[2:], ends, strict=True):
        agree(one or [0, 0], other)


def numbers(values: Any) -> Any:
    return np.array([np.nan if v is None else v for v in values], dtype=float)


def agree(found: Any, expected: Any, tolerance: float = EXACT) -> None:
    np.testing.assert_allclose(
        numbers(found), np.asarray(expected, dtype=float), rtol=tolerance, atol=0
    )


@each_set
def test_the_loss_and_its_parts_are_those_of_the_library(name: str, page: Page) -> None:
    grid = points(300, seed=1)
    found = ask(page, name, "PrecisionLaws.loss(set.pair, point)", grid)
    first = np.array([0])
    expected = []
    added = []
    for point in grid:
        held = surface_at(name, point)
        N, D, post = point["N"], point["D"], point["post"]
        expected.append(held.loss(first, N, D, post_bits=post)[0])
        added.append(expected[-1] - held.loss(first, N, D)[0])
    agree([one["total"] for one in found], expected)
    assert np.isfinite(expected).mean() > 0.5
    parts = ("floor", "size", "training", "data", "delta")
    sums = [sum(one[part] or 0 for part in parts) for one in found]
    whole = np.isfinite(expected)
    agree(np.array(sums)[whole], np.array(expected)[whole])
    deltas = numbers([one["delta"] for one in found])[whole]
    np.testing.assert_allclose(
        deltas, np.array(added)[whole], rtol=EXACT, atol=1e-13 * max(expected)
    )


@pytest.mark.parametrize("name", ["ours", "paper", "effective, resampled"])
def test_the_rounding_alone_is_that_of_the_library(name: str, page: Page) -> None:
    grid = [point for point in points(300, seed=2) if point["post"] < 99]
    found = ask(page, name, "PrecisionLaws.loss(set.pair, point).delta", grid)
    table = {"N": [p["N"] for p in grid], "D": [p["D"] for p in grid]}
    table["post_bits"] = [p["post"] for p in grid]
    agree(found, SETS[name][1].predict(table))


@pytest.mark.parametrize("name", ["ours", "effective, resampled"])
def test_intervals_come_from_the_replicates_as_in_the_library(
    name: str, page: Page
) -> None:
    grid = points(60, seed=3)
    body = """(() => {
        const draws = set.draws.map(pair => PrecisionLaws.loss(pair, point));
        return [PrecisionLaws.interval(draws.map(one => one.total)),
                PrecisionLaws.interval(draws.map(one => one.effective))]; })()"""
    found = ask(page, name, body, grid)
    for (loss, size), point in zip(found, grid, strict=True):
        held = surface_at(name, point)
        index = np.arange(1, held.size)
        draws = held.loss(index, point["N"], point["D"], post_bits=point["post"])
        finite = draws[np.isfinite(draws)]
        if not finite.size or np.ptp(finite) == 0:  # one draw is no interval
            assert loss is None
            continue
        agree(loss, np.nanpercentile(draws, [2.5, 97.5]))
        known = {
            column: point["bits"][part]
            for part, column in COLUMNS.items()
            if column in SETS[name][0].law.columns()
        }
        answer = decide.effective_size(surface_at(name), point["N"], point["D"], known)
        agree(size, answer.intervals["N_eff"])


@each_set
def test_effective_parameters_are_those_of_the_library(name: str, page: Page) -> None:
    grid = points(40, seed=4)
    found = ask(page, name, "PrecisionLaws.loss(set.pair, point)", grid)
    plain = surface_at(name)
    for one, point in zip(found, grid, strict=True):
        bits = {
            column: point["bits"][part]
            for part, column in COLUMNS.items()
            if column in SETS[name][0].law.columns()
        }
        values = decide.effective_size(plain, point["N"], point["D"], bits).values
        agree([one["effective"], one["share"]], [values["N_eff"], values["share"]])


def stationary(function: Any, near: float, width: float = 1.5) -> float:
    """Where the exact derivative of a function of log x is zero, near a minimum."""
    middle = float(np.log(near))
    return float(
        np.exp(
            brentq(
                lambda x: slope(lambda z: function(np.exp(z)), x),
                middle - width, middle + width, xtol=1e-14, rtol=1e-15,
            )
        )
    )  # fmt: skip


def by_law(name: str, point: dict[str, Any], D: Any, post: float) -> Any:
    """The loss over D, where D may carry a derivative."""
    total: Any = 0.0
    for each in SETS[name]:
        inputs = {"N": point["N"], "D": D, "post_bits": post}
        inputs |= {column: point["bits"][part] for part, column in COLUMNS.items()}
        columns = {k: v for k, v in inputs.items() if k in each.law.columns()}
        total = total + each.law.predict(**columns, **each.params)
    return total


@pytest.mark.parametrize("name", with_rounding)
def test_critical_data_are_those_of_the_library(name: str, page: Page) -> None:
    grid = [p for p in points(60, seed=5) if 2 < p["post"] < p["bits"]["weights"]][:25]
    found = ask(page, name, "PrecisionLaws.criticalData(set.pair, point)", grid)
    compared = 0
    for one, point in zip(found, grid, strict=True):
        held = surface_at(name, point)
        answer = decide.critical_data(held, point["N"], point["post"]).values
        if one["D"] is None or one["edge"] or not 1e4 < one["D"] < 1e29:
            continue
        agree([one["D"]], [answer["D"]], SEARCHED)
        agree([one["loss"]], [answer["loss"]])

        def served(D: Any, point: dict[str, Any] = point) -> Any:
            return by_law(name, point, D, point["post"])

        exact = stationary(served, one["D"])
        agree([one["D"]], [exact])
        compared += 1
    assert compared >= 8


def best_size(name: str, budget: float, P: float, near: float) -> float:
    """The exact best N at P bits, from the derivative of the library's law."""
    law = SETS[name][0]

    def loss(N: Any) -> Any:
        return trained(law, N, budget * 16 / 6 / (N * P), P)

    return stationary(loss, near, 3.0)


def trained(each: Fit, N: Any, D: Any, P: Any) -> Any:
    """The loss of a run in P bits throughout, not rounded."""
    inputs = {"N": N, "D": D, "post_bits": np.inf} | dict.fromkeys(COLUMNS.values(), P)
    columns = {k: v for k, v in inputs.items() if k in each.law.columns()}
    return each.law.predict(**columns, **each.params)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", with_bits)
def test_a_rule_of_the_cost_is_that_of_the_library(
    name: str, rule: str, page: Page
) -> None:
    cost, law = json.dumps(DATA["rules"][rule]), decide.surface(*SETS[name])
    widths = [P for P in (4.0, 8.0, 16.0) if rule != "h100" or P >= 8]
    grid = [{**points(1, 0)[0], "N": 1e21, "D": P} for P in widths]
    body = f"PrecisionLaws.allocation(set.pair, point.N, point.D, {cost})"
    for P, one in zip(widths, ask(page, name, body, grid), strict=True):
        split = decide.allocation(law, 1e21, P, rule).values
        agree([one["loss"]], [split["loss"]])
        agree([one["D"] * one["N"]], [tokens_for(law, 1e21, 1.0, P, rule)])
    body = f"PrecisionLaws.optimum(set.pair, point.N, {cost})"
    (best,) = ask(page, name, body, grid[:1])
    theirs = decide.optimal_precision(law, 1e21, rule=rule).values
    agree([best["loss"]], [theirs["loss"]])
    agree([best["P"]], [theirs["P"]], 1e-4)


@each_set
def test_the_split_of_a_budget_is_that_of_the_library(name: str, page: Page) -> None:
    budgets = [1e13, 1e18, 1e21, 3.3e23]
    grid = [{**points(1, 0)[0], "N": C, "D": P} for C in budgets for P in (4, 7.5, 16)]
    body = "PrecisionLaws.allocation(set.pair, point.N, point.D)"
    for one, point in zip(ask(page, name, body, grid), grid, strict=True):
        budget, P = point["N"], point["D"]
        held = decide.surface(*SETS[name])
        answer = decide.allocation(held, budget, P).values
        if one["N"] is None:
            assert np.isnan(answer["loss"]) or answer["loss"] > 1e299
            continue
        if one["edge"]:
            continue
        wanted = [answer[k] for k in ("N", "D", "tokens_per_parameter")]
        agree([one["N"], one["D"], one["ratio"]], wanted, SEARCHED)
        agree([one["loss"]], [answer["loss"]])
        agree([one["N"]], [best_size(name, budget, P, one["N"])])


@pytest.mark.parametrize("name", with_bits)
def test_the_best_precision_is_that_of_the_library(name: str, page: Page) -> None:
    budgets = [1e17, 1e21]
    grid = [{**points(1, 0)[0], "N": budget} for budget in budgets]
    found = ask(page, name, "PrecisionLaws.optimum(set.pair, point.N)", grid)
    base = SETS[name][0]
    for one, budget in zip(found, budgets, strict=True):
        answer = decide.optimal_precision(decide.surface(*SETS[name]), budget)
        at_the_end = any("end of the range" in note for note in answer.notes)
        assert at_the_end == one["edge"]
        for key in ("P", "N", "D"):
            agree([one[key]], [answer.values[key]], 1e-3 if key != "P" else 1e-4)
        agree([one["loss"]], [answer.values["loss"]])
        if one["edge"]:
            continue

        def steepness(
            P: float, budget: float = budget, near: float = one["N"]
        ) -> float:
            """dL/dP along the best N, which is dL/dP at that N held."""
            N = best_size(name, budget, P, near)
            K = budget * 16 / 6 / N
            return slope(lambda p: trained(base, N, K / p, p), P)

        exact = brentq(steepness, one["P"] * 0.98, one["P"] * 1.02, xtol=1e-13)
        agree([one["P"]], [exact])
        agree([one["N"]], [best_size(name, budget, exact, one["N"])])


@pytest.mark.parametrize("name", with_bits)
def test_contours_are_those_of_the_library(name: str, page: Page) -> None:
    grid = points(30, seed=6)
    for point in grid:
        point["post"] = np.inf
    body = """(() => {
        const at = bits => ({...point, bits: PrecisionLaws.allBits(bits)});
        const goal = PrecisionLaws.loss(set.pair, at(1e6)).total + 0.01;
        return [4, 6, 16].map(b => PrecisionLaws.sizeFor(set.pair, goal, at(b)));
      })()"""
    held = decide.surface(*SETS[name])
    for sizes, point in zip(ask(page, name, body, grid), grid, strict=True):
        goal = held.loss(np.array([0]), point["N"], point["D"])[0] + 0.01
        expected = decide.iso_loss(held, float(goal), point["D"], [4, 6, 16]).N
        agree(sizes, expected)


@pytest.mark.parametrize("name", ["ours", "paper", "unified", "effective, resampled"])
def test_the_cost_of_rounding_is_that_of_the_library(name: str, page: Page) -> None:
    grid = [point for point in points(60, seed=9) if point["post"] < 99][:25]
    for point in grid:
        point["bits"] = dict.fromkeys(point["bits"], 1e6)
    found = ask(page, name, "PrecisionLaws.roundingCost(set.pair, point)", grid)
    plain = decide.surface(*SETS[name])
    for one, point in zip(found, grid, strict=True):
        answer = decide.rounding_cost(plain, point["N"], point["D"], point["post"])
        values = [answer.values[key] for key in ("delta", "perplexity_ratio")]
        agree([one["delta"], one["ratio"]], values, 1e-7)  # a difference of two losses
        for key, share in (("tokens", "token_share"), ("sizes", "size_share")):
            if np.isfinite(answer.values[share]):
                agree([one[key]], [answer.values[share]], SEARCHED)


@pytest.mark.parametrize("rule", ["all", "b200"])
@pytest.mark.parametrize("name", ["ours", "paper", "effective, resampled"])
def test_what_is_nearly_as_good_is_that_of_the_library(
    name: str, rule: str, page: Page
) -> None:
    law, cost = decide.surface(*SETS[name]), json.dumps(DATA["rules"][rule])
    known = decide.training_widths(law, 1e21, 0.01, rule=rule)
    grid = [{**points(1, 0)[0], "D": bits} for bits in known.bits]
    goal = float(known.loss.min()) + 0.01
    body = f"PrecisionLaws.nearlyAsGood(set.pair, 1e21, point.D, {goal}, {cost})"
    for k, ends in enumerate(ask(page, name, body, grid)):
        theirs = [known.more["N_from"][k], known.more["N_to"][k]]
        agree(ends or [np.nan] * 2, theirs, 1e-6)


@pytest.mark.parametrize("rule", ["all", "b200"])
@pytest.mark.parametrize("name", ["ours", "paper", "laws that tie"])
def test_what_a_width_of_a_budget_loses_is_that_of_the_library(
    name: str, rule: str, page: Page
) -> None:
    held, cost = decide.surface(*SETS[name]), json.dumps(DATA["rules"][rule])
    known = covering(lambda s: decide.training_widths(s, 1e20, rule=rule), held)
    body = f"PrecisionLaws.trainingWidths(set, 1e20, [4, 6, 8, 16], {cost})"
    (rows,) = ask(page, name, body, points(1, 0))
    assert any(row["span"] for row in rows) == (name != "paper")
    for k, row in enumerate(rows):
        ends = [known.low[k], known.high[k]]
        varies = known.low[k] < known.high[k]
        assert bool(row["span"]) == varies
        theirs = [known.above[k], *(ends if varies else ())]
        np.testing.assert_allclose(
            [row["above"], *(row["span"] or ())], theirs, rtol=1e-6, atol=1e-9
        )
    if name == "laws that tie":
        alone = decide.training_widths(replace(held, ties=()), 1e20, rule=rule)
        assert (known.high > alone.high).any()


@pytest.mark.parametrize("name", ["ours", "paper", "effective, resampled"])
def test_a_normal_delta_is_that_of_the_library(name: str, page: Page) -> None:
    law = decide.surface(*SETS[name], columns=dict.fromkeys(COLUMNS.values(), 1e6))
    plain = dict.fromkeys(COLUMNS, 1e6)
    grid = [{**one, "bits": plain, "post": 3.5} for one in points(20, 5)]
    found = ask(page, name, "PrecisionLaws.normalRange(set, point)", grid)
    for point, ends in zip(grid, found, strict=True):
        known = decide.rounding_cost(law, point["N"], point["D"], 3.5).values
        assert (ends is None) == ("normal_from" not in known)
        if ends is not None:
            agree(ends, [known["normal_from"], known["normal_to"]], 1e-7)


@pytest.mark.parametrize("name", ["ours", "paper", "unified", "effective, resampled"])
@pytest.mark.parametrize("memory", [None, 1e9])
def test_widths_are_those_of_the_library(
    name: str, memory: float | None, page: Page
) -> None:
    grid = points(8, seed=10)
    body = f"PrecisionLaws.widths(set, point, {memory or 'null'})"
    plain = decide.surface(*SETS[name])
    for rows, point in zip(ask(page, name, body, grid), grid, strict=True):
        size = {"memory": memory} if memory else {"N": point["N"]}
        expected = decide.serving_widths(plain, point["D"], **size)
        for key in ("bits", "N", "above"):
            agree([row[key] for row in rows], getattr(expected, key), 1e-6)
        agree([row["total"] for row in rows], expected.loss)
        low = [row["span"][0] if row["span"] else np.nan for row in rows]
        varies = expected.low < expected.high
        agree(np.array(low)[varies], expected.low[varies], 1e-6)


def test_percentiles_are_those_of_numpy(page: Page) -> None:
    draw = np.random.default_rng(7)
    for count in (2, 3, 40, 199, 200):
        values = np.exp(draw.normal(size=count) * 5)
        found = page.evaluate("v => PrecisionLaws.interval(v)", values.tolist())
        agree(found, np.percentile(values, [2.5, 97.5]), 1e-13)
    assert page.evaluate("() => PrecisionLaws.interval([3, 3, 3])") is None
    assert page.evaluate("() => PrecisionLaws.interval([NaN, 1, 2]) !== null")


READ = "([t, laws]) => { try { return PrecisionLaws.readFit(t, laws).law }"
READ += " catch (e) { return e.message } }"
BAD = {
    "not json": "is not JSON",
    "[]": "is not a fit",
    '{"law": "quartet", "params": {}}': "cannot draw the law “quartet”",
    '{"law": "__proto__", "params": {}}': "cannot draw",
    '{"law": "chinchilla", "params": {"A": 1}}': "has no number for E",
    '{"law": "chinchilla", "params": {"A": NaN, "E": "x"}}': "has no number for E",
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_fit_gets_one_sentence(text: str, page: Page) -> None:
    said = page.evaluate(READ, [text, DATA["laws"]])
    assert BAD[text] in said
    assert said.count("\n") == 0 and said.endswith(".")


def test_not_a_number_in_a_file_is_read(page: Page) -> None:
    text = known("chinchilla").to_json()
    assert "NaN" in text
    assert page.evaluate(READ, [text, DATA["laws"]]) == "chinchilla"


def test_parts_without_runs_have_no_constant(page: Page) -> None:
    body = "({parts: set.parts, rounds: set.rounds})"
    found = ask(page, "ours", body, points(1, 0))[0]
    from precision_lib.runs.run_table import load_runs

    quantized = explorer.quantized_parts(load_runs())
    assert found["parts"] == (quantized if len(quantized) == 3 else quantized[:1])
    assert found["rounds"]


def test_the_mark_of_extrapolation_follows_the_ranges_of_the_fit(page: Page) -> None:
    grid = points(200, seed=8)
    body = "PrecisionLaws.outside(set, point).map(one => one.name)"
    for names, point in zip(ask(page, "ours", body, grid), grid, strict=True):
        base, added = SETS["ours"]
        table = {"N": [point["N"]], "D": [point["D"]]}
        # From 16 bits on nothing is quantized, in our tables 32.
        table |= {
            column: [32.0 if point["bits"][part] >= 16 else point["bits"][part]]
            for part, column in COLUMNS.items()
        }
        table["post_bits"] = [point["post"]]
        expected = {*base.extrapolates(table)}
        if point["post"] < 99:
            expected |= {*added.extrapolates(table)}
        assert set(names) == expected
