"""Many runs, in parallel processes, each kept as soon as it ends.

Every finished run is one JSON record, written to a temporary file and renamed, so
a killed sweep loses only the runs it was in. Running it again does the rest.
`collect` merges the records into the tables of ``data/``.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from tqdm import tqdm

from precision_lib.corpus import DATA, Corpus, cache_folder, load_corpus
from precision_lib.errors import UserError
from precision_lib.plan import read_plan
from precision_lib.runs import (
    CURVE_COLUMNS,
    PTQ_COLUMNS,
    RUN_COLUMNS,
    load_ptq,
    load_runs,
    write_table,
)
from precision_lib.train import RunConfig, train

_corpus = lru_cache(maxsize=1)(load_corpus)


def finished_ids(out: Path, data: Path) -> set[str]:
    """Runs that need no more work: those with a record or a row in ``runs.csv``.

    Examples
    --------
    >>> finished_ids(Path("no such folder"), Path("nor this"))
    set()
    """
    ids = {path.stem for path in out.glob("*.json")}
    table = data / "runs.csv"
    if table.exists():
        ids |= set(pd.read_csv(table, usecols=["run_id"], dtype=str)["run_id"])
    return ids


def run_sweep(
    configs: list[RunConfig], name: str, out: Path, data: Path, jobs: int = 1
) -> int:
    """Train what is not done yet; returns how many runs were trained.

    Parameters
    ----------
    configs : list of RunConfig
    name : str
        Name of the sweep, a column of the table.
    out : Path
        Folder of the records.
    data : Path
        Folder of ``runs.csv``; runs in it count as done.
    jobs : int
        Worker processes, one thread each.

    Raises
    ------
    UserError
        If the corpus cannot be had or the folder cannot be written.

    Examples
    --------
    >>> run_sweep([], "none", Path("."), Path("."))
    0
    """
    done = finished_ids(out, data)
    todo = [c for c in configs if c.run_id not in done]
    if not todo:
        return 0
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out} cannot be made ({error.strerror}).") from error
    for corpus in {c.corpus for c in todo}:
        load_corpus(corpus)  # fetched once, before the workers start
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
    tasks = (joblib.delayed(_run_one)(c, name, out) for c in todo)
    for _ in tqdm(parallel(tasks), total=len(todo), unit="run", disable=None):
        pass
    return len(todo)


def _run_one(config: RunConfig, name: str, out: Path) -> None:
    corpus: Corpus = _corpus(config.corpus)
    record = {"sweep": name, **train(config, corpus).record}
    write_json(out / f"{config.run_id}.json", record)


def write_json(path: Path, record: dict[str, Any]) -> None:
    """Write a record; the file is there whole or not at all.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     write_json(Path(name, "a.json"), {"loss": 3.5})
    ...     Path(name, "a.json").read_text()
    '{"loss": 3.5}'
    """
    scratch = path.with_suffix(f".{os.getpid()}.part")
    try:
        with scratch.open("w", encoding="utf-8") as file:
            json.dump(record, file)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def collect(out: Path, data: Path) -> int:
    """Merge the records in `out` into the tables in `data`; returns the runs there.

    A run that is in the table already stays as it is. The rows are sorted, so the
    same runs give the same files whatever the order they ended in.

    Examples
    --------
    >>> collect(Path("runs"), Path("data"))  # doctest: +SKIP
    231
    """
    known = finished_ids(Path("no records"), data)
    records = [json.loads(path.read_text("utf-8")) for path in out.glob("*.json")]
    fresh = [record for record in records if record["run_id"] not in known]
    runs = pd.DataFrame(fresh).drop(columns=["curve", "ptq"], errors="ignore")
    ptq = [{**_shared(r), **row} for r in fresh for row in r["ptq"]]
    for row in ptq:
        row["delta"] = row["post_loss"] - row["loss"]
    curves = [
        {"run_id": r["run_id"], "tokens": tokens, "training_loss": loss}
        for r in fresh
        for tokens, loss in r["curve"]
    ]
    _append(data / "runs.csv", runs, RUN_COLUMNS)
    _append(data / "ptq.csv", pd.DataFrame(ptq), PTQ_COLUMNS)
    _append(data / "curves.csv", pd.DataFrame(curves), CURVE_COLUMNS)
    return len(known) + len(fresh)


def run_tables(
    budget: str, plan: str = "first", jobs: int = 2
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables of runs and of roundings that a notebook works on.

    Parameters
    ----------
    budget : str
        "smoke" reads the published tables. "full" trains every run of the plan
        here, in `jobs` processes, keeping finished ones between calls, and reads
        the tables made of those; the published ones stay as they are.
    plan : str
        A plan in ``data/plans``, for "full".
    jobs : int
        Processes, for "full".

    Returns
    -------
    runs, ptq : DataFrame
        As `precision_lib.runs.load_runs` and `precision_lib.runs.load_ptq` give them.

    Raises
    ------
    UserError
        If the budget is neither of the two.

    Examples
    --------
    >>> runs, ptq = run_tables("smoke")
    >>> len(ptq) == 7 * (runs["status"] == "finished").sum()
    np.True_
    """
    if budget == "smoke":
        return load_runs(), load_ptq()
    if budget != "full":
        raise UserError(f"unknown budget '{budget}'; choose smoke or full.")
    read = read_plan(DATA / "plans" / f"{plan}.yaml")
    folder = cache_folder() / "retrained"
    run_sweep(read.configs(), read.name, folder / read.name, folder, jobs)
    collect(folder / read.name, folder)
    return load_runs(folder / "runs.csv"), load_ptq(folder / "ptq.csv")


def _shared(record: dict[str, Any]) -> dict[str, Any]:
    """The columns of a run that its PTQ rows repeat."""
    names = ("run_id", "sweep", "seed", "N", "D", "loss")
    bits = ("weight_bits", "activation_bits", "kv_bits")
    return {name: record[name] for name in (*names, *bits)}


def _append(path: Path, rows: pd.DataFrame, columns: list[str]) -> None:
    if rows.empty:
        return
    if path.exists():
        rows = pd.concat([pd.read_csv(path, dtype={"run_id": str}), rows])
    order = [
        c for c in ("sweep", "N", "D", "run_id", "post_bits", "tokens") if c in rows
    ]
    write_table(rows.sort_values(order).reindex(columns=columns), path)
