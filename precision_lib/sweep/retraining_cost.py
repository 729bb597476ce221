"""What ``runs="retrain"`` costs, in one line, before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from precision_lib.paths import table_folder
from precision_lib.runs.run_table import load_runs
from precision_lib.sweep.plans import read_plan
from precision_lib.sweep.preflight import rough_cost, rough_seconds


@dataclass(frozen=True)
class RetrainingPrice:
    """The price of all runs of some plans.

    >>> str(RetrainingPrice(("base",), 109, 50, 2.25))
    "runs='retrain': 109 runs of base, about 2.2 core-hours (50 of them measured)"
    """

    plans: tuple[str, ...]  #: their names
    runs: int  #: how many runs they have in all
    measured: int  #: those whose time ``costs.csv`` has
    #: Of one core: measured where it is, for the others the count of operations times
    #: what the runs of ``runs.csv`` took for theirs
    core_hours: float

    def __str__(self) -> str:
        return (
            f"runs='retrain': {self.runs} runs of {', '.join(self.plans)}, about "
            f"{self.core_hours:.1f} core-hours ({self.measured} of them measured)"
        )


def retraining_price(*plans: str) -> RetrainingPrice:
    """The price of the plans that a notebook trains anew.

    Raises UserError if there is no such plan.

    `plans`: names of plans of the table, without their ending.

    >>> price = retraining_price("base")
    >>> price.runs > 50, price.core_hours > 0
    (True, True)
    """
    files = [read_plan(table_folder() / "plans" / f"{name}.yaml") for name in plans]
    configs = {c.run_id: c for plan in files for c in plan.configs()}
    costs = pd.read_csv(table_folder() / "costs.csv").drop_duplicates(
        "run_id", keep="last"
    )
    took = costs.set_index("run_id")["seconds"]
    known = {name: float(took[name]) for name in configs if name in took.index}
    rough = {name: rough_seconds(config) for name, config in configs.items()}
    factor = _seconds_a_rough_second(took)
    seconds = sum(known.get(name, factor * rough[name]) for name in configs)
    return RetrainingPrice(plans, len(configs), len(known), seconds / 3600)


def _seconds_a_rough_second(took: pd.Series) -> float:
    """What the published runs took, as a multiple of `rough_seconds`."""
    runs = load_runs().set_index("run_id")
    parts = [name for name in runs if str(name).startswith("params_")]
    rough = rough_cost(runs[parts].sum(axis=1), runs["D"], runs["weight_bits"])
    ratio = (took / rough).dropna()
    return float(ratio.median()) if len(ratio) else 1.0
