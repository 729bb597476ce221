"""Records of single runs, and the tables that they are collected into.

A record is one JSON file a run. The tables are a function of the records and of the
rows that are there already, whatever the order the runs ended in.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from filelock import FileLock

from precision_lib.paths import write_whole
from precision_lib.runs.run_table import TABLES, read_table, write_table

_MEASURED = {name for name in TABLES["runs"].columns if name.startswith("loss_")}
# What a whole record has; the losses by source depend on the corpus.
NEEDED = {"curve", "ptq", "statistics", *TABLES["runs"].columns} - _MEASURED


class Records(NamedTuple):
    """What a folder of records holds.

    >>> read_records(Path("no such folder"))
    Records(whole={}, damaged=[])
    """

    whole: dict[str, dict[str, Any]]  #: the records by their ``run_id``
    damaged: list[Path]  #: files that are called like a record and are none


def read_records(out: Path) -> Records:
    """Read the records in `out`; one that is cut off or of another origin is damaged.

    >>> read_records(Path("no such folder")).whole
    {}
    """
    records = Records({}, [])
    for path in sorted(out.glob("*.json")):
        try:
            record = json.loads(path.read_text("utf-8"))
            sound = record["run_id"] == path.stem and record.keys() >= NEEDED
        except FileNotFoundError:
            continue  # another sweep has just set it aside
        except (ValueError, KeyError, TypeError):
            sound = False
        if sound:
            records.whole[path.stem] = record
        else:
            records.damaged.append(path)
    return records


def set_aside(out: Path) -> list[str]:
    """Rename the files in `out` that are no records, so that their runs are done again.

    Returns a sentence for each.

    >>> set_aside(Path("no such folder"))
    []
    """
    sentences: list[str] = []
    if not read_records(out).damaged:
        return sentences
    with FileLock(out / ".set-aside.lock"):  # another sweep may be at it
        for path in read_records(out).damaged:
            kept = path.with_suffix(".damaged")
            path.replace(kept)
            sentences.append(
                f"{path} is no whole record of run {path.stem}; it was renamed to "
                f"{kept.name}, and the run counts as not done."
            )
    return sentences


def finished_ids(out: Path, data: Path) -> set[str]:
    """Runs that need no more work: those with a record or a row in ``runs.csv``.

    >>> finished_ids(Path("no such folder"), Path("nor this"))
    set()
    """
    return set(read_records(out).whole) | _collected(data)


def _collected(data: Path) -> set[str]:
    table = data / "runs.csv"
    return set(read_table(table)["run_id"]) if table.exists() else set()


def write_json(path: Path, record: dict[str, Any]) -> None:
    """Write a record; the file is there whole or not at all.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     write_json(Path(name, "a.json"), {"loss": 3.5})
    ...     Path(name, "a.json").read_text()
    '{"loss": 3.5}'
    """
    write_whole(path, json.dumps(record).encode())


def collect(out: Path, data: Path) -> int:
    """Merge the records in `out` into the tables in `data`; returns the runs there.

    A run that is in ``runs.csv`` stays as it is. That table is written last, so
    that a merge that was killed between two tables is done again by the next one.
    Damaged records are passed over; the next sweep sets them aside.

    Raises UserError if a table cannot be written; the old one is whole then.
    """
    with FileLock(data / ".collect.lock"):  # two at once would lose rows
        known = _collected(data)
        whole = read_records(out).whole
        fresh = [r for run_id, r in whole.items() if run_id not in known]
        rows = {
            "ptq": [row for record in fresh for row in _ptq_rows(record)],
            "curves": [
                {"run_id": record["run_id"], "tokens": tokens, "training_loss": loss}
                for record in fresh
                for tokens, loss in record["curve"]
            ],
            "costs": fresh,
            "statistics": [
                {"run_id": record["run_id"], **record["statistics"]}
                for record in fresh
                if record["statistics"]
            ],
            "runs": fresh,
        }
        for name, new in rows.items():
            _merge(data / f"{name}.csv", new, list(TABLES[name].columns))
    return len(known) + len(fresh)


def _ptq_rows(record: dict[str, Any]) -> list[dict[str, Any]]:
    """A row a rounding, with the columns of the run that they repeat."""
    names = ("run_id", "sweep", "role", "seed", "N", "D", "loss")
    bits = ("weight_bits", "activation_bits", "kv_bits")
    shared = {name: record[name] for name in (*names, *bits)}
    delta = [row["post_loss"] - record["loss"] for row in record["ptq"]]
    return [
        {**shared, **row, "delta": d}
        for row, d in zip(record["ptq"], delta, strict=True)
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
