"""Write what came of each registered finding on the second table: data/outcomes.csv.

Which machine made it stands beside it, in data/outcomes_machine.json. Our laws,
data/laws.json, are fitted anew with it where rows were added since.

python -m tools.outcomes [--data FOLDER]

It runs on whatever rows there are, and says which runs a finding still waits for. The
pages show the words of this table; a test fails once it is older than the rows.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from precision_lib.findings.our_laws import keep_laws, kept_laws
from precision_lib.findings.outcomes import outcomes
from precision_lib.findings.predictions import load_predictions
from precision_lib.findings.preregistration import preregistered
from precision_lib.paths import DATA
from precision_lib.runs.run_table import load_costs, load_ptq, load_runs, write_table
from precision_lib.sweep.plans import Plan, read_plan
from tools.machine import machine


def main() -> int:
    """Estimate and write; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    data = parser.parse_args().data
    table = outcomes_of(data)
    write_table(table, data / "outcomes.csv")
    facts = json.dumps(machine(), indent=1) + "\n"
    (data / "outcomes_machine.json").write_text(facts, encoding="utf-8")
    shown = table[["id", "word", "complete", "estimate", "low", "high", "missing"]]
    print(shown.round(3).to_string(index=False, max_colwidth=60))
    if kept_laws(data) is None:
        keep_laws(data)
    return 0


def outcomes_of(data: Path) -> pd.DataFrame:
    """The table, of the runs in a folder."""
    path = data / "predictions.csv"
    said = load_predictions(path) if path.exists() else None
    runs, ptq = load_runs(data / "runs.csv"), load_ptq(data / "ptq.csv")
    hours = hours_left(runs, load_costs(data / "costs.csv"))
    return outcomes(runs, ptq, planned(), said, hours)


@cache
def plans() -> list[Plan]:
    """Those that decide a finding."""
    blocks = {block for one in preregistered().values() for block in one.blocks}
    return [read_plan(DATA / "plans" / f"{name}.yaml") for name in sorted(blocks)]


def planned() -> dict[str, int]:
    """The runs of each plan."""
    return {plan.name: len(plan.configs()) for plan in plans()}


def hours_left(runs: pd.DataFrame, costs: pd.DataFrame) -> dict[str, float]:
    """Core-hours that the runs of each plan that are not in the table will take.

    By the seconds of the runs on a processor so far: so many a run, so many a token,
    and so many a token and weight, the last two also for each part that is quantized.
    """
    known = runs[runs["device"] == "cpu"].merge(costs[["run_id", "seconds"]])
    parts = known[["weight_bits", "activation_bits", "kv_bits"]] < 32
    work = _work(known["N"], known["D"], parts.sum(axis=1))
    seconds = known["seconds"].to_numpy(float)
    rates, _ = nnls(work / seconds[:, None], np.ones(len(seconds)))
    done, left = set(runs["run_id"]), {}
    for plan in plans():
        todo = [config for config in plan.configs() if config.run_id not in done]
        sizes = [config.model.n_non_embedding for config in todo]
        names = [(c.precision.weights, c.precision.activations, c.precision.kv_cache)
                 for c in todo]  # fmt: skip
        low = [sum(name != "float32" for name in three) for three in names]
        tokens = [config.tokens for config in todo]
        left[plan.name] = float((_work(sizes, tokens, low) @ rates).sum() / 3600)
    return left


def _work(N: object, D: object, parts: object) -> np.ndarray:
    size, tokens, low = (np.asarray(one, float) for one in (N, D, parts))
    weights = size * tokens
    return np.stack(
        [np.ones_like(size), tokens, weights, low * tokens, low * weights], 1
    )


if __name__ == "__main__":
    sys.exit(main())
