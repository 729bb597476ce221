"""Any reader's CSV of runs, turned into a checked table or one clear sentence."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd

from precision_lib.errors import UserError
from precision_lib.runs.conditions import Condition, parse_condition

POSITIVE = frozenset(
    {
        "N",
        "D",
        "loss",
        "post_loss",
        "weight_bits",
        "activation_bits",
        "kv_bits",
        "post_bits",
    }
)
SEPARATORS = (",", ";", "\t")
MAX_SHOWN = 40


def read_table(
    path: str | Path,
    columns: Mapping[str, str] | None = None,
    required: Sequence[str] = ("N", "D", "loss"),
    *,
    text: Collection[str] = (),
    where: str | None = None,
    only_needed: bool = False,
) -> pd.DataFrame:
    """Read a table of runs and check every value a law will use.

    Comma, semicolon and tab are told apart by the header line; a byte-order
    mark is dropped. Rows left out by ``where`` are not checked for missing or
    impossible values, so a table may hold diverged runs.

    Parameters
    ----------
    path : str or Path
        A CSV file with one header line and one row a run, UTF-8.
    columns : mapping of str to str, optional
        New name to name in the file, e.g. ``{"N": "params"}``.
    required : sequence of str
        Columns (new names) that must be there, hold finite numbers only and,
        for sizes, losses and bits, numbers above zero.
    text : collection of str
        Those of ``required`` that hold labels, not numbers.
    where : str, optional
        Keep only the rows for which this condition holds; see
        :func:`precision_lib.runs.conditions.parse_condition`.
    only_needed : bool
        Read no columns but those that are required or named in ``where``;
        saves memory on tables of millions of rows.

    Returns
    -------
    DataFrame
        Required number columns as float64; rows labelled 0, 1, 2, ...

    Raises
    ------
    UserError
        One sentence with the file, the column, the row (the first below the
        header is row 1), the value and what to do.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "runs.csv"
    >>> _ = path.write_text("params;tokens;loss\\n1e5;2e6;3.5\\n2e5;2e6;oops\\n")
    >>> names = {"N": "params", "D": "tokens"}
    >>> try:
    ...     read_table(path, names)
    ... except UserError as error:
    ...     print(str(error).replace(str(path), "runs.csv"))
    runs.csv: column 'loss', row 2: 'oops' is not a number; write a plain number \
