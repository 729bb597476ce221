"""Compute what pages show of tables that may not be part of the repository.

python -m tools.other_results

Needs the tables: in the folder that PRECISION_LIB_EXTERNAL names, or fetched.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from precision_lib.errors import UserError
from precision_lib.findings import other_runs, other_runs_facts as facts_of
from precision_lib.findings.chinchilla import fit_by_default
from precision_lib.findings.forward_cost import of_others, quartet2_arms
from precision_lib.findings.kept_results import RESULTS
from precision_lib.laws import bootstrap, fit
from precision_lib.runs.external import TABLES, load_external

SEED, REPLICATES, STARTS = 0, 1000, 120  # those of the chapter


def main() -> int:
    """Compute and write; the exit status."""
    try:
        tables = {name: load_external(name) for name in ("chinchilla", "quartet2")}
    except UserError as error:
        print(f"other_results: {error}")
        return 2
    found = {
        "chinchilla": chinchilla(tables["chinchilla"]),
        "quartet2": {
            "forward": as_record(of_others(quartet2_arms(tables["quartet2"])))
        },
    }
    for name, results in found.items():
        original = TABLES[name].original
        assert original is not None
        results |= {"url": original.url, "date": f"{datetime.now(UTC):%Y-%m-%d}"}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


def chinchilla(points: pd.DataFrame) -> dict[str, Any]:
    """Texts, tables and stops of the chapter's fits of the Chinchilla points."""
    points = points[points["in_240"] == 1]
    ours = fit(points, "chinchilla", seed=SEED)
    deviation = fit(points, "chinchilla", loss="lad", seed=SEED)
    draws = bootstrap(ours, replicates=REPLICATES, seed=SEED)
    stops = {how: fit_by_default(points, how, STARTS, SEED) for how in ("mean", "sum")}
    tied = fit(points, "chinchilla-tied", seed=SEED)
    return {
        "facts": facts_of.chinchilla_facts(points, ours, draws),
        "peers": facts_of.peer_facts(stops["mean"], stops["sum"], ours.objective),
        "exercise": facts_of.exercise_facts(ours, draws, tied),
        "objective": ours.objective,
        "beside": as_record(other_runs.beside_published(ours, draws)),
        "abstract": as_record(other_runs.beside_abstract(deviation)),
        "stops": {how: found["objective"].tolist() for how, found in stops.items()},
    }


def as_record(table: pd.DataFrame) -> dict[str, Any]:
    """A table as JSON has it: its rows by name."""
    rows: dict[str, Any] = json.loads(table.to_json(orient="index"))
    return rows


if __name__ == "__main__":
    sys.exit(main())
