"""Write down what the fitted laws say of the held-out runs of the second table.

python -m tools.predictions [--replicates COUNT]

Refuses once one of those runs has been trained: a prediction after the fact is none.
Those of the first table were made in the same way.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from precision_lib.errors import UserError
from precision_lib.findings.predictions import predict_runs
from precision_lib.paths import DATA
from precision_lib.runs.run_table import load_ptq, load_runs, write_table
from precision_lib.sweep.plans import read_plan
from precision_lib.training.config import RunConfig

REPLICATES = 300


def main() -> int:
    """Fit, predict and write; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    parser.add_argument("--data", type=Path, default=DATA)
    asked = parser.parse_args()
    try:
        return write(asked.data, asked.replicates)
    except UserError as error:
        print(f"predictions: {error}")
        return 2


def write(data: Path, replicates: int) -> int:
    """Predict from the tables in `data` and write beside them; the exit status."""
    configs, runs = held_out(), load_runs(data / "runs.csv")
    if known := trained(configs, runs):
        print(f"predictions: run {known[0]} is trained already; nothing was written.")
        return 1
    ptq, target = load_ptq(data / "ptq.csv"), data / "predictions.csv"
    table = predict_runs(configs, runs, ptq, replicates=replicates)
    digest = hashlib.sha256((data / "runs.csv").read_bytes()).hexdigest()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    write_table(table.assign(date=now, runs_digest=digest[:16]), target)
    print(f"predictions: {target} is written; commit it before a run starts.")
    return 0


def held_out() -> list[RunConfig]:
    """The runs of the plans of the second table that are in no fit."""
    plans = [read_plan(path) for path in sorted((DATA / "plans").glob("*.yaml"))]
    held = [plan for plan in plans if plan.role == "held-out"]
    return [config for plan in held for config in plan.configs()]


def trained(configs: list[RunConfig], runs: pd.DataFrame) -> list[str]:
    """The ids of those runs that the table has.

    Examples
    --------
    >>> trained(held_out(), load_runs(table="short"))
    []
    """
    return sorted({config.run_id for config in configs} & set(runs["run_id"]))


if __name__ == "__main__":
    sys.exit(main())
