"""Numbers that the chapters measured on the short runs, one row a quantity.

They carry no word: what a finding came to is in `precision_lib.findings.outcomes`. A
chapter states its rows in one cell, with `entry` and `show`; the executed chapters are
the only source of ``data/scorecard.csv``, by which machines are compared.
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from precision_lib.errors import UserError
from precision_lib.paths import DATA

LETTERS = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ"}
MOST_ROWS = 8  # of a table that is read in passing
MIME = "application/vnd.precision-lib.scorecard+json"


@dataclass(frozen=True)
class Entry:
    """One number of ours, beside the paper's where it has one.

    `finding`: an id of ``data/findings.csv``; `quantity`: what was measured, with its
    unit; `paper`: NaN where the paper states no number. `estimate`, `low`, `high`:
    ours, with its 95% interval; infinite ends where the runs are too few. `runs`: how
    many runs it rests on.

    >>> entry("F1", "gamma_D", (0.6, 0.5, 0.7), 99, paper=0.51).low
    0.5
    """

    finding: str
    quantity: str
    paper: float
    estimate: float
    low: float
    high: float
    runs: int


COLUMNS = tuple(field.name for field in fields(Entry))


def entry(
    finding: str,
    quantity: str,
    found: Sequence[float] | pd.Series,
    runs: int,
    *,
    paper: float | None = None,
) -> Entry:
    """One checked row; the parameters are those of `Entry`.

    `found`: an estimate and the ends of its interval, or a row of a table with the
    columns estimate, low and high.

    Raises UserError: the finding is unknown, a number is not finite, or the ends of the
    interval are the wrong way round.

    >>> entry("F1", "gamma_D", (0.6, 0.7, 0.5), 99)
    Traceback (most recent call last):
    ...
    precision_lib.errors.UserError: 'gamma_D' of F1 has the estimate 0.6 and the \
interval (0.7, 0.5); it needs a number and two ends in order.
    """
    if isinstance(found, pd.Series):
        found = found[["estimate", "low", "high"]].tolist()
    estimate, low, high = map(float, found)
    if finding not in set(findings()["id"]):
        raise UserError(f"finding '{finding}' is not in data/findings.csv.")
    if not (math.isfinite(estimate) and low <= high):
        raise UserError(
            f"'{quantity}' of {finding} has the estimate {estimate} and the interval "
            f"({low}, {high}); it needs a number and two ends in order."
        )
    published = math.nan if paper is None else float(paper)
    return Entry(finding, quantity, published, estimate, low, high, int(runs))


@cache
def findings() -> pd.DataFrame:
    """The findings, and our own questions: id, claim, source, chapter.

    >>> findings().set_index("id").loc["F1b", "chapter"]
    '04_ptq_degradation'
    """
    return pd.read_csv(DATA / "findings.csv", dtype=str)


@dataclass(frozen=True)
class Card:
    """Entries that a notebook shows as a table, and `collected` finds in it.

    >>> card = show([entry("F1", "gamma_D", (0.6, 0.5, 0.7), 99)])
    >>> card._repr_mimebundle_()[MIME][0]["estimate"]
    0.6
    """

    entries: tuple[Entry, ...]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        table = in_words(pd.DataFrame(self.entries, columns=COLUMNS))
        shown = table.map(lambda text: html.escape(str(text))).to_html(
            index=False, border=0, escape=False, classes="chapter-scorecard"
        )
        return {
            MIME: [_finite(asdict(one)) for one in self.entries],
            "text/html": _headed(shown, len(table)),
            "text/plain": table.to_string(index=False),
        }


def _headed(table: str, rows: int) -> str:
    """Under a line that says what it is, and behind it if it is long."""
    line = "What these short runs measured"
    if rows <= MOST_ROWS:
        return f"<p>{line}:</p>{table}"
    summary = f"<summary>{line}, {rows} numbers</summary>"
    return f'<details class="long-table">{summary}{table}</details>'


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """The row with None for NaN and infinity, which JSON has not."""
    numbers = {name: value for name, value in row.items() if isinstance(value, float)}
    return row | {k: None for k, value in numbers.items() if not math.isfinite(value)}


def show(entries: list[Entry]) -> Card:
    """The numbers of a chapter; the last line of a cell displays them.

    >>> show([]).entries
    ()
    """
    return Card(tuple(entries))


def in_words(table: pd.DataFrame) -> pd.DataFrame:
    """Rows as a reader sees them, three digits to a number.

    >>> row = entry("F1", "gamma_D", (0.6, 0.5, 0.7), 99, paper=0.507)
    >>> print(in_words(pd.DataFrame([row])).to_string(index=False, header=False))
    F1      γ_D 0.6 (0.5 to 0.7) 0.507    99
    """
    ours = table[["estimate", "low", "high"]].itertuples(index=False)
    return pd.DataFrame(
        {
            "finding": table["finding"],
            "quantity": table["quantity"].map(with_letters),
            "short runs (95%)": [with_interval(*row) for row in ours],
            "the paper": table["paper"].map(_three_digits),
            "runs": table["runs"],
        }
    )


def with_letters(text: str) -> str:
    """A text whose constants have the paper's letters.

    >>> with_letters("R2 of delta, gamma_D above alpha")
    'R² of δ, γ_D above α'
    """
    text = re.sub(r"\b(alpha|beta|gamma|delta)(?![a-z])", _letter, text)
    return re.sub(r"\bR2\b", "R²", text)


def _letter(name: re.Match[str]) -> str:
    return LETTERS[name[0]]


def with_interval(estimate: float, low: float, high: float) -> str:
    """A number and both ends, three digits each.

    >>> with_interval(0.6, 0.5, float("inf"))
    '0.6 (0.5 to ∞)'
    """
    number, *ends = map(_three_digits, (estimate, low, high))
    return f"{number} ({' to '.join(ends)})"


def _three_digits(number: float) -> str:
    if math.isnan(number):
        return "–"
    if math.isinf(number):
        return "∞" if number > 0 else "-∞"
    large = abs(number) >= 10_000
    return f"{number:.2e}" if large else f"{number:.3g}"


def collected(executed: list[Path]) -> pd.DataFrame:
    """The entries of executed chapters, in the order of the findings.

    Raises UserError: two entries have the same finding and quantity.

    `executed`: notebooks with their outputs.

    >>> collected([]).columns.tolist()[:3]
    ['finding', 'quantity', 'paper']
    """
    rows = [
        {**row, "chapter": path.stem}
        for path in executed
        for output in _outputs(path)
        for row in output.get("data", {}).get(MIME, [])
    ]
    table = pd.DataFrame(rows, columns=[*COLUMNS, "chapter"])
    open_ended = {"paper": math.nan, "low": -math.inf, "high": math.inf}
    for column, stands_for in open_ended.items():
        table[column] = table[column].astype(float).fillna(stands_for)
    twice = table[table.duplicated(["finding", "quantity"])]
    if len(twice):
        raise UserError(
            f"{twice['chapter'].iloc[0]}: '{twice['quantity'].iloc[0]}' of finding "
            f"{twice['finding'].iloc[0]} is stated twice."
        )
    rank = {name: place for place, name in enumerate(findings()["id"])}
    order = table["finding"].map(rank).argsort(kind="stable")
    return table.iloc[order].reset_index(drop=True)


def _outputs(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [one for cell in cells for one in cell.get("outputs", [])]


def load_scorecard() -> pd.DataFrame:
    """The published numbers, ``data/scorecard.csv``.

    >>> set(load_scorecard()["finding"]) <= set(findings()["id"])
    True
    """
    return pd.read_csv(DATA / "scorecard.csv", dtype={"finding": str})
