"""What a run is: one identity, an end, one split; its steps are a curve, not runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from precision_lib.intake.cells import LABELS, OTHERS, TRAINING_BITS, is_blank
from precision_lib.intake.faults import short
from precision_lib.intake.nested import Record, Unreadable
from precision_lib.intake.roles import HELD_OUT, split_of

Take = Literal["last", "min", "all"]

SETTINGS = ("N", *TRAINING_BITS, *LABELS, *OTHERS)  # a run has one value of each
SAME = 1e-6  # relative difference of two losses that are one


def steps_vary(records: Sequence[Record], names: Mapping[str, str]) -> bool:
    """Whether rows of one run are a curve, and not several measurements of its end.

    >>> steps_vary([{"step": 1}, {"step": 2}], {"step": "step"})
    True
    """
    for name in ("step", "D"):
        column = names.get(name, name)
        steps = {_number(record.get(column)) for record in records}
        if len({step for step in steps if not math.isnan(step)}) > 1:
            return True
    return False


def ends_of(
    records: Sequence[tuple[Record, str]],
    names: Mapping[str, str],
    take: Take,
    table: bool = False,
) -> tuple[list[Record], str]:
    """The rows that one run gives: its end, once for each number of bits rounded to.

    Values of earlier steps hold until they change; what only later records say, as
    a summary at the end does, is filled in.

    Returns rows, what was chosen (empty for nothing).

    Raises Unreadable if the run has two settings, or two losses, or none at its end.

    `records`: as found, each with the name of its file; `names`: our names to the
    run's: ``loss``, ``step``, ``split``, ``D``, settings; `take`: the last record with
    a loss, the one with the lowest, or all of them; `table`: the records are rows: two
    of them at the last step are two measurements.

    >>> log = [({"N": 10}, ""), ({"step": 2, "loss": 3.5}, ""),
    ...        ({"step": 1, "loss": 4.0}, ""), ({"seconds": 9}, "")]
    >>> ends_of(log, {"loss": "loss", "step": "step"}, "last")[0]
    [{'N': 10, 'step': 2, 'loss': 3.5, 'seconds': 9}]
    """
    loss, bits = names.get("loss", "loss"), names.get("post_bits", "post_bits")
    kept, remark = _one_split(records, loss, names.get("split", ""))
    ordered, step = _by_step(kept, names)
    _one_setting(ordered, names)
    widths = list(dict.fromkeys(str(r[bits]) for _, r in ordered if _there(r, bits)))
    rows = []
    for width in widths or [""]:
        own = [
            (at, r)
            for at, r in ordered
            if not width or not _there(r, bits) or str(r[bits]) == width
        ]
        rows += list(_ends(own, loss, step, take, table))
    return rows, remark


def _there(record: Mapping[str, Any], name: str) -> bool:
    return name in record and not is_blank(record[name])


def _one_split(
    records: Sequence[tuple[Record, str]], loss: str, column: str
) -> tuple[list[Record], str]:
    """Without the losses of training, where there are others of the same name."""
    found = []
    for record, file in records:
        said = split_of(record.get(column, "")) if column else ""
        found.append(said or split_of(file))
    splits = {s for s, (r, _) in zip(found, records, strict=True) if loss in r}
    best = next((name for name in HELD_OUT if name in splits), "")
    if len(splits) < 2 or not best:
        return [record for record, _ in records], ""
    kept = [
        {k: v for k, v in record.items() if k != loss} if other != best else record
        for other, (record, _) in zip(found, records, strict=True)
    ]
    others = sorted(s or "no split" for s in splits - {best})
    return kept, (
        f"{short(loss)} is there for {best} and for {' and '.join(others)}; that of "
        f"{best} was taken"
    )


def _by_step(
    records: Sequence[Record], names: Mapping[str, str]
) -> tuple[list[tuple[float, Record]], str]:
    """Records in the order of their steps; one without stands by the one before it."""
    for name in (names.get("step", ""), names.get("D", "")):
        steps = [_number(record.get(name)) for record in records]
        if len({step for step in steps if not math.isnan(step)}) > 1:
            break
    else:
        return [(float(at), record) for at, record in enumerate(records)], ""
    placed, before = [], -math.inf
    for step, record in zip(steps, records, strict=True):
        before = before if math.isnan(step) else step
        placed.append((before, record))
    return sorted(placed, key=lambda pair: pair[0]), name


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def _one_setting(
    records: Sequence[tuple[float, Record]], names: Mapping[str, str]
) -> None:
    for name in SETTINGS:
        column = names.get(name, name)
        values = [r[column] for _, r in records if _there(r, column)]
        texts = list(dict.fromkeys(f"{n:.9g}" if (n := _number(v)) == n else
                                   str(v).strip().lower() for v in values))  # fmt: skip
        if len(texts) > 1:
            raise Unreadable(
                f"has the {column} {texts[0]} and {texts[1]}, and a run has one; give "
                "each run its own log or its own name in a column run_id"
            )


def _ends(
    records: Sequence[tuple[float, Record]],
    loss: str,
    step: str,
    take: Take,
    table: bool,
) -> Iterator[Record]:
    with_loss = [i for i, (_, record) in enumerate(records) if loss in record]
    numbers = [i for i in with_loss if not _null(records[i][1][loss])]
    if take == "all" and numbers:
        yield from (_until(records, at) for at in numbers)
        return
    if take == "min" and numbers:
        at = min(numbers, key=lambda i: _height(records[i][1][loss]))
        yield _until(records, at)
        return
    _not_null_at_the_end(records, with_loss, numbers, loss, step)
    at = numbers[-1] if numbers else len(records) - 1
    if step:
        _one_loss(records, numbers, loss, step)
    if table and numbers:
        last = [pair for pair in records if pair[0] == records[at][0]]
        rows = [_until([pair], 0) for pair in last if not _null(pair[1].get(loss))]
        yield from (row for i, row in enumerate(rows) if row not in rows[:i])
        return
    yield _until(records, at)


def _null(value: object) -> bool:
    return value is None or value == ""


def _height(value: object) -> float:
    number = _number(value)
    return number if math.isfinite(number) else math.inf


def _not_null_at_the_end(
    records: Sequence[tuple[float, Record]],
    with_loss: Sequence[int],
    numbers: Sequence[int],
    loss: str,
    step: str,
) -> None:
    """Between two numbers null means not measured; at the end it means no number.

    A logger that writes every name each step leaves nulls between two measurements;
    more of them at the end than ever before are a loss that is not there.
    """
    if not numbers:
        return
    order = {at: position for position, at in enumerate(with_loss)}
    places = [-1, *(order[at] for at in numbers)]
    gap = max(b - a - 1 for a, b in zip(places, places[1:], strict=False))
    if len(with_loss) - 1 - places[-1] > gap:
        last = records[numbers[-1]][0]
        since = f" after {step} {last:g}" if step else ""
        raise Unreadable(
            f"has null for {loss!r}{since} to its end, which is how a log writes a "
            "loss that is not a number; leave it out"
        )


def _one_loss(
    records: Sequence[tuple[float, Record]],
    numbers: Sequence[int],
    loss: str,
    step: str,
) -> None:
    if not numbers:
        return
    at, record = records[numbers[-1]]
    if step not in record and len(numbers) > 1:
        at = records[numbers[-2]][0]
    last = [_number(records[i][1][loss]) for i in numbers if records[i][0] == at]
    last = [value for value in last if math.isfinite(value)]
    if last and max(last) - min(last) > SAME * abs(max(last)):
        raise Unreadable(
            f"has two values of {loss!r} at its last {step}, {at:g}: {last[0]:g} and "
            f"{last[-1]:g}; keep one of them, or name them apart"
        )


def _until(records: Sequence[tuple[float, Record]], at: int) -> Record:
    found: Record = {}
    for _, record in records[: at + 1]:
        found |= {k: v for k, v in record.items() if not _null(v) or k not in found}
    for _, record in records[at + 1 :]:
        for name, value in record.items():
            if _null(found.get(name)):
                found[name] = value
    order = dict.fromkeys(name for _, record in records for name in record)
    return {name: found[name] for name in order}
