"""The tables that a notebook works on: as published, or of runs trained anew."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from precision_lib.errors import UserError
from precision_lib.paths import cache_folder, table_folder
from precision_lib.runs.run_table import load_ptq, load_runs


def run_tables(
    runs: str, *plans: str, jobs: int = 2
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables of runs and of roundings that a notebook works on.

    Returns as `precision_lib.runs.run_table.load_runs` and
    `precision_lib.runs.run_table.load_ptq` give them.

    Raises UserError if `runs` is neither of the two.

    `runs`: "published" reads the published tables. "retrain" trains every run of the
    plans here, in `jobs` processes, keeping finished ones between calls, and reads the
    tables made of those; the published ones stay as they are. `plans`: names of plans
    of the table, for "retrain"; `jobs`: processes, for "retrain".

    >>> trained, ptq = run_tables("published", "base")
    >>> set(ptq["run_id"]) == set(trained.query("status == 'finished'")["run_id"])
    True
    """
    folder = tables_folder(runs)
    for plan in plans if runs == "retrain" else ():
        _retrain(table_folder() / "plans" / f"{plan}.yaml", folder, jobs)
    return load_runs(folder / "runs.csv"), load_ptq(folder / "ptq.csv")


def tables_folder(runs: str) -> Path:
    """Where the tables lie: the published ones, or those of runs trained here.

    Raises UserError if `runs` is neither "published" nor "retrain".

    >>> tables_folder("published").name, tables_folder("retrain").name
    ('short', 'short')
    """
    published = table_folder()
    retrained = cache_folder() / "retrained" / published.name
    folders = {"published": published, "retrain": retrained}
    if runs not in folders:
        raise UserError(f"runs is '{runs}'; choose published or retrain.")
    return folders[runs]


def _retrain(plan: Path, folder: Path, jobs: int) -> None:
    from precision_lib.sweep.plans import read_plan  # here: who reads needs no torch
    from precision_lib.sweep.records import collect
    from precision_lib.sweep.runner import run_sweep

    read = read_plan(plan)
    out = folder / read.name
    run_sweep(read.configs(), read.name, read.role, out, folder, jobs)
    collect(out, folder)
