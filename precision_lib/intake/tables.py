"""A table as it stands in a CSV or Parquet file."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from precision_lib.errors import UserError
from precision_lib.intake.contents import read_bytes, read_text
from precision_lib.intake.faults import Fault, short
from precision_lib.intake.nested import flatten
from precision_lib.intake.raw import NAMES, RawRuns

MOST_ROWS = 2_000_000
SEPARATORS = (",", ";", "\t", "|")
EXCEL = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


def open_table(file: io.StringIO, path: Path) -> tuple[str, list[str]]:
    """Read the header line of a CSV; the file then stands at the first row.

    A line ``sep=;`` before it, which Excel writes and reads, says the separator; a
    title above it is passed over.

    Returns separator, names of the columns.

    Raises UserError if the file is empty, or its header cannot be read or names a
    column twice.

    >>> open_table(io.StringIO("sep=;\\nN;D;\\n1;2;3\\n"), Path("runs.csv"))
    (';', ['N', 'D', 'unnamed 3'])
    """
    said = None
    for line in file:
        excel = EXCEL.fullmatch(line.strip("\r\n "))
        said = excel[1] if excel and said is None else said
        below = _next_line(file)
        if line.strip() and not excel and not _is_title(line, below):
            break
    else:
        raise UserError(
            f"{path} is empty; give a CSV with a header line and one row a run."
        )
    separator = said or _separator(line, below)
    line = line.strip(" \r\n")
    try:
        fields = next(csv.reader([line], delimiter=separator, skipinitialspace=True))
    except (csv.Error, TypeError, ValueError):
        raise UserError(
            f"{path}: the first line is not a CSV header; name the columns there."
        ) from None
    header = [name.strip() for name in fields]
    for position, name in enumerate(header):
        if name and name in header[:position]:
            raise UserError(
                f"{path}: the header names column {short(name)} twice; rename or "
                "remove one of the two."
            )
    return separator, [n or f"unnamed {i + 1}" for i, n in enumerate(header)]


def _next_line(file: io.StringIO) -> str:
    """The next line with something in it; the file stays where it is."""
    here = file.tell()
    found = next((line for line in file if line.strip()), "")
    file.seek(here)
    return found


def _separator(line: str, below: str) -> str:
    """Of a header the most frequent; spaces if it has none and a row as many words."""
    bare = re.sub(r'"[^"]*"', "", line)  # a quoted name may hold separators
    found = max(SEPARATORS, key=bare.count)
    words = len(line.split())
    spaced = found not in bare and 1 < words == len(below.split())
    return " " if spaced else found


def _is_title(line: str, below: str) -> bool:
    """Whether a line is one field, and the next one several that are no numbers."""
    fields = [
        [one for one in text.split(_separator(text, "")) if one.strip()]
        for text in (line, below)
    ]
    named = sum(not re.match(r"\W*\d", one) for one in fields[1])
    return len(fields[0]) == 1 and named > 1


def read_csv(path: Path, keep: Callable[[str], bool] | None = None) -> RawRuns:
    """Read a CSV with any usual separator; of its columns those that `keep` wants.

    Raises UserError if the file is no such table.

    >>> from precision_lib.paths import DATA
    >>> read_csv(DATA / "short" / "runs.csv").kind
    'CSV table'
    """
    text = io.StringIO(read_text(path), newline="")
    separator, header = open_table(text, path)
    wanted = [n for n in header if keep is None or keep(n) or n in NAMES]
    try:
        reader = csv.reader(text, delimiter=separator, skipinitialspace=True)
        columns, faults = _cells(reader, path, header, wanted or header[:1])
    except csv.Error as error:
        raise UserError(
            f"{path}: the table cannot be read ({error}); save it as CSV with every "
            "quote closed."
        ) from None
    pairs = dict(zip(wanted or header[:1], columns, strict=True))
    folded = pd.DataFrame(pairs, dtype=object)
    frame = _unfolded(folded)
    kind = "W&B export" if {"Name", "State"} <= set(header) else "CSV table"
    names = [n for n in header if n in frame or n not in folded]
    names += [str(n) for n in frame if n not in folded]
    return _raw(path, kind, frame, tuple(names), faults)


def _cells(
    reader: Any, path: Path, header: list[str], wanted: list[str]
) -> tuple[list[list[str]], tuple[Fault, ...]]:
    """The wanted cells by column; a row too long leaves empty cells and a fault."""
    at = [header.index(name) for name in wanted]
    columns: list[list[str]] = [[] for _ in at]
    faults: list[Fault] = []
    count, width = 0, len(header)
    for row in reader:
        if not any(cell.strip() for cell in row):
            continue
        count += 1
        if count > MOST_ROWS:
            raise UserError(
                f"{path} has more than {MOST_ROWS:,} rows; a table of runs has one "
                "row a run: keep the last row of each."
            )
        if any(cell.strip() for cell in row[width:]):
            what = f"has {len(row)} fields where the header names {width}"
            cure = "quote a field that holds the separator"
            faults.append(Fault(f"row {count}", "", "", what, cure, count - 1))
            row = []
        for column, position in zip(columns, at, strict=True):
            column.append(row[position].strip() if position < len(row) else "")
    if not count:
        raise UserError(f"{path}: there is a header but no row below it; add runs.")
    return columns, tuple(faults)


def _unfolded(frame: pd.DataFrame) -> pd.DataFrame:
    """A column of dictionaries becomes one a name, as in exports of W&B's API."""
    for name in list(frame.columns):
        found = [_dictionary(cell) for cell in frame[name]]
        if any(each is None for each in found) or not any(found):
            continue
        inner = pd.DataFrame([flatten({name: each}) for each in found], dtype=object)
        inner = inner.astype(object).where(inner.notna(), None)
        frame = pd.concat([frame.drop(columns=name), inner], axis=1)
    return frame


