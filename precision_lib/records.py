"""Records of single runs, and the tables that they are collected into.

A record is one JSON file a run. The tables are a function of the records and of the
rows that are there already, whatever the order the runs ended in.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd

from precision_lib.runs import TABLES, read_table, write_table

# Columns that the first records lack, with the value that they stand for.
EARLIER = {
    "schedule": "cosine",
    "warmup": 0.1,
    "final_lr": 0.1,
    "decay": 0.2,
    "averaging": 0.0,
    "sequence": 128,
    "corpus": "default",
    "query_format": "float32",
    "scale": "absmax",
    "straight_through": "clipped",
    "rotation": 0,
}


def finished_ids(out: Path, data: Path) -> set[str]:
    """Runs that need no more work: those with a record or a row in ``runs.csv``.

    Examples
    --------
    >>> finished_ids(Path("no such folder"), Path("nor this"))
    set()
    """
    return {path.stem for path in out.glob("*.json")} | _collected(data)


def _collected(data: Path) -> set[str]:
    table = data / "runs.csv"
    return set(read_table(table)["run_id"]) if table.exists() else set()


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

    A run that is in ``runs.csv`` stays as it is. That table is written last, so
    that a merge that was killed between two tables is done again by the next one.

    Examples
    --------
    >>> collect(Path("runs"), Path("data"))  # doctest: +SKIP
    231
    """
    known = _collected(data)
    records = [json.loads(path.read_text("utf-8")) for path in out.glob("*.json")]
    fresh = [EARLIER | r for r in records if r["run_id"] not in known]
    rows = {
        "ptq": [row for record in fresh for row in _ptq_rows(record)],
        "curves": [row for record in fresh for row in _curve_rows(record)],
        "costs": fresh,
        "runs": fresh,
    }
    for name, new in rows.items():
        _merge(data / f"{name}.csv", new, list(TABLES[name].columns))
    return len(known) + len(fresh)


def _ptq_rows(record: dict[str, Any]) -> list[dict[str, Any]]:
    """A row a rounding, with the columns of the run that they repeat."""
    names = ("run_id", "sweep", "role", "seed", "N", "D", "loss")
    bits = ("weight_bits", "activation_bits", "kv_bits")
    shared = {name: record[name] for name in (*names, *bits)} | {"calibration": ""}
    delta = [row["post_loss"] - record["loss"] for row in record["ptq"]]
    return [
        {**shared, **row, "delta": d}
        for row, d in zip(record["ptq"], delta, strict=True)
    ]


def _curve_rows(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"run_id": record["run_id"], "tokens": tokens, "training_loss": loss}
        for tokens, loss in record["curve"]
    ]


def _merge(path: Path, new: list[dict[str, Any]], columns: list[str]) -> None:
    """Add rows to a table; they replace those of the same runs."""
    if not new:
        return
    rows = pd.DataFrame(new).reindex(columns=columns)
    if path.exists():
        old = read_table(path)
        rows = pd.concat([old[~old["run_id"].isin(rows["run_id"])], rows])
    keys = ["sweep", "N", "D", "run_id", "method", "grid", "granularity"]
    keys += ["calibration", "post_bits", "tokens"]
    rows = rows.sort_values([key for key in keys if key in rows])
    write_table(rows.reindex(columns=columns), path)
