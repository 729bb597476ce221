"""A reader's runs as they stand in files: a table, JSON logs or a W&B export.

Nothing is checked here beyond what reading needs; a run that cannot be read
becomes a :class:`Fault` beside the others, so that all faults are said at once.
"""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from precision_lib.errors import UserError
from precision_lib.intake.logs import Run, read_folder, read_json
from precision_lib.runs.reader_table import read_header

MOST_ROWS = 2_000_000
MAX_SHOWN = 40
JSON = (".json", ".jsonl", ".ndjson")
NAMES = ("run", "run_id", "Name", "name")  # columns that name a run

Take = Literal["last", "min"]


@dataclass(frozen=True)
class Fault:
    """What is wrong with one row, and what to do.

    Attributes
    ----------
    place : str
        Row or file, as in ``row 3`` or ``run-7.json``.
    column : str
        As the file names it; empty if the whole row is meant.
    value : str
        What stands there; empty for nothing.
    what, cure : str
        The fault and what to do, without a full stop.
    row : int
        Number of the row within the runs read, from 0; -1 for a row that could
        not be read.

    Examples
    --------
    >>> Fault("row 3", "val_loss", "oops", "is not a number", "mend it").sentence
    "row 3, column 'val_loss': 'oops' is not a number; mend it."
    """

    place: str
    column: str
    value: str
    what: str
    cure: str
    row: int = -1

    @property
    def sentence(self) -> str:
        """All of it in one sentence."""
        column = f", column {self.column!r}" if self.column else ""
        value = f"{short(self.value)} " if self.value else ""
        return f"{self.place}{column}: {value}{self.what}; {self.cure}."


@dataclass(frozen=True)
class RawRuns:
    """Runs as they were found.

    Attributes
    ----------
    source : str
        What was read, for messages.
    kind : str
        What that is, in a few words.
    frame : DataFrame
        One row a run; cells as they stand in the file (text, or JSON's types).
    places : tuple of str
        Where each row stands.
    header : tuple of str
        Every column of the source, read or not.
    faults : tuple of Fault
        Runs that could not be read.
    """

    source: str
    kind: str
    frame: pd.DataFrame
    places: tuple[str, ...]
    header: tuple[str, ...]
    faults: tuple[Fault, ...] = field(default=())

    def with_frame(self, frame: pd.DataFrame) -> RawRuns:
        """The same source with other cells.

        Examples
        --------
        >>> frame = pd.DataFrame({"N": ["1"]})
        >>> RawRuns("a.csv", "CSV table", frame, ("row 1",), ("N",)).with_frame(
        ...     frame.assign(D="2")).header
        ('N', 'D')
        """
        return replace(self, frame=frame, header=tuple(frame.columns))


def read_runs(
    source: str | Path,
    keep: Collection[str] | None = None,
    loss: str = "loss",
    take: Take = "last",
) -> RawRuns:
    """Read a table of runs, a file or folder of JSON logs, or W&B's files.

    =========================== ==============================================
    source                      what a run is
    =========================== ==============================================
    CSV or Parquet file         a row; also W&B's export of its table of runs
    JSON file                   an object of a list, or the one object
    JSON lines file             a line
    folder of JSON files        a file; of several records, see `take`
    folder of folders of them   a folder, its files put together
    folder of W&B runs          a ``wandb-summary.json`` and its ``config.yaml``
    =========================== ==============================================

    Parameters
    ----------
    source : str or Path
        The file or folder.
    keep : collection of str, optional
        Columns of a table to read; all without it.
    loss : str
        Name of the loss in the logs, for `take`.
    take : {"last", "min"}
        Of a log with many records, the last one with a loss, or the one with
        the lowest; values of earlier records hold until they change.

    Raises
    ------
    UserError
        The source is missing, is of no known kind or cannot be read at all.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "a.jsonl"
    >>> _ = path.write_text('{"params": 1e6}\\n{"step": 1, "loss": 4.0}\\n'
    ...                     '{"step": 2, "loss": 3.5}\\n')
    >>> runs = read_runs(folder.name)
    >>> runs.places, runs.frame.iloc[0].to_dict()
    (('a.jsonl',), {'params': 1000000.0, 'step': 2, 'loss': 3.5})
    >>> folder.cleanup()
    """
    path = Path(source)
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder; check the path.")
    if path.is_dir():
        return _from_logs(str(path), *read_folder(path, loss, take))
    if path.suffix.lower() in JSON:
        return _from_logs(str(path), "JSON file", read_json(path))
    if path.suffix.lower() in (".parquet", ".pq"):
        return _parquet(path)
    if path.suffix.lower() in (".xlsx", ".xls", ".ods"):
        raise UserError(f"{path}: spreadsheets are not read; save it as CSV in UTF-8.")
    return _csv(path, keep)


def _from_logs(source: str, kind: str, runs: list[Run]) -> RawRuns:
    good = [run for run in runs if not run.fault]
    header = tuple(dict.fromkeys(name for run in good for name in run.values))
    frame = pd.DataFrame(
        {name: [run.values.get(name) for run in good] for name in header},
        dtype=object,
        index=range(len(good)),
    )
    faults = [
        Fault(run.place, "", "", run.fault, "mend or remove it")
        for run in runs
        if run.fault
    ]
    places = tuple(run.place for run in good)
    return RawRuns(source, kind, frame, places, header, tuple(faults))


def _parquet(path: Path) -> RawRuns:
    try:
        frame = pd.read_parquet(path)
    except ImportError:
        raise UserError(
            f"{path}: reading Parquet needs a package that is not installed; run "
            "pip install pyarrow, or save the table as CSV."
        ) from None
    except (ValueError, OSError) as error:
        cause = " ".join(str(error).split())[:120]
        raise UserError(f"{path}: this is not a Parquet table ({cause}).") from None
    frame = frame.reset_index(drop=True).astype(object)
    frame.columns = [str(name) for name in frame.columns]
    return RawRuns(
        str(path), "Parquet table", frame, _rows(frame), tuple(frame.columns)
    )


def _csv(path: Path, keep: Collection[str] | None) -> RawRuns:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            separator, header = read_header(file, path)
            wanted = [n for n in header if keep is None or n in keep or n in NAMES]
            reader = csv.reader(file, delimiter=separator, skipinitialspace=True)
            columns, faults = _cells(reader, path, header, wanted)
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: byte {error.object[error.start]:#04x} is not UTF-8 text; save "
            "the table as CSV in UTF-8."
        ) from None
    except csv.Error as error:
        raise UserError(
            f"{path}: the table cannot be read ({error}); save it as CSV with every "
            "quote closed."
        ) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from None
    frame = pd.DataFrame(dict(zip(wanted, columns, strict=True)), dtype=object)
    kind = "W&B export" if {"Name", "State"} <= set(header) else "CSV table"
    return RawRuns(str(path), kind, frame, _rows(frame), tuple(header), faults)


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


def _rows(frame: pd.DataFrame) -> tuple[str, ...]:
    """``row 1``, with the name of the run where a column has it."""
    named = next((name for name in NAMES if name in frame.columns), None)
    names = [""] * len(frame) if named is None else frame[named].tolist()
    return tuple(
        f"row {number}" + (f" ({short(name, '')})" if name else "")
        for number, name in enumerate(names, 1)
    )


def short(value: object, quote: str = "'") -> str:
    """A value for a message: one line, not too long.

    Examples
    --------
    >>> short("a\\nb"), short("x" * 50, "")
    ("'a b'", 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx ...')
    """
    text = " ".join(str(value).split())
    text = text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 4] + " ..."
    return f"{quote}{text}{quote}"