def _dictionary(cell: str) -> Mapping[str, Any] | None:
    if not cell:
        return {}
    if not (cell.startswith("{") and cell.endswith("}")):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(cell)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(found, Mapping):
            return {str(key): value for key, value in found.items()}
    return None


def read_parquet(path: Path) -> RawRuns:
    """Read a Parquet table.

    Raises UserError if it is no such table, or the package that reads it is missing.

    >>> read_parquet(Path("absent.parquet"))
    Traceback (most recent call last):
    ...
    precision_lib.errors.UserError: absent.parquet: cannot be read (No such file or \
    directory).
    """
    data = read_bytes(path)
    try:
        frame = pd.read_parquet(io.BytesIO(data))
    except ImportError:
        raise UserError(
            f"{path}: reading Parquet needs a package that is not installed; run "
            "pip install pyarrow, or save the table as CSV."
        ) from None
    except (ValueError, OSError) as error:
        cause = " ".join(str(error).split())[:120]
        raise UserError(f"{path}: this is not a Parquet table ({cause}).") from None
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    frame = frame.reset_index(drop=True).astype(object)
    frame.columns = [str(name) for name in frame.columns]
    for name in frame:  # a curve in a cell comes as an array
        lists = frame[name].map(lambda c: c.tolist() if hasattr(c, "tolist") else c)
        frame[name] = lists.astype(object)
    return _raw(path, "Parquet table", frame, tuple(frame.columns))


def _raw(
    path: Path,
    kind: str,
    frame: pd.DataFrame,
    header: tuple[str, ...],
    faults: tuple[Fault, ...] = (),
) -> RawRuns:
    """The runs; ``row 1`` is the first, with its name where a column has it."""
    named = next((name for name in NAMES if name in frame.columns), None)
    names = [""] * len(frame) if named is None else frame[named].tolist()
    places = tuple(
        f"row {number}" + (f" ({short(name, '')})" if name else "")
        for number, name in enumerate(names, 1)
    )
    return RawRuns(str(path), kind, frame, places, header, faults)
