"""How the answer to a question is printed: values with intervals, or a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from precision_lib.cli.output import emit_json, number, show_notes, show_table, span

if TYPE_CHECKING:
    from precision_lib.decide import Contour, Decision, Widths


def show_answer(
    answer: Decision | Contour | Widths, as_json: bool, doubts: tuple[str, ...]
) -> None:
    """Print a table with its notes, or JSON.

    >>> from precision_lib.decide import Decision
    >>> show_answer(Decision("How many?", {"P": 4.0}), True, ())  # doctest: +ELLIPSIS
    {
     "question": "How many?",
    ...
    """
    from precision_lib.decide import Contour, Widths

    if isinstance(answer, Widths):
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
            " ".join([number(value), *filter(None, [answer.at_end.get(name)])]),
            span(record["intervals"].get(name)),
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


def _show_widths(found: Widths, as_json: bool) -> None:
    names = ("bits", "N", "delta", "loss", "above", "low", "high")
    columns = [getattr(found, name).tolist() for name in names]
    if as_json:
        rows = [
            dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)
        ]
        emit_json(
            {"question": found.question, "widths": rows, "notes": list(found.notes)}
        )
        return
    shown = [
        [number(b), number(n), number(b * n / 8e9), number(delta), number(loss),
         f"{number(above)} {span(None if low != low else (low, high))}".strip()]
        for b, n, delta, loss, above, low, high in zip(*columns, strict=True)
    ]  # fmt: skip
    head = ["bits", "N", "GB", "rounding adds", "loss", "above the best"]
    show_table(found.question, head, shown)
    show_notes(found.notes)
