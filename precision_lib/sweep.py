"""Many runs, in parallel processes, each kept as soon as it ends.

Every finished run is one JSON record, written to a temporary file and renamed, so
a killed sweep loses only the runs it was in. Running it again does the rest.
`precision_lib.records.collect` merges the records into the tables of ``data/``.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import joblib
import pandas as pd
from tqdm import tqdm

from precision_lib.checkpoints import save_model
from precision_lib.corpus import DATA, Corpus, cache_folder, load_corpus
from precision_lib.errors import UserError
from precision_lib.plan import read_plan
from precision_lib.records import collect, finished_ids, write_json
from precision_lib.runs import Role, load_ptq, load_runs
from precision_lib.train import RunConfig, train

_corpus = lru_cache(maxsize=1)(load_corpus)


def run_sweep(
    configs: list[RunConfig],
    name: str,
    role: Role,
    out: Path,
    data: Path,
    jobs: int = 1,
) -> int:
    """Train what is not done yet; returns how many runs were trained.

    Parameters
    ----------
    configs : list of RunConfig
    name, role : str
        Of the sweep; columns of the tables.
    out : Path
        Folder of the records, and of the trained weights beside them.
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
    >>> run_sweep([], "none", "fit", Path("."), Path("."))
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
    tasks = (joblib.delayed(_run_one)(c, name, role, out) for c in todo)
    for _ in tqdm(parallel(tasks), total=len(todo), unit="run", disable=None):
        pass
    return len(todo)


def _run_one(config: RunConfig, name: str, role: Role, out: Path) -> None:
    corpus: Corpus = _corpus(config.corpus)
    run = train(config, corpus)
    if run.model is not None:
        save_model(run.model, config, out / f"{config.run_id}.safetensors")
    record = {"sweep": name, "role": role, **run.record}
    write_json(out / f"{config.run_id}.json", record)


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
    run_sweep(read.configs(), read.name, read.role, folder / read.name, folder, jobs)
    collect(folder / read.name, folder)
    return load_runs(folder / "runs.csv"), load_ptq(folder / "ptq.csv")
