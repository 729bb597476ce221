"""What each finding of the paper came to on our runs, one row a claim.

A chapter states its entries in one cell, with `entry` and `show`; the executed
chapters are the only source of ``data/scorecard.csv``.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from precision_lib.errors import UserError
from precision_lib.paths import DATA

VERDICTS = ("agree", "partly", "not at this scale", "disagree")
MIME = "application/vnd.precision-lib.scorecard+json"


@dataclass(frozen=True)
class Entry:
    """One number of ours, beside the paper's where it has one.

    Attributes
    ----------
    finding : str
        An id of ``data/findings.csv``.
    quantity : str
        What was measured, with its unit.
    paper : float
        NaN where the paper states no number.
    estimate, low, high : float
        Ours, with its 95% interval; infinite ends where the runs are too few.
    runs : int
        How many runs it rests on.
    verdict : str
        One of `VERDICTS`.
    section : str
        Label of the figure or heading of the chapter that shows it.

    Examples
    --------
    >>> made = entry("F1", "gamma_D", 0.6, (0.5, 0.7), 99, "agree", paper=0.51)
    >>> made.low, made.verdict
    (0.5, 'agree')
    """

    finding: str
    quantity: str
    paper: float
    estimate: float
    low: float
    high: float
    runs: int
    verdict: str
    section: str


COLUMNS = tuple(field.name for field in fields(Entry))


def entry(
    finding: str,
    quantity: str,
    estimate: float,
    interval: tuple[float, float],
    runs: int,
    verdict: str,
    *,
    paper: float | None = None,
    section: str = "",
) -> Entry:
    """One checked row of the scorecard; the parameters are those of `Entry`.

    Raises
    ------
    UserError
        The finding or the verdict is unknown, a number is not finite, or the ends of
        the interval are the wrong way round.

    Examples
    --------
    >>> entry("F1", "gamma_D", 0.6, (0.5, 0.7), 99, "maybe")
    Traceback (most recent call last):
    ...
    precision_lib.errors.UserError: verdict 'maybe' of F1 is none of agree, partly, \
