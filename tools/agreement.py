"""How far the words and numbers of this machine are from the published ones.

Another processor rounds otherwise, and a bootstrap amplifies it: numbers may move by a
small part of their interval, words not at all.
"""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd

from precision_lib.findings.outcomes import load_outcomes
from precision_lib.paths import DATA
from tools.machine import machine
from tools.outcomes import outcomes_of

PUBLISHED_MACHINE = DATA / "outcomes_machine.json"
NUMBERS = ("estimate", "low", "high")
WORDS = ("word", "complete", "units", "runs", "missing")  # none may differ
COMMAND = "python -m tools.outcomes"
NOTED = 1 / 100  # of an interval's length: what the page counts
ALLOWED = {"estimate": 1 / 50, "low": 1 / 10, "high": 1 / 10}  # what `make test` allows


def shifts(published: pd.DataFrame, made: pd.DataFrame) -> pd.DataFrame:
    """What differs, one row a finding of either table.

    Columns ``name``; ``estimate``, ``low`` and ``high``: how far the number moved, in
    lengths of the published interval; and ``words``: sentences on all that may not
    differ.
    """
    both = published.merge(
        made, on="id", how="outer", suffixes=("_was", ""), indicator=True
    )
    rows = [_shift(row) for row in both.to_dict("records")]
    return pd.DataFrame(rows, columns=["name", *NUMBERS, "words"])


def _shift(row: dict[Any, Any]) -> dict[str, Any]:
    name, cure = row["id"], f"; if the runs are new: {COMMAND}"
    if row["_merge"] != "both":
        where = "made anew" if row["_merge"] == "left_only" else "in the table"
        return {"name": name, "words": [f"{name}: is not {where}{cure}"]}
    length = row["high_was"] - row["low_was"]
    if not 0 < length < math.inf:
        length = abs(row["estimate_was"])
    found: dict[str, Any] = {"name": name}
    for column in NUMBERS:
        now, was = row[column], row[f"{column}_was"]
        same = now == was or (math.isnan(now) and math.isnan(was))
        moved = 0.0 if same else abs(now - was) / length if length else math.inf
        found[column] = math.inf if math.isnan(moved) else moved
    found["words"] = [
        f"{name}: {column} is {row[column]!r} and not {row[f'{column}_was']!r}{cure}"
        for column in WORDS
        if not _equal(row[column], row[f"{column}_was"])
    ]
    return found


def _equal(now: Any, was: Any) -> bool:
    return bool(pd.isna(now) and pd.isna(was)) or bool(now == was)


def words(table: pd.DataFrame) -> list[str]:
    """The sentences of `shifts` on what may not differ."""
    return [sentence for sentences in table["words"] for sentence in sentences]


def too_far(table: pd.DataFrame) -> list[str]:
    """A sentence for each number of `shifts` that moved further than is allowed."""
    return [
        f"{row['name']}: {column} moved by {row[column]:.3f} of the interval's length; "
        f"{allowed:g} is allowed"
        for row in table.to_dict("records")
        for column, allowed in ALLOWED.items()
        if row[column] > allowed
    ]


def moved(table: pd.DataFrame) -> int:
    """How many numbers of `shifts` moved by more than a hundredth of their interval."""
    return int((table[[*NUMBERS]] > NOTED).sum().sum())


def in_one_line(table: pd.DataFrame) -> str:
    """What `make book` prints."""
    said = words(table)
    start = (
        f"{len(said)} WORDS DIFFER ({'; '.join(said)})" if said else "no word differs"
    )
    return (
        f"words and numbers: {start} from data/outcomes.csv; {moved(table)} of "
        f"{table[[*NUMBERS]].size} numbers by more than a hundredth of their interval"
    )


def here() -> pd.DataFrame:
    """`shifts` of the registered findings, estimated on this machine."""
    return shifts(load_outcomes(), outcomes_of(DATA))


def for_the_page(table: pd.DataFrame) -> dict[str, Any]:
    """What the page *Execution times and versions* shows."""
    return {
        "published": json.loads(PUBLISHED_MACHINE.read_text("utf-8")),
        "here": machine(),
        "entries": len(table),
        "numbers": table[[*NUMBERS]].size,
        "moved": moved(table),
        "words": words(table),
        "line": in_one_line(table),
    }
