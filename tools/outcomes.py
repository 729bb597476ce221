"""Write what came of each registered finding on the second table: data/outcomes.csv.

python -m tools.outcomes [--data FOLDER]

It runs on whatever rows there are, and says which runs a finding still waits for.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from precision_lib.findings.outcomes import outcomes
from precision_lib.findings.predictions import load_predictions
from precision_lib.paths import DATA
from precision_lib.runs.run_table import load_ptq, load_runs, write_table
from precision_lib.sweep.plans import read_plan


def main() -> int:
    """Estimate and write; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    data = parser.parse_args().data
    path = data / "predictions.csv"
    said = load_predictions(path) if path.exists() else None
    runs, ptq = load_runs(data / "runs.csv"), load_ptq(data / "ptq.csv")
    table = outcomes(runs, ptq, planned(), said)
    write_table(table, data / "outcomes.csv")
    shown = table[["id", "word", "complete", "value", "low", "high", "missing"]]
    print(shown.round(3).to_string(index=False, max_colwidth=60))
    return 0


def planned() -> dict[str, int]:
    """The runs of each plan of the second table."""
    plans = [read_plan(path) for path in sorted((DATA / "plans").glob("*.yaml"))]
    return {plan.name: len(plan.configs()) for plan in plans}


if __name__ == "__main__":
    sys.exit(main())
