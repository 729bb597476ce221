"""How far the scorecard of this machine is from the published one.

Another processor rounds otherwise, and a bootstrap amplifies it: numbers may move by a
small part of their interval, words not at all.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd

from precision_lib.findings.scorecard import collected, load_scorecard
from precision_lib.paths import DATA
from tools.machine import machine

PUBLISHED_MACHINE = DATA / "scorecard_machine.json"
KEYS = ["finding", "quantity"]
NUMBERS = ("estimate", "low", "high")
WORDS = ("verdict", "runs")
NOTED = 1 / 100  # of an interval's length: what the page counts
ALLOWED = {"estimate": 1 / 50, "low": 1 / 10, "high": 1 / 10}  # what `make test` allows


def shifts(published: pd.DataFrame, made: pd.DataFrame) -> pd.DataFrame:
    """What differs, one row an entry of either table.

    Columns ``finding`` and ``quantity``; ``estimate``, ``low`` and ``high``: how far
    the number moved, in lengths of the published interval; and ``words``: sentences
    on all that may not differ.
    """
    both = published.merge(
        made, on=KEYS, how="outer", suffixes=("_was", ""), indicator=True
    )
    rows = [_shift(row) for row in both.to_dict("records")]
    return pd.DataFrame(rows, columns=[*KEYS, *NUMBERS, "words"])


def _shift(row: dict[Any, Any]) -> dict[str, Any]:
    name = f"{row['finding']}, {row['quantity']}"
    found: dict[str, Any] = {key: row[key] for key in KEYS}
    if row["_merge"] != "both":
        where = "chapters" if row["_merge"] == "left_only" else "table"
        return found | {"words": [f"{name}: is not in the {where}"]}
    length = row["high_was"] - row["low_was"]
    if not 0 < length < math.inf:
        length = abs(row["estimate_was"])
    for column in NUMBERS:
        now, was = row[column], row[f"{column}_was"]
        moved = 0.0 if now == was else abs(now - was) / length if length else math.inf
        found[column] = math.inf if math.isnan(moved) else moved
    found["words"] = [
        f"{name}: {column} is {row[column]!r} and not {row[f'{column}_was']!r}"
        for column in WORDS
        if row[column] != row[f"{column}_was"]
    ]
    return found


def words(table: pd.DataFrame) -> list[str]:
    """The sentences of `shifts` on what may not differ."""
    return [sentence for sentences in table["words"] for sentence in sentences]


def too_far(table: pd.DataFrame) -> list[str]:
    """A sentence for each number of `shifts` that moved further than is allowed."""
    return [
        f"{row['finding']}, {row['quantity']}: {column} moved by {row[column]:.3f} of "
        f"the interval's length; {allowed:g} is allowed"
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
        f"scorecard: {start} from data/scorecard.csv; {moved(table)} of "
        f"{table[[*NUMBERS]].size} numbers by more than a hundredth of their interval"
    )


def here(executed: list[Path]) -> pd.DataFrame:
    """`shifts` of the chapters as they were executed on this machine."""
    return shifts(load_scorecard(), collected(executed))


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
