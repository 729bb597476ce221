"""How the answer to a question is printed: values with intervals, or a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from precision_lib.cli.output import emit_json, number, show_notes, show_table

if TYPE_CHECKING:
    from precision_lib.decide import Contour, Decision, WidthTable

HEADS = {"delta": "rounding adds"}
LEAST, RARE = 1e-3, "under 1 in 1000"  # how rare else, no fit of ours says
LARGE = 1e3  # from where on a value is shown with K, M, B or T


def show_answer(
    answer: Decision | Contour | WidthTable,
    as_json: bool,
    doubts: Sequence[str] = (),
    said: Sequence[str] = (),
) -> None:
    """Print what is doubtful, the answer, and what else is to be said; or JSON.

    `doubts`: of the laws; `said`: sentences behind those that the answer brings.

    >>> from precision_lib.decide import Decision
    >>> show_answer(Decision("How many?", {"P": 4.0}), True)  # doctest: +ELLIPSIS
    {
     "question": "How many?",
    ...
    """
    from precision_lib.decide import Contour, WidthTable

    notes = [*dict.fromkeys([*answer.notes, *said])]
    if as_json:
        emit_json({**answer.to_dict(), "notes": notes})
        return
    show_notes(doubts)
    if isinstance(answer, WidthTable):
        _show_widths(answer)
    elif isinstance(answer, Contour):
        _show_contour(answer)
    else:
        _show_decision(answer)
    show_notes([note for note in notes if note not in doubts])


def _show_decision(answer: Decision) -> None:
    from precision_lib.decide.decision import LABELS

    rows = [
        [
            LABELS.get(name, name),
            " ".join([_shown(value), answer.at_end.get(name, "")]).strip()
            if name != "chance" or value >= LEAST
            else RARE,
            _span(None if name in answer.at_end else answer.intervals.get(name)),
        ]
        for name, value in answer.values.items()
    ]
    show_table(answer.question, ["", "value", "interval"], rows)


def _show_contour(contour: Contour) -> None:
    from precision_lib.decide.decision import brief

    title = f"N for a loss of {contour.loss:g} on {brief(contour.D)} tokens"
    rows = [
        [
            number(each["bits"]),
            _shown(each["N"]),
            _span(None if math.isnan(each["low"]) else (each["low"], each["high"])),
            each["outside"],
        ]
        for each in contour.to_dict()["contour"]
    ]
    marked = any(contour.outside)
    heads = ["bits", "N", "interval", "outside the runs"][: 3 + marked]
    show_table(title, heads, [row[: 3 + marked] for row in rows])


def _show_widths(found: WidthTable) -> None:
    rows = found.rows()
    more = [name for name in found.more if not name.endswith(("_from", "_to"))]
    told = [n for n in ("N", "D") if len({row[n] for row in rows}) > 1]  # else above
    columns = {HEADS.get(name, name): [_shown(row[name]) for row in rows]
               for name in ("bits", *told, *more, "loss")}  # fmt: skip
    columns["above the best"] = [_shown(row["above"], 3) for row in rows]
    for name, head in (("N", "nearly as good: N"), ("D", "on D")):
        if f"{name}_from" in found.more:
            ends = [(row[f"{name}_from"], row[f"{name}_to"]) for row in rows]
            columns[head] = [" to ".join(map(_shown, e)) if e[0] == e[0] else "-"
                             for e in ends]  # fmt: skip
    if any(found.outside):
        columns["outside the runs"] = [row["outside"] for row in rows]
    typer.echo(found.headline)
    show_table(found.question, [*columns], [*zip(*columns.values(), strict=True)])


def _shown(value: float | None, digits: int = 5) -> str:
    """A number for people: a size with K, M, B or T, another in so many digits."""
    from precision_lib.decide.decision import brief

    if value is None or value != value:
        return "-"
    return brief(value) if abs(value) >= LARGE else f"{value:.{digits}g}"


def _span(ends: tuple[float, float] | None) -> str:
    return f"[{', '.join(map(_shown, ends))}]" if ends else ""
