"""How the answer to a question is printed: values with intervals, or a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from precision_lib.cli.output import emit_json, number, show_notes, show_table, span

if TYPE_CHECKING:
    from precision_lib.decide import Contour, Decision, WidthTable

HEADS = {"delta": "rounding adds"}


def show_answer(
    answer: Decision | Contour | WidthTable, as_json: bool, doubts: tuple[str, ...]
) -> None:
    """Print a table with its notes, or JSON.

    >>> from precision_lib.decide import Decision
    >>> show_answer(Decision("How many?", {"P": 4.0}), True, ())  # doctest: +ELLIPSIS
    {
     "question": "How many?",
    ...
    """
    from precision_lib.decide import Contour, WidthTable

    if isinstance(answer, WidthTable):
        _show_widths(answer, as_json)
        return
    if isinstance(answer, Contour):
        _show_contour(answer, as_json, doubts)
        return
    record = answer.to_dict()
    if as_json:
        emit_json(record)
        return
    rows = [
        [
            name,
            " ".join([number(value), answer.at_end.get(name, "")]).strip(),
            span(None if name in answer.at_end else record["intervals"].get(name)),
        ]
        for name, value in record["values"].items()
    ]
    show_table(answer.question, ["", "value", "interval"], rows)
    show_notes(answer.notes)


def _show_contour(contour: Contour, as_json: bool, doubts: tuple[str, ...]) -> None:
    columns = (contour.bits, contour.N, contour.low, contour.high)
    points = [[float(value) for value in row] for row in zip(*columns, strict=True)]
    if as_json:
        names = ("bits", "N", "low", "high")
        listed = [dict(zip(names, point, strict=True)) for point in points]
        record = {"loss": contour.loss, "D": contour.D, "contour": listed}
        emit_json({**record, "notes": list(doubts)})
        return
    title = f"N for a loss of {contour.loss:g} on {contour.D:.4g} tokens"
    rows = [
        [number(b), number(n), span(None if lo != lo else (lo, hi))]
        for b, n, lo, hi in points
    ]
    show_table(title, ["bits", "N", "interval"], rows)
    show_notes(doubts)


def _show_widths(found: WidthTable, as_json: bool) -> None:
    from precision_lib.decide.decision import brief

    rows = found.rows()
    if as_json:
        emit_json({"question": found.question, "widths": rows, "notes": found.notes})
        return
    more = [name for name in found.more if not name.endswith(("_from", "_to"))]
    columns = {HEADS.get(name, name): [brief(row[name]) for row in rows]
               for name in ("bits", "N", "D", *more)}  # fmt: skip
    columns["loss"] = [number(row["loss"]) for row in rows]
    columns["above the best"] = [_above(row) for row in rows]
    for name, head in (("N", "nearly as good: N"), ("D", "on D")):
        if f"{name}_from" in found.more:
            ends = [(row[f"{name}_from"], row[f"{name}_to"]) for row in rows]
            columns[head] = ["-" if a != a else f"{brief(a)} to {brief(b)}"
                             for a, b in ends]  # fmt: skip
    if any(found.outside):
        columns["outside the runs"] = [row["outside"] for row in rows]
    show_table(found.question, [*columns], [*zip(*columns.values(), strict=True)])
    show_notes(found.notes)


def _above(row: dict[str, Any]) -> str:
    low, high = row["low"], row["high"]
    ends = "" if not low < high else f" [{low:.3g}, {high:.3g}]"
    return "-" if row["above"] != row["above"] else f"{row['above']:.3g}{ends}"
