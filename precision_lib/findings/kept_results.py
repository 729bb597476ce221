"""What was computed from tables of others that may not be part of the repository.

``python -m tools.other_results`` writes it where the tables are at hand; pages show it,
with its date, where they are not.
"""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from precision_lib.runs.external import OURS

RESULTS = OURS / "results.json"


def kept_results(name: str) -> dict[str, Any]:
    """The results from one table: its ``url``, the ``date``, and what a page shows.

    `name`: "chinchilla" or "quartet2".

    >>> kept_results("quartet2")["date"] > "2026"
    True
    """
    known: dict[str, dict[str, Any]] = json.loads(RESULTS.read_text("utf-8"))
    return known[name]


def kept_table(name: str, what: str) -> pd.DataFrame:
    """One of the kept results as the table that it was.

    >>> kept_table("quartet2", "forward").index.tolist()
    ['forward', 'both', 'backward', 'size slope']
    """
    return pd.DataFrame.from_dict(kept_results(name)[what], orient="index")
