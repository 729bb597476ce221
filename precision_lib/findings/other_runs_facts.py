"""The texts that the chapter on other people's runs computes for its prose."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from precision_lib.decide import allocation, surface
from precision_lib.findings.chinchilla import (
    BESIROGLU_HUBER,
    BESIROGLU_OBJECTIVE,
    CHINCHILLA_BUDGET,
    HOFFMANN,
    HOFFMANN_ROUNDED,
    huber_sum,
    with_constants,
)
from precision_lib.findings.table_words import word
from precision_lib.laws import Bootstrap, Fit
from precision_lib.laws.profile import Profile

AGREES = 1e-6


def chinchilla_facts(
    points: pd.DataFrame, ours: Fit, draws: Bootstrap
) -> dict[str, str]:
    """What the fit of the Chinchilla points says, as texts.

    >>> from precision_lib.laws import bootstrap, example_fit, example_table
    >>> fit = example_fit()
    >>> table = pd.DataFrame(example_table())
    >>> found = chinchilla_facts(table, fit, bootstrap(fit, replicates=20))
    >>> found["objective-verdict"]  # these are not the same points
    'differs'
    """
    gap = ours.objective / BESIROGLU_OBJECTIVE - 1
    inside = sum(
        low <= BESIROGLU_HUBER[name] <= high
        for name in BESIROGLU_HUBER
        for low, high in [draws.interval(name)]
    )
    carried = allocation(surface(ours.with_bootstrap(draws)), CHINCHILLA_BUDGET)
    rounded = allocation(surface(with_constants(HOFFMANN_ROUNDED)), CHINCHILLA_BUDGET)
    low, high = carried.intervals["tokens_per_parameter"]
    return {
        "objective": f"{ours.objective:.10f}",
        "published-objective": f"{BESIROGLU_OBJECTIVE:.10f}",
        "objective-verdict": "agrees" if abs(gap) < AGREES else "differs",
        "inside": f"{inside} of {len(BESIROGLU_HUBER)}",
        "start-share": f"{ours.share_at_best:.0%}",
        "hoffmann-excess": _times(huber_sum(points, HOFFMANN_ROUNDED), ours),
        "hoffmann-tex-excess": _times(huber_sum(points, HOFFMANN), ours),
        "tokens-ours": f"{carried.values['tokens_per_parameter']:.0f}",
        "tokens-ours-interval": f"{low:.0f} to {high:.0f}",
        "tokens-hoffmann": f"{rounded.values['tokens_per_parameter']:.0f}",
        "size-ours": f"{carried.values['N'] / 1e9:.0f}",
    }


def _times(objective: float, ours: Fit) -> str:
    return f"{objective / ours.objective:.2f}"


def peer_facts(mean: pd.DataFrame, summed: pd.DataFrame, best: float) -> dict[str, str]:
    """How the same optimizer ends on the mean and on the sum, as texts.

    >>> stops = pd.DataFrame({"objective": [1.0, 2.0]})
    >>> peer_facts(stops, stops, 1.0)["sum-share"]
    '50%'
    """
    return {
        "mean-share": _share(mean, best),
        "sum-share": _share(summed, best),
        "mean-best-excess": f"{mean['objective'].min() / best:.2f}",
        "peer-starts": f"{len(mean)}",
    }


def _share(stops: pd.DataFrame, best: float) -> str:
    return f"{(stops['objective'] < best * (1 + AGREES)).mean():.0%}"


def quest_facts(
    runs: pd.DataFrame, found: Fit, profiles: Mapping[str, Profile], paper: float
) -> dict[str, str]:
    """What the weight-only runs of QuEST bound and what they do not, as texts.

    `runs`: the runs that were fitted; `found`: of effective weights without offset;
    `profiles`: by parameter; `paper`: the paper's gamma_w.

    >>> from precision_lib.laws import example_fit, example_table
    >>> from precision_lib.laws.profile import profile
    >>> fit = example_fit()
    >>> known = profile(fit, "alpha")
    >>> table = pd.DataFrame(example_table())
    >>> quest_facts(table, fit, {"gamma_weights": known}, 2.7)["unbounded"]
    'none'
    """
    low, high = profiles["gamma_weights"].interval
    ratio = runs["D"] / runs["N"]
    loose = [name for name, known in profiles.items() if not known.bounded]
    gamma = found.params.get("gamma_weights", float("nan"))
    return {
        "quest-runs": f"{len(runs)}",
        "quest-ratio-low": f"{ratio.min():.0f}",
        "quest-ratio-high": f"{ratio.max():.0f}",
        "gamma": f"{gamma:.2f}",
        "gamma-interval": f"{low:.2f} to {high:.2f}",
        "gamma-verdict": "inside" if low <= paper <= high else "outside",
        "unbounded": ", ".join(map(word, loose)) or "none",
        "quest-r2": f"{found.r2:.3f}",
    }


def exercise_facts(ours: Fit, draws: Bootstrap, tied: Fit) -> dict[str, str]:
    """Whether one exponent for size and data would do, as texts.

    >>> from precision_lib.laws import bootstrap, example_fit, example_table, fit
    >>> free = example_fit()
    >>> tied = fit(example_table(), "chinchilla-tied")
    >>> found = exercise_facts(free, bootstrap(free, replicates=50), tied)
    >>> sorted(found)
    ['tied-high', 'tied-low', 'tied-rise', 'tied-verdict']
    """
    apart = draws.params["alpha"] - draws.params["beta"]
    low, high = np.percentile(apart, [2.5, 97.5])
    return {
        "tied-rise": f"{tied.objective / ours.objective - 1:.2%}",
        "tied-low": f"{low:.3f}",
        "tied-high": f"{high:.3f}",
        "tied-verdict": "agree" if low <= 0 <= high else "do not agree",
    }
