"""Write down what the fitted laws say of the runs of short/plans/extrapolation.yaml.

python -m tools.predictions

Refuses once one of those runs has been trained: a prediction after the fact is none.
"""

from __future__ import annotations

import sys

import pandas as pd

from precision_lib.findings.predictions import predict_runs
from precision_lib.paths import table_folder
from precision_lib.runs.run_table import load_ptq, load_runs, write_table
from precision_lib.sweep.plans import read_plan
from precision_lib.training.config import RunConfig

PLAN = table_folder("short") / "plans" / "extrapolation.yaml"
TARGET = table_folder("short") / "predictions.csv"


def main() -> int:
    """Fit, predict and write; the exit status."""
    configs, runs = read_plan(PLAN).configs(), load_runs()
    if known := trained(configs, runs):
        print(f"predictions: run {known[0]} is trained already; nothing was written.")
        return 1
    write_table(predict_runs(configs, runs, load_ptq()), TARGET)
    print(f"predictions: {TARGET.name} is written; commit it before a run starts.")
    return 0


def trained(configs: list[RunConfig], runs: pd.DataFrame) -> list[str]:
    """The ids of those runs that the table has.

    Examples
    --------
    >>> trained(read_plan(PLAN.with_name("base.yaml")).configs(), load_runs()) != []
    True
    """
    return sorted({config.run_id for config in configs} & set(runs["run_id"]))


if __name__ == "__main__":
    sys.exit(main())
