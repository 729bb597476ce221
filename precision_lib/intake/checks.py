"""From runs as they stand in files to numbers in our units, every fault named."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from precision_lib.errors import UserError
from precision_lib.intake.cells import (
    KNOWN,
    LABELS,
    OTHERS,
    ROUNDING,
    TRAINING_BITS,
    Units,
    is_blank,
    read_cell,
    read_label,
)
from precision_lib.intake.columns import name_columns, unknown_states
from precision_lib.intake.faults import Fault
from precision_lib.intake.raw import RawRuns
from precision_lib.intake.remarks import named_bits, oddities
from precision_lib.intake.roles import roles
from precision_lib.intake.wide import lengthened
from precision_lib.runs.conditions import Condition, parse_condition

MOST_RUNS = 50_000
# What a report can read unasked
REPORTED = frozenset(KNOWN) - frozenset(OTHERS) | {"qat_share"}
PLAIN = 16.0  # bits from which on a loss is one before rounding
TRUTH = {"true": True, "false": False}


@dataclass(frozen=True)
class Checked:
    """Runs in our names and units.

    >>> Checked("a.csv", "CSV table", pd.DataFrame(), (), (), 2, 0, {}).bad_rows
    0
    """

    #: source, kind: what was read
    source: str
    kind: str
    table: pd.DataFrame  #: one row a run that is free of faults; numbers as float64
    places: tuple[str, ...]  #: where each stands
    faults: tuple[Fault, ...]  #: what is wrong with the others, all of it
    #: read, left_out: runs found, and those of them that the condition leaves out
    read: int
    left_out: int
    columns: dict[str, str]  #: our name to the file's, for what was used
    #: What was taken to mean something, and what looks odd
    remarks: tuple[str, ...] = ()

    @property
    def bad_rows(self) -> int:
        """How many runs have faults."""
        return len({fault.place for fault in self.faults})


def check_runs(
    raw: RawRuns,
    columns: Mapping[str, str] | None = None,
    units: Units | None = None,
    where: str | None = None,
    extra: Sequence[str] = (),
    required: Sequence[str] = ("N", "D", "loss"),
    reads: Collection[str] = REPORTED,
) -> Checked:
    """Name the columns, turn cells into numbers, and list every fault.

    Only what is read is checked. A degradation that is not there is the loss after
    rounding less the loss before it. Raises UserError if a column is missing, or the
    condition cannot be read or keeps no row.

    `raw`: from :func:`precision_lib.intake.files.read_runs`; `columns`: our name to the
    file's, as ``{"N": "params"}``; `units`: of the file; `where`: rows to use; the
    others are not checked for missing or impossible values. `extra`: further columns to
    keep as they are; `required`, `reads`: our names that must be there, and those that
    are read where they are.

    >>> frame = pd.DataFrame({"params": ["100M"], "D": ["1"], "loss": ["1.0"]})
    >>> raw = RawRuns("runs.csv", "CSV table", frame, ("row 1",), tuple(frame))
    >>> found = check_runs(raw, {"N": "params"}, Units(tokens="B", loss="bits"))
    >>> found.table.to_dict("list")
    {'N': [100000000.0], 'D': [1000000000.0], 'loss': [0.6931471805599453]}
    """
    if raw.faults and not len(raw.frame):  # what its columns lack need not be said
        nothing, read = pd.DataFrame(columns=[*required], dtype=float), len(raw.faults)
        return Checked(
            raw.source, raw.kind, nothing, (), raw.faults, read, 0, {}, raw.remarks
        )
    condition = parse_condition(where) if where else None
    asked = [*(condition.names if condition else ()), *extra]
    reads = {*reads, *required, *(n for n in asked if n in KNOWN)}
    if "delta" in required and "delta" not in {*(columns or {}), *raw.header}:
        reads |= {"loss", "post_loss"}
    raw, given, widened = lengthened(raw, columns or {}, reads)
    names = name_columns(raw, given, required, reads, asked)
    table, wrong = _other_columns(raw, given, asked), list[Fault]()
    for name, column in names.items():
        table[name] = _column(raw, name, column, units or Units(), wrong)
    said = _degradation(raw.source, table, reads)
    kept = np.ones(len(table), bool) if condition is None else condition.mask(table)
    names, empty = _without_empty(raw, names, required, kept)
    table = table.drop(columns=empty)
    faults = _faults(raw, table, names, wrong, kept, condition, given, required)
    good = kept.copy()
    if "delta" in required and "delta" in table:
        good &= table["delta"].notna().to_numpy()  # the rows before rounding
    good[[fault.row for fault in faults if fault.row >= 0]] = False
    used = table[good].reset_index(drop=True)
    places = tuple(p for p, fine in zip(raw.places, good, strict=True) if fine)
    read = len(table) + sum(fault.row < 0 for fault in raw.faults)
    said += [f"Column {e!r} is empty in every row and was left out." for e in empty]
    remarks = (*raw.remarks, *widened, *said, *named_bits(raw, names, table))
    rest = (int((~kept).sum()), names, (*remarks, *oddities(used)))
    result = Checked(raw.source, raw.kind, used, places, faults, read, *rest)
    _require_rows(result, where)
    return result


def _degradation(source: str, table: pd.DataFrame, reads: Collection[str]) -> list[str]:
    """Add what rounding costs where two losses say it; what was done for that."""
    said = []
    if {"post_bits", "post_loss"} <= set(table) and "loss" in {*reads} - set(table):
        said.append(_loss_before(source, table))
    if "delta" not in table and {"loss", "post_loss"} <= set(table):
        table["delta"] = table["post_loss"] - table["loss"]
    return said


def _loss_before(source: str, table: pd.DataFrame) -> str:
    """Add the loss before rounding, from the rows of 16 bits; what was done."""
    rounded = table["post_bits"] < PLAIN
    plain = table[~rounded].groupby(["N", "D"])["post_loss"]
    known = plain.first()[plain.nunique() == 1].rename("loss")
    table["loss"] = table[["N", "D"]].join(known, on=["N", "D"])["loss"]
    table["delta"] = (table["post_loss"] - table["loss"]).where(rounded)
    lost = int(table["loss"].isna().sum())
    if lost == len(table):
        raise UserError(
            f"{source}: 'loss', the loss before rounding, is missing; map it, or add "
            "one row of 16 bits for each N and D."
        )
    said = "The loss before rounding is that of the row of 16 bits with the same N, D"
    if not lost:
        return f"{said}."
    row = (
        "1 row has no such row and is"
        if lost == 1
        else f"{lost} rows have none and are"
    )
    return f"{said}; {row} not used."


def _without_empty(
    raw: RawRuns, names: dict[str, str], required: Sequence[str], kept: np.ndarray
) -> tuple[dict[str, str], list[str]]:
    """Columns that say nothing in any row; training bits may still need an answer."""
    empty = [
        name
        for name, column in names.items()
        if name in ROUNDING
        and name not in required
        and all(is_blank(c) for c in raw.frame[column][kept])
    ]
    return {n: c for n, c in names.items() if n not in empty}, empty


def _other_columns(
    raw: RawRuns, names: Mapping[str, str], asked: Sequence[str]
) -> pd.DataFrame:
    """Columns that a condition or a cluster names: numbers if all of them are."""
    table = pd.DataFrame(index=range(len(raw.frame)))
    for name in asked:
        column = names.get(name, name)
        if name in KNOWN or column not in raw.frame.columns:
            continue
        cells = raw.frame[column]
        truths = [TRUTH.get(str(cell).strip().lower()) for cell in cells]
        if truths and None not in truths:
            table[name] = np.array(truths, dtype=bool)
            continue
        flat = cells.map(lambda c: str(c) if isinstance(c, list | dict) else c)
        numbers = pd.to_numeric(flat, errors="coerce")
        words = ~cells.map(is_blank).to_numpy(dtype=bool)
        is_text = bool((numbers.isna().to_numpy() & words).any())
        table[name] = cells.map(str) if is_text else numbers.astype(float)
    return table


def _column(
    raw: RawRuns, name: str, column: str, units: Units, wrong: list[Fault]
) -> list[float] | list[str]:
    """The values of a column, NaN for a fault, which is put to the others."""
    cells = raw.frame[column].tolist()
    if name in LABELS:
        return [read_label(cell) for cell in cells]
    found = [
        read_cell(cell, name, units, place, column, row)
        for row, (cell, place) in enumerate(zip(cells, raw.places, strict=True))
    ]
    wrong += [each for each in found if isinstance(each, Fault)]
    return [np.nan if isinstance(each, Fault) else each for each in found]


def _faults(
    raw: RawRuns,
    table: pd.DataFrame,
    names: Mapping[str, str],
    wrong: list[Fault],
    kept: np.ndarray,
    condition: Condition | None,
    given: Mapping[str, str],
    required: Sequence[str],
) -> tuple[Fault, ...]:
    """All faults of the rows that are used, in the order of the rows."""
    cut = {fault.row for fault in raw.faults}
    state = roles(raw.header, given).get("state", "")
    asked = condition is not None and state in condition.names
    ended = []
    if state in raw.frame and not asked:
        ended = list(unknown_states(raw, state))
    early = {fault.row for fault in ended}  # what they lack need not be said
    gaps = [f for f in _gaps(raw, table, names, required) if f.row not in early]
    wrong = [fault for fault in wrong if fault.row not in early]
    found = [f for f in (*ended, *wrong, *gaps) if f.row not in cut]
    by = {names.get(n) for n in condition.names} if condition else set()
    used = [f for f in found if kept[f.row] or (f in wrong and f.column in by)]
    used += [f for f in raw.faults if f.row < 0 or kept[f.row]]
    return tuple(sorted(used, key=lambda f: (f.row < 0, f.row, f.place)))


def _gaps(
    raw: RawRuns, table: pd.DataFrame, names: Mapping[str, str], required: Sequence[str]
) -> Iterator[Fault]:
    """Empty cells; a run that was not rounded may lack all that speaks of rounding."""
    after = [name for name in ROUNDING if name in names]
    unrounded = np.zeros(len(table), dtype=bool)
    if after and "loss" in table:
        unrounded = table[after].isna().all(axis=1).to_numpy()
    for name in (n for n in KNOWN if n in names and n not in LABELS):
        empty = table[name].isna().to_numpy(dtype=bool)
        if name in after and name not in required:
            empty = empty & ~unrounded
        cure = "fill it in or leave the row out"
        if name in TRAINING_BITS:
            cure = "fill it in, or say what a blank means, as with --blank-bits 32"
        cells = raw.frame[names[name]].tolist()
        for row in np.flatnonzero(empty).tolist():
            if not is_blank(cells[row]):
                continue  # it has its own fault
            shown = "" if cells[row] is None else str(cells[row])
            what = "is no value" if shown else "the value is missing"
            yield Fault(raw.places[row], names[name], shown, what, cure, row)


def _require_rows(found: Checked, where: str | None) -> None:
    if where and found.left_out and not len(found.table) and not found.faults:
        raise UserError(
            f"{found.source}: the condition {where!r} keeps none of the "
            f"{found.left_out} rows; loosen it."
        )
    if len(found.table) > MOST_RUNS:
        raise UserError(
            f"{found.source}: {len(found.table):,} rows are too many for a table of "
            f"runs, which has one row a run and at most {MOST_RUNS:,}; keep the last "
            "row of each run, or choose rows with --where."
        )
