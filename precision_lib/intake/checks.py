"""From runs as they stand in files to numbers in our units, every fault named."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from precision_lib.errors import UserError
from precision_lib.intake.cells import (
    BITS,
    KNOWN,
    LABELS,
    LOSSES,
    SIZES,
    TRAINING_BITS,
    Units,
    is_blank,
    read_cell,
    read_label,
    read_number,
)
from precision_lib.intake.files import Fault, RawRuns, short
from precision_lib.runs.conditions import Condition, parse_condition

MOST_RUNS = 50_000
STATES = ("State", "state", "status")
FAILED = {"crashed", "failed", "killed", "running", "pending", "preempted", "diverged"}
ROUNDING = ("post_bits", "post_loss", "delta")
SYNONYMS = {
    "N": r"n_?params|params|(num_|n_)?parameters|model_?size|non_?emb\w*",
    "D": r"(n_|num_|train_|total_)?tokens(_seen|_trained)?|data",
    "loss": r"(val|valid|validation|eval|test|final)\w*[_/. ]?loss|loss|ppl|perplexity",
}
UNIT = r"([_ (](k|m|b|millions?|billions?|nats|bits)\)?)?"  # a name may end in one
SHOWN = 20


@dataclass(frozen=True)
class Checked:
    """Runs in our names and units.

    Attributes
    ----------
    source, kind : str
        What was read.
    table : DataFrame
        One row a run that is free of faults; numbers as float64.
    places : tuple of str
        Where each stands.
    faults : tuple of Fault
        What is wrong with the others, all of it.
    read, left_out : int
        Runs found, and those of them that the condition leaves out.
    columns : dict of str to str
        Our name to the file's, for what was used.
    remarks : tuple of str
        What was taken to mean something, and what looks odd.

    Examples
    --------
    >>> Checked("a.csv", "CSV table", pd.DataFrame(), (), (), 2, 0, {}).bad_rows
    0
    """

    source: str
    kind: str
    table: pd.DataFrame
    places: tuple[str, ...]
    faults: tuple[Fault, ...]
    read: int
    left_out: int
    columns: dict[str, str]
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
) -> Checked:
    """Name the columns, turn cells into numbers, and list every fault.

    Parameters
    ----------
    raw : RawRuns
        From :func:`precision_lib.intake.files.read_runs`.
    columns : mapping of str to str, optional
        Our name to the file's, as ``{"N": "params"}``.
    units : Units, optional
        Of the file.
    where : str, optional
        Rows to use; the others are not checked for missing or impossible values.
    extra : sequence of str
        Further columns to keep as they are.

    Raises
    ------
    UserError
        A column is missing, the condition cannot be read, or it keeps no row.

    Examples
    --------
    >>> frame = pd.DataFrame({"params": ["100M", "x"], "D": ["1", "2"],
    ...                       "loss": ["1.0", "0"]}, dtype=object)
    >>> raw = RawRuns("runs.csv", "CSV table", frame, ("row 1", "row 2"),
    ...               ("params", "D", "loss"))
    >>> found = check_runs(raw, {"N": "params"}, Units(tokens="B", loss="bits"))
    >>> found.table.to_dict("list")
    {'N': [100000000.0], 'D': [1000000000.0], 'loss': [0.6931471805599453]}
    >>> for fault in found.faults:
    ...     print(fault.sentence)
    row 2, column 'params': 'x' is not a number; write a plain number such as 3.25.
    row 2, column 'loss': '0' is not above zero; correct it or leave the row out.
    """
    given = dict(columns or {})
    condition = parse_condition(where) if where else None
    asked = [*(condition.names if condition else ()), *extra]
    names = _names(raw, given, asked)
    table = _other_columns(raw, {**given, **names}, asked)
    wrong: list[Fault] = []
    for name in (n for n in KNOWN if n in names):
        table[name], found = _column(raw, name, names[name], units or Units())
        wrong += found
    kept = np.ones(len(table), dtype=bool)
    if condition is not None:
        kept = condition.mask(table)
    faults = _faults(raw, table, names, wrong, kept, condition)
    good = kept.copy()
    good[[fault.row for fault in faults if fault.row >= 0]] = False
    result = Checked(
        raw.source,
        raw.kind,
        table[good].reset_index(drop=True),
        tuple(p for p, fine in zip(raw.places, good, strict=True) if fine),
        faults,
        len(table) + sum(fault.row < 0 for fault in raw.faults),
        int((~kept).sum()),
        names,
    )
    _require_rows(result, where)
    return replace(result, remarks=(*_named_bits(raw, names), *_oddities(result)))


def _names(
    raw: RawRuns, columns: dict[str, str], asked: Sequence[str]
) -> dict[str, str]:
    """Our name to the file's; what is wrong with the mapping, in one sentence."""
    unknown = [name for name in columns if name not in KNOWN and name not in asked]
    if unknown:
        raise UserError(
            f"--map: {' and '.join(map(repr, unknown))} stands for nothing that a "
            f"law reads; map from {', '.join(KNOWN)}."
        )
    listed = ", ".join(short(n) for n in raw.header[:SHOWN]) or "none"
    more = len(raw.header) - SHOWN
    listed += f" and {more} more" if more > 0 else ""
    absent = [f"{o!r} (given for {n})" for n, o in columns.items()
              if o not in raw.header]  # fmt: skip
    if absent:
        raise UserError(
            f"{raw.source}: there is no column {' or '.join(absent)}; the columns "
            f"are {listed}."
        )
    names = {name: name for name in KNOWN if name in raw.header}
    names |= {new: old for new, old in columns.items() if new in KNOWN}
    missing = [name for name in SIZES if name not in names]
    if not any(name in names for name in LOSSES):
        missing.append("loss")
    if missing:
        raise UserError(
            f"{raw.source}: {' and '.join(map(repr, missing))} "
            f"{'are' if len(missing) > 1 else 'is'} missing; the columns are "
            f"{listed}; {_guess(missing, raw.header)}."
        )
    return names


