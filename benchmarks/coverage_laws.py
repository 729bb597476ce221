"""Do nominal 95% intervals hold the planted parameter in 95% of made-up tables?

    python -m benchmarks.coverage_laws [--sets 400] [--replicates 600] [--only WORD]

Each scenario plants a law in a fixed design, draws the noise anew for every
table, fits, bootstraps, and counts how often each interval holds the truth.
Prints one line a scenario, kind and method: the lowest and highest coverage over
the parameters, then the coverage of the mean curve and of a new run.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from precision_lib.laws import (
    Bootstrap,
    bootstrap,
    fit,
    get_law,
    planted_params,
    planted_table,
    profile,
)
from precision_lib.laws.intervals import Method
from precision_lib.laws.solver.dual import Array

Noise = Callable[[np.random.Generator, int, Any], Array]


def normal(generator: np.random.Generator, n: int, table: Any) -> Array:
    """Independent normal errors of unit size."""
    return generator.standard_normal(n)


def heavy(generator: np.random.Generator, n: int, table: Any) -> Array:
    """Student's t with 3 degrees of freedom, scaled to unit variance."""
    return generator.standard_t(3, n) / np.sqrt(3)


def uneven(generator: np.random.Generator, n: int, table: Any) -> Array:
    """Normal errors three times as large at the smallest as at the largest size."""
    place = np.argsort(np.argsort(table["N"])) / max(n - 1, 1)
    result: Array = generator.standard_normal(n) * (1.5 - place)
    return result