such as 3.25.
    >>> read_table(path, names, ["N", "D"])["N"].tolist()
    [100000.0, 200000.0]
    >>> folder.cleanup()
    """
    condition = parse_condition(where) if where else None
    columns = dict(columns or {})
    wanted = list(dict.fromkeys(required))
    if only_needed:
        named = condition.names if condition else ()
        keep = {columns.get(name, name) for name in (*wanted, *named)}
    else:
        keep = None
    frame = _rename(_read(Path(path), keep), path, columns)
    _require_columns(frame, path, wanted, columns)
    for name in wanted:
        if name not in text:
            frame[name] = _numbers(frame[name], path, columns.get(name, name))
    frame = _keep_rows(frame, path, condition)
    for name in wanted:
        _check_values(frame[name], path, columns.get(name, name), name in POSITIVE)
    return frame.reset_index(drop=True)


def _read(path: Path, keep: Collection[str] | None) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            separator, header = read_header(file, path)
            frame = _body(file, path, separator, header, keep)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; check the path.") from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: byte {error.object[error.start]:#04x} is not UTF-8 text; save "
            "the table as CSV in UTF-8."
        ) from None
    except OSError as error:
        raise UserError(
            f"{path}: the file cannot be read ({error.strerror}); give a CSV file."
        ) from None
    if frame.empty:
        raise UserError(f"{path}: there is a header but no row below it; add runs.")
    return frame


def read_header(file: TextIO, path: Path) -> tuple[str, list[str]]:
    """Read the header line of a CSV; the file then stands at the first row.

    Returns
    -------
    separator, names of the columns

    Raises
    ------
    UserError
        The file is empty, or its header cannot be read or names a column twice.

    Examples
    --------
    >>> import io
    >>> read_header(io.StringIO("N;D;\\n1;2;3\\n"), Path("runs.csv"))
    (';', ['N', 'D', 'unnamed 3'])
    """
    line = ""
    for line in file:
        if line.strip():
            break
    if not line.strip():
        raise UserError(
            f"{path} is empty; give a CSV with a header line and one row a run."
        )
    separator = max(SEPARATORS, key=line.count)
    try:
        fields = next(csv.reader([line], delimiter=separator))
    except csv.Error:
        raise UserError(
            f"{path}: the first line is not a CSV header; name the columns there."
        ) from None
    header = [name.strip() for name in fields]
    for position, name in enumerate(header):
        if name and name in header[:position]:
            raise UserError(
                f"{path}: the header names column {_short(name)} twice; rename or "
                "remove one of the two."
            )
    return separator, [n or f"unnamed {i + 1}" for i, n in enumerate(header)]


def _body(
    file: TextIO,
    path: Path,
    separator: str,
    header: list[str],
    keep: Collection[str] | None,
) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            warnings.simplefilter("ignore", pd.errors.DtypeWarning)
            return pd.read_csv(
                file,
                sep=separator,
                header=None,
                names=header,
                index_col=False,  # else a surplus field shifts every column by one
                usecols=None if keep is None else [n for n in header if n in keep],
                skipinitialspace=True,
            )
    except pd.errors.EmptyDataError:
        return pd.DataFrame(columns=header)
    except pd.errors.ParserWarning:
        raise UserError(
            f"{path}: rows have more fields than the header has names "
            f"({len(header)}); name every column, and end no line with {separator!r}."
        ) from None
    except pd.errors.ParserError as error:
        cause = " ".join(str(error).split()).split("C error: ")[-1].rstrip(".")
        cause = cause.replace(" in line ", " in row ")
        raise UserError(
            f"{path}: the table cannot be read ({cause}); give each row the "
            f"{len(header)} fields that the header names."
        ) from None


def _rename(
    frame: pd.DataFrame, path: str | Path, columns: Mapping[str, str]
) -> pd.DataFrame:
    for new, old in columns.items():
        if old not in frame.columns:
            raise UserError(
                f"{path}: column {_short(old)}, given for {new}, is missing; the file "
                f"has {_names(frame)}."
            )
    sources = set(columns.values())
    clashing = [n for n in frame.columns if n in columns and n not in sources]
    renamed = {new: frame[old] for new, old in columns.items()}
    rest = frame.drop(columns=[*clashing, *sources])
    return rest.assign(**renamed)


def _require_columns(
    frame: pd.DataFrame,
    path: str | Path,
    wanted: Sequence[str],
    columns: Mapping[str, str],
) -> None:
    for name in wanted:
        if name not in frame.columns:
            raise UserError(
                f"{path}: column {name!r} is missing; the file has {_names(frame)}: "
                f"add it, or say which one it is with --columns {name}=..."
            )


def _numbers(column: pd.Series, path: str | Path, name: str) -> pd.Series:
    """Turn a column into float64; text that is not a number is an error."""
    if pd.api.types.is_bool_dtype(column.dtype):
        return _bad_number(path, name, 0, column.iloc[0])
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.astype(float)
    numbers = pd.to_numeric(column, errors="coerce")
    boolean = column.map(lambda value: isinstance(value, bool)).to_numpy(dtype=bool)
    wrong = (numbers.isna() & column.notna()).to_numpy(dtype=bool) | boolean
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        return _bad_number(path, name, row, column.iloc[row])
    return numbers.astype(float)


def _bad_number(path: str | Path, name: str, row: int, value: object) -> pd.Series:
    cure = "write a plain number such as 3.25"
    if str(value).strip() == name:
        cure = "the header stands again in that row, remove it"
    elif "," in str(value):
        cure = "write decimals with a point and no separator between thousands"
    raise UserError(
        f"{path}: column {_short(name)}, row {row + 1}: {_short(value)} is not a "
        f"number; {cure}."
    )


def _keep_rows(
    frame: pd.DataFrame, path: str | Path, condition: Condition | None
) -> pd.DataFrame:
    if condition is None:
        return frame
    kept = frame[condition.mask(frame)]
    if kept.empty:
        raise UserError(
            f"{path}: the condition {condition.text!r} keeps none of the "
            f"{len(frame)} rows; loosen it."
        )
    return kept


def _check_values(
    column: pd.Series, path: str | Path, name: str, positive: bool
) -> None:
    if not pd.api.types.is_numeric_dtype(column.dtype):
        _refuse(column, column.isna(), path, name, "is missing", "fill it in")
        return
    cure = "correct the row, or leave it out with --where"
    _refuse(column, column.isna(), path, name, "is missing", cure)
    infinite = pd.Series(np.isinf(column.to_numpy()), index=column.index)
    _refuse(column, infinite, path, name, "is not finite", cure)
    if positive:
        _refuse(column, column <= 0, path, name, "is not above zero", cure)


def _refuse(
    column: pd.Series,
    wrong: pd.Series,
    path: str | Path,
    name: str,
    what: str,
    cure: str,
) -> None:
    mask = wrong.to_numpy(dtype=bool)
    if not mask.any():
        return
    at = int(np.flatnonzero(mask)[0])
    value = column.iloc[at]
    shown = "the value" if pd.isna(value) else f"{value:g}"
    more = int(mask.sum()) - 1
    others = f" (and {more} more like it)" if more else ""
    raise UserError(
        f"{path}: column {_short(name)}, row {int(column.index[at]) + 1}: {shown} "
        f"{what}{others}; {cure}."
    )


def _names(frame: pd.DataFrame) -> str:
    shown = [_short(name) for name in frame.columns[:12]]
    more = len(frame.columns) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return repr(text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 4] + " ...")
