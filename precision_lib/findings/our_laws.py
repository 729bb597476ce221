"""The laws of our own runs, kept beside the second table, which they are fitted to."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from precision_lib.laws import Fit
from precision_lib.paths import DATA, write_whole

if TYPE_CHECKING:
    import pandas as pd

KEPT = "laws.json"
TABLES = ("runs.csv", "ptq.csv")


def our_laws(folder: Path = DATA) -> tuple[Fit, ...]:
    """The kept laws of a table of ours, or new fits where its rows have changed since.

    `folder`: of the table; the second without it.

    >>> [each.law.name for each in our_laws()]
    ['effective', 'ptq']
    """
    kept = kept_laws(folder)
    if kept is not None:
        return kept
    from precision_lib.findings.explorer_constants import our_constants

    ours = our_constants(*load_tables(folder), judge=True)
    return tuple(each for each in (ours.base, ours.degradation) if each)


def kept_laws(folder: Path = DATA) -> tuple[Fit, ...] | None:
    """The kept laws of a table; None if there are none, or its rows have changed since.

    >>> kept_laws(Path("nowhere")) is None
    True
    """
    path = folder / KEPT
    if not path.is_file():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    if kept["tables"] != _digest(folder):
        return None
    return tuple(Fit.from_json(json.dumps(each)) for each in kept["fits"])


def load_tables(folder: Path = DATA) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The runs and their roundings that our laws are fitted to some of.

    >>> [int(table["N"].min()) for table in load_tables()]
    [11784, 11784]
    """
    from precision_lib.runs.run_table import load_ptq, load_runs

    runs, ptq = (folder / name for name in TABLES)
    return load_runs(runs), load_ptq(ptq)


def keep_laws(folder: Path = DATA) -> Path:
    """Fit the laws of a table of ours and write them beside it; the file's path."""
    path = folder / KEPT
    path.unlink(missing_ok=True)
    fits = [json.loads(each.to_json()) for each in our_laws(folder)]
    kept = json.dumps({"tables": _digest(folder), "fits": fits})
    write_whole(path, kept.encode())
    return path


def _digest(folder: Path) -> str:
    content = b"".join((folder / name).read_bytes() for name in TABLES)
    return hashlib.sha256(content).hexdigest()