def by_run(generator: np.random.Generator, n: int, table: Any) -> Array:
    """Half of the variance is shared by the four rows of one run."""
    shared = np.repeat(generator.standard_normal(-(-n // 4)), 4)[:n]
    return (shared + generator.standard_normal(n)) / np.sqrt(2)


@dataclass(frozen=True)
class Scenario:
    """A law, a design and a noise to plant."""

    name: str
    law: str
    rows: int
    noise: float
    errors: Noise = normal
    floor: float = 0.0
    kinds: tuple[str, ...] = ("pairs", "residual", "profile")
    options: dict[str, Any] = field(default_factory=dict)


SCENARIOS = (
    Scenario("30 runs", "chinchilla", 30, 0.003),
    Scenario("60 runs", "chinchilla", 60, 0.003),
    Scenario("60 runs, heavy tails", "chinchilla", 60, 0.003, heavy),
    Scenario("60 runs, uneven noise", "chinchilla", 60, 0.003, uneven),
    Scenario("60 runs", "chinchilla", 60, 0.003, options={"loss": "ls"}),
    Scenario("60 runs", "chinchilla", 60, 0.003, options={"delta": 0.01}),
    Scenario("80 runs", "effective-weights-no-offset", 80, 0.003),
    Scenario("80 runs", "effective-weights", 80, 0.003),
    Scenario("100 rows", "ptq", 100, 0.1, floor=0.003),
    Scenario(
        "160 rows of 40 runs", "ptq", 160, 0.1, by_run, 0.001,
        kinds=("pairs", "cluster"),
    ),
    Scenario("240 runs", "chinchilla", 240, 0.003),
)  # fmt: skip
EVERY = 5  # rows between those at which curves are looked at, to save time
METHODS: tuple[Method, ...] = ("percentile", "bca")


def draw(scenario: Scenario, seed: int) -> tuple[dict[str, Any], Array, Array]:
    """One made-up table, its true curve, and targets of a second set of runs."""
    law = get_law(scenario.law)
    table = planted_table(law, scenario.rows, seed=0)
    if scenario.errors is by_run:
        runs = -(-scenario.rows // 4)
        for name in ("N", "D"):
            table[name] = np.repeat(table[name][:runs], 4)[: scenario.rows]
        table[law.target] = law.predict(
            **{k: table[k] for k in law.columns()}, **planted_params(law)
        )
    clean = table[law.target]
    generator = np.random.default_rng(10_000 + seed)
    noisy = []
    for _ in range(2):
        error = scenario.errors(generator, scenario.rows, table)
        floor = scenario.floor * generator.standard_normal(scenario.rows)
        noisy.append(clean * np.exp(scenario.noise * error) + floor)
    table[law.target] = noisy[0]
    return table, clean, noisy[1]


def count(scenario: Scenario, seed: int, replicates: int) -> dict[Any, float]:
    """Whether each interval of one table holds the truth (shares for the curves)."""
    law, truth = get_law(scenario.law), planted_params(get_law(scenario.law))
    table, clean, again = draw(scenario, seed)
    found = fit(table, law, starts=8, seed=seed, **scenario.options)
    hits: dict[Any, float] = {}
    for kind in scenario.kinds:
        runs = np.arange(scenario.rows) // 4
        by = runs if kind == "cluster" else None
        if kind == "profile":
            for name in found.params:
                if name not in found.fixed:
                    low, high = profile(found, name).interval
                    hits[kind, "t", name] = float(low <= truth[name] <= high)
            continue
        boot = bootstrap(found, kind, replicates, seed, by=by)  # type: ignore[arg-type]
        for method in METHODS:
            for name in found.params:
                if name not in found.fixed:
                    low, high = boot.interval(name, method)
                    hits[kind, method, name] = float(low <= truth[name] <= high)
            hits[kind, method, "curve"] = inside(boot, table, clean, False, method)
        hits[kind, "percentile", "new run"] = inside(boot, table, again, True)
    return hits


def inside(
    boot: Bootstrap, table: Any, goal: Array, new: bool, method: Method = "percentile"
) -> float:
    """Share of the rows whose interval holds the goal."""
    some = slice(None, None, EVERY)
    rows = {name: values[some] for name, values in table.items()}
    low, high = boot.predict_interval(rows, new_run=new, method=method)
    return float(((low <= goal[some]) & (goal[some] <= high)).mean())


def report(scenario: Scenario, sets: int, replicates: int) -> list[str]:
    """Lines of the coverage table for one scenario."""
    every = [count(scenario, seed, replicates) for seed in range(sets)]
    share = {key: float(np.mean([hits[key] for hits in every])) for key in every[0]}
    options = ", ".join(f"{k} {v}" for k, v in scenario.options.items())
    name = f"{scenario.law}, {scenario.name}" + (f", {options}" if options else "")
    lines = []
    for kind in scenario.kinds:
        for method in ("t",) if kind == "profile" else METHODS:
            values = [
                v for (k, m, p), v in share.items()
                if (k, m) == (kind, method) and p not in ("curve", "new run")
            ]  # fmt: skip
            curve = share.get((kind, method, "curve"))
            curve_words = "" if curve is None else f"{curve:.1%}"
            new = share.get((kind, method, "new run"))
            new_run = "" if new is None else f"{new:.1%}"
            lines.append(
                f"| {name} | {kind} | {method} | {min(values):.1%} | {max(values):.1%} "
                f"| {np.mean(values):.1%} | {curve_words} | {new_run} |"
            )
    return lines


def main() -> None:
    """Run every scenario and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=400)
    parser.add_argument("--replicates", type=int, default=600)
    parser.add_argument("--kind", default="", help="only this kind of interval")
    parser.add_argument("--only", default="", help="scenarios with this word")
    asked = parser.parse_args()
    error = 100 * np.sqrt(0.95 * 0.05 / asked.sets)
    print(
        f"{asked.sets} tables a scenario: one standard error is {error:.1f} points.\n"
    )
    print("| law, design | kind | method | lowest | highest | mean | curve | new run |")
    print("|---|---|---|---|---|---|---|---|")
    for scenario in SCENARIOS:
        if asked.only in f"{scenario.law} {scenario.name}":
            if asked.kind:
                scenario = replace(scenario, kinds=(asked.kind,))
            for line in report(scenario, asked.sets, asked.replicates):
                print(line, flush=True)


if __name__ == "__main__":
    main()
