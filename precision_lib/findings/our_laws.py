"""The laws of our own runs, kept beside the table that they were fitted to."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from precision_lib.laws import Fit
from precision_lib.paths import table_folder, write_whole

KEPT = "laws.json"
TABLES = ("runs.csv", "ptq.csv")


def our_laws(folder: Path | None = None) -> tuple[Fit, ...]:
    """The kept laws of a table of ours, or new fits where its rows have changed since.

    `folder`: of the table; the one that pages read without it.

    >>> [each.law.name for each in our_laws()]
    ['effective', 'ptq']
    """
    folder = folder or table_folder()
    path = folder / KEPT
    if path.is_file():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["tables"] == _digest(folder):
            return tuple(Fit.from_json(json.dumps(each)) for each in kept["fits"])
    from precision_lib.findings.explorer_constants import our_constants
    from precision_lib.runs.run_table import load_ptq, load_runs

    runs, ptq = (folder / name for name in TABLES)
    ours = our_constants(load_runs(runs), load_ptq(ptq), judge=True)
    return tuple(each for each in (ours.base, ours.degradation) if each)


def keep_laws(folder: Path | None = None) -> Path:
    """Fit the laws of a table of ours and write them beside it; the file's path."""
    folder = folder or table_folder()
    path = folder / KEPT
    path.unlink(missing_ok=True)
    fits = [json.loads(each.to_json()) for each in our_laws(folder)]
    kept = json.dumps({"tables": _digest(folder), "fits": fits})
    write_whole(path, kept.encode())
    return path


def _digest(folder: Path) -> str:
    content = b"".join((folder / name).read_bytes() for name in TABLES)
    return hashlib.sha256(content).hexdigest()