def _guess(missing: Sequence[str], header: Sequence[str]) -> str:
    if any(name.endswith(("__MIN", "__MAX")) for name in header):
        return "it looks like W&B's export of one chart, so export the table of runs"
    pairs = []
    for name in missing:
        pattern = re.compile(rf"(.*[./])?({SYNONYMS[name]}){UNIT}", re.IGNORECASE)
        like = next((each for each in header if pattern.fullmatch(each)), "...")
        pairs.append(f"{name}={like}")
    return f'say which they are with --map "{",".join(pairs)}"'


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
        numbers = pd.to_numeric(cells, errors="coerce")
        words = ~cells.map(is_blank).to_numpy(dtype=bool)
        is_text = bool((numbers.isna().to_numpy() & words).any())
        table[name] = cells.map(str) if is_text else numbers.astype(float)
    return table


def _column(
    raw: RawRuns, name: str, column: str, units: Units
) -> tuple[list[float] | list[str], list[Fault]]:
    cells = raw.frame[column].tolist()
    if name in LABELS:
        return [read_label(cell) for cell in cells], []
    found = [
        read_cell(cell, name, units, place, column, row)
        for row, (cell, place) in enumerate(zip(cells, raw.places, strict=True))
    ]
    values = [np.nan if isinstance(each, Fault) else each for each in found]
    return values, [each for each in found if isinstance(each, Fault)]


def _faults(
    raw: RawRuns,
    table: pd.DataFrame,
    names: Mapping[str, str],
    wrong: list[Fault],
    kept: np.ndarray,
    condition: Condition | None,
) -> tuple[Fault, ...]:
    """All faults of the rows that are used, in the order of the rows."""
    cut = {fault.row for fault in raw.faults}
    ended = list(_unfinished(raw))
    if condition is not None and set(STATES) & set(condition.names):
        ended = []
    early = {fault.row for fault in ended}  # what they lack need not be said
    gaps = [fault for fault in _gaps(raw, table, names) if fault.row not in early]
    found = [*ended, *wrong, *gaps]
    used = [f for f in found if f.row not in cut]
    used = [f for f in used if kept[f.row] or f.what == "is not a number"]
    used += [f for f in raw.faults if f.row < 0 or kept[f.row]]
    return tuple(sorted(used, key=lambda f: (f.row < 0, f.row, f.place)))


def _unfinished(raw: RawRuns) -> Iterator[Fault]:
    column = next((name for name in STATES if name in raw.frame.columns), None)
    if column is None:
        return
    for row, cell in enumerate(raw.frame[column].tolist()):
        if str(cell).strip().lower() in FAILED:
            what = "is not the state of a finished run"
            yield Fault(
                raw.places[row], column, str(cell), what, "leave the row out", row
            )


def _gaps(
    raw: RawRuns, table: pd.DataFrame, names: Mapping[str, str]
) -> Iterator[Fault]:
    """Empty cells; a run that was not rounded may lack all that speaks of rounding."""
    after = [name for name in ROUNDING if name in table]
    unrounded = np.zeros(len(table), dtype=bool)
    if after and "loss" in table:
        unrounded = table[after].isna().all(axis=1).to_numpy()
    for name in (n for n in KNOWN if n in table and n not in LABELS):
        empty = table[name].isna().to_numpy(dtype=bool)
        if name in after:
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


def _named_bits(raw: RawRuns, names: Mapping[str, str]) -> Iterator[str]:
    for name in (n for n in BITS if n in names):
        cells = raw.frame[names[name]]
        words = sorted({c for c in cells if isinstance(c, str) and c[:1].isalpha()})
        read = [f"{w} as {v:g}" for w in words if (v := read_number(w, name))]
        if read:
            listed = ", ".join(read)
            yield f"Names in column {names[name]!r} were read as bits: {listed}."


def _oddities(found: Checked) -> Iterator[str]:
    table = found.table
    if table.empty:
        return
    copies = int(table.duplicated([n for n in KNOWN if n in table]).sum())
    if copies:
        yield (
            f"{copies} of the {len(table)} rows repeat another in every column that "
            "is used; a copied row counts twice."
        )
    for name, few, word in (("N", 1e4, "parameters"), ("D", 1e5, "tokens")):
        if table[name].max() < few:
            yield (
                f"The largest {name} is {table[name].max():g}, very few {word}; if "
                f"they are millions or billions, say so with --{word}-unit M or B."
            )
    if "loss" in table and table["loss"].max() > 15:
        yield (
            f"A loss of {table['loss'].max():.4g} nats a token is worse than guessing "
            "for most vocabularies; if it is a perplexity, say so with --loss-unit "
            "perplexity."
        )