not at this scale, disagree.
    """
    low, high = (float(end) for end in interval)
    if finding not in set(findings()["id"]):
        raise UserError(f"finding '{finding}' is not in data/findings.csv.")
    if verdict not in VERDICTS:
        known = ", ".join(VERDICTS)
        raise UserError(f"verdict '{verdict}' of {finding} is none of {known}.")
    if not (math.isfinite(estimate) and low <= high):
        raise UserError(
            f"'{quantity}' of {finding} has the estimate {estimate} and the interval "
            f"({low}, {high}); it needs a number and two ends in order."
        )
    published = math.nan if paper is None else float(paper)
    return Entry(
        finding, quantity, published, float(estimate), low, high, int(runs), verdict,
        section,
    )  # fmt: skip


def judged(
    finding: str,
    quantity: str,
    found: Sequence[float] | pd.Series,
    runs: int,
    judge: Callable[..., str],
    *claimed: Any,
    paper: float | None = None,
    section: str = "",
) -> Entry:
    """An `entry` whose word a function of `precision_lib.findings.verdict` gives.

    `found` is an estimate and the ends of its interval, or a row of a table with the
    columns estimate, low and high; `judge` gets the interval and what is `claimed`.

    >>> from precision_lib.findings.verdict import direction
    >>> row = pd.Series({"estimate": 0.6, "low": 0.5, "high": 0.7})
    >>> judged("F1", "gamma_D", row, 99, direction, "positive").verdict
    'agree'
    """
    if isinstance(found, pd.Series):
        found = found[["estimate", "low", "high"]].tolist()
    estimate, low, high = map(float, found)
    word = judge((low, high), *claimed)
    about: dict[str, Any] = {"paper": paper, "section": section}
    return entry(finding, quantity, estimate, (low, high), runs, word, **about)


@cache
def findings() -> pd.DataFrame:
    """The findings, and our own questions: id, short, claim, source, chapter.

    Examples
    --------
    >>> findings().set_index("id").loc["F1b", "chapter"]
    '04_ptq_degradation'
    """
    return pd.read_csv(DATA / "findings.csv", dtype=str)


@dataclass(frozen=True)
class Card:
    """Entries that a notebook shows as a table, and `collected` finds in it.

    Examples
    --------
    >>> card = show([entry("F1", "gamma_D", 0.6, (0.5, 0.7), 99, "agree")])
    >>> card._repr_mimebundle_()[MIME][0]["estimate"]
    0.6
    """

    entries: tuple[Entry, ...]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        table = in_words(pd.DataFrame(self.entries, columns=COLUMNS))
        return {
            MIME: [_finite(asdict(one)) for one in self.entries],
            "text/html": _as_html(table),
            "text/plain": table.to_string(index=False),
        }


def chip_classes(verdict: str) -> list[str]:
    """Classes that the style of the book gives the look of a verdict.

    Examples
    --------
    >>> chip_classes("not at this scale")
    ['verdict', 'verdict-not-at-this-scale']
    """
    return ["verdict", f"verdict-{verdict.replace(' ', '-')}"]


def _as_html(table: pd.DataFrame) -> str:
    """The table with its words marked as verdicts, for the style of the book."""
    text = table.astype(str).map(html.escape)
    text["verdict"] = [
        f"<span class='{' '.join(chip_classes(word))}'>{word}</span>"
        for word in table["verdict"]
    ]
    return text.to_html(
        index=False, border=0, escape=False, classes="chapter-scorecard"
    )


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """The row with None for NaN and infinity, which JSON has not."""
    numbers = {name: value for name, value in row.items() if isinstance(value, float)}
    return row | {k: None for k, value in numbers.items() if not math.isfinite(value)}


def show(entries: list[Entry]) -> Card:
    """The verdict table of a chapter; the last line of a cell displays it.

    Examples
    --------
    >>> show([]).entries
    ()
    """
    return Card(tuple(entries))


def in_words(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the scorecard as a reader sees them, three digits to a number.

    Examples
    --------
    >>> row = entry("F1", "gamma_D", 0.6, (0.5, 0.7), 99, "agree", paper=0.507)
    >>> print(in_words(pd.DataFrame([row])).to_string(index=False, header=False))
    F1 gamma_D agree 0.6 (0.5 to 0.7) 0.507    99
    """
    numbers = table[["paper", "estimate", "low", "high"]].map(_three_digits)
    ours = numbers["estimate"] + " (" + numbers["low"] + " to " + numbers["high"] + ")"
    return pd.DataFrame(
        {
            "finding": table["finding"],
            "quantity": table["quantity"],
            "verdict": table["verdict"],
            "our runs (95%)": ours,
            "the paper": numbers["paper"],
            "runs": table["runs"],
        }
    )


def _three_digits(number: float) -> str:
    if math.isnan(number):
        return "–"
    if math.isinf(number):
        return "∞" if number > 0 else "-∞"
    large = abs(number) >= 10_000
    return f"{number:.2e}" if large else f"{number:.3g}"


def collected(executed: list[Path]) -> pd.DataFrame:
    """The entries of executed chapters, in the order of the findings.

    Parameters
    ----------
    executed : list of Path
        Notebooks with their outputs.

    Raises
    ------
    UserError
        Two entries have the same finding and quantity.

    Examples
    --------
    >>> collected([]).columns.tolist()[:3]
    ['finding', 'quantity', 'paper']
    """
    rows = [
        {**row, "chapter": path.stem}
        for path in executed
        for output in _outputs(path)
        for row in output.get("data", {}).get(MIME, [])
    ]
    table = pd.DataFrame(rows, columns=[*COLUMNS[:-1], "chapter", "section"])
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
    """The published scorecard, ``data/scorecard.csv``.

    Examples
    --------
    >>> set(load_scorecard()["verdict"]) <= set(VERDICTS)
    True
    """
    return pd.read_csv(DATA / "scorecard.csv", dtype={"finding": str})
