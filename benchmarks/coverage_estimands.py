"""How often the interval of an estimand holds what was planted.

nice python -m benchmarks.coverage_estimands TABLES

Plants so many tables with the design of the second run table and the noise of our runs,
and writes benchmarks/coverage_estimands.md: for each estimand the share of 95%
intervals that hold the truth, its bias, its scatter and the error that it states. Ten
tables take about 20 s of one core.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from precision_lib.findings import (
    composition,
    cost_growth,
    delta_growth,
    equal_loss,
    measured_best_bits as best,
    part_costs,
    size_slope,
    turn,
)
from precision_lib.findings.estimate import Estimate
from precision_lib.findings.intervals import share
from tests.findings import planted_runs as plant

TARGET = Path(__file__).with_suffix(".md")
TRUTH = plant.Truth(coupling=0.03, excess=0.05, excess_size=0.02)
HIGH = (32, 32, 32)


def estimands() -> dict[str, tuple[Callable[..., Estimate], float]]:
    """Each estimand and what is planted of it."""
    sizes, weights = (plant.SIZES[24], plant.SIZES[98]), [2, 1]
    after = [
        plant.clean_loss(TRUTH, sizes[0], d, HIGH)
        + plant.clean_delta(TRUTH, sizes[0], d, HIGH, 3, "gptq", 0.0)
        for d in (7e6, 28e6)
    ]
    costs = {
        part: [plant.single(TRUTH, part, 4, n, 7e6) for n in sizes]
        for part in plant.BITS
    }
    gaps = np.subtract(costs["activation_bits"], costs["weight_bits"])
    gap = float(np.average(gaps, weights=weights))
    power = partial(delta_growth.exponent, of="D")
    size = partial(delta_growth.exponent, of="N", least=3.5e6)
    noise = partial(delta_growth.difference_of_exponents, first="noise", second="rtn")
    rise = partial(turn.rise, N=24e3, first=7e6, last=28e6)
    between = partial(composition.between_sum_and_product, D=7e6)
    parts = {"first": {"activation_bits": 4}, "second": {"weight_bits": 4}}
    difference = partial(part_costs.cost_difference, **parts, D=7e6)
    sum_of = partial(composition.tied_over_sum, D=7e6, bits=3)
    return {
        "additivity": (size_slope.slope_exponent, TRUTH.coupling),
        "neff-or-error": (cost_growth.excess_exponent, TRUTH.excess),
        "share-by-size": (cost_growth.excess_size_exponent, TRUTH.excess_size),
        "delta-grows": (power, TRUTH.gamma_data),
        "delta-exponent-constant": (delta_growth.change_of_exponent, 0.0),
        "delta-falls-with-size": (size, TRUTH.gamma_size),
        "exponential-in-bits": (delta_growth.curvature_in_bits, 0.0),
        "any-perturbation": (noise, 0.0),
        "turn": (rise, after[1] - after[0]),
        "parts-combine": (between, 0.0),
        "tied-3-below-sum": (sum_of, 0.0),
        "activations-most-sensitive": (difference, gap),
        "robust-at-equal-loss": (equal_loss.robustness, 0.0),
        "best-bits-level": (partial(best.best_bits, N=24e3, D=28e6), best_bits(28e6)),
        "best-bits-with-compute": (
            partial(best.change_of_best_bits, N=24e3, first=1.75e6, last=28e6),
            best_bits(28e6) - best_bits(1.75e6),
        ),
    }  # fmt: skip


def best_bits(data: float) -> float:
    """The bits with the largest planted share a bit."""
    bits = np.linspace(4, 9, 50_001)
    size, step = plant.SIZES[24], 1e-3
    cost = sum(
        plant.single(TRUTH, part, 1, size, data) * np.exp(-shape * (bits - 1))
        for part, shape in plant.SHAPES.items()
    )
    ends = [plant.slope_part(TRUTH, size * np.exp(s), data) for s in (-step, step)]
    slope = (ends[0] - ends[1]) / (2 * step)
    return float(bits[np.argmin(cost / slope + np.log(bits))])


def main(tables: int) -> None:
    """Plant, estimate and write the table."""
    asked = estimands()
    found: dict[str, list[Estimate]] = defaultdict(list)
    for seed in range(tables):
        measured = plant.planted(TRUTH, seed, mixes=True)
        for name, (function, _) in asked.items():
            found[name].append(function(measured))
    rows = [row(name, found[name], true) for name, (_, true) in asked.items()]
    head = [
        "# Coverage of the estimands",
        "",
        f"{tables} tables, by `python -m benchmarks.coverage_estimands {tables}`.",
        "Names are those of `data/preregistered.yaml`; the noise is that of our runs.",
        "",
        "| estimand | planted | 95% intervals that hold it (95%) | bias | scatter | "
        "stated error |",
        "|---|---|---|---|---|---|",
    ]
    TARGET.write_text("\n".join([*head, *rows]) + "\n", encoding="utf-8")


def row(name: str, found: list[Estimate], true: float) -> str:
    """A line of the table."""
    ends = [one.interval() for one in found]
    held, (low, high) = share(sum(a <= true <= b for a, b in ends), len(ends))
    values = np.array([one.value for one in found])
    error = np.sqrt(np.mean([one.error**2 for one in found]))
    cells: list[Any] = [name, f"{true:.3f}", f"{held:.3f} ({low:.3f}-{high:.3f})"]
    cells += [f"{x:.4f}" for x in (values.mean() - true, values.std(ddof=1), error)]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main(int(sys.argv[1]))
