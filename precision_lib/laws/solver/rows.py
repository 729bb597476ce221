"""From a table to the checked arrays that one law needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from precision_lib.errors import UserError
from precision_lib.laws.law import Law
from precision_lib.laws.solver.dual import Array

HUGE = 1e60  # no count of anything is larger; squares must not overflow
Table = Any  # a pandas DataFrame, or a mapping from column name to numbers


@dataclass(frozen=True)
class Rows:
    """The columns of one law as arrays of one length."""

    columns: dict[str, Array]  #: numbers by column name, float64, shape (n,)
    #: For a column of names: the index into `levels` of each row
    codes: dict[str, NDArray[np.intp]] = field(default_factory=dict)
    #: The distinct names of a column of names, sorted
    levels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    n: int = 0


def read_rows(
    table: Table, law: type[Law], levels: Mapping[str, tuple[str, ...]] | None = None
) -> Rows:
    """Take the columns of a law out of a table and check them.

    Raises UserError if a column is missing, is not numeric, or holds NaN or an infinite
    number.

    `table`: a DataFrame or a mapping from column name to a sequence; `law`: says which
    columns; `levels`: names known from a fit; a name outside them is an error.

    >>> from precision_lib.laws import get_law
    >>> rows = read_rows({"N": [10, 20], "D": [5.0, 6.0]}, get_law("chinchilla"))
    >>> rows.n, rows.columns["N"].tolist()
    (2, [10.0, 20.0])
    """
    names = law.columns()
    raw = {name: np.atleast_1d(_column(table, name, law)) for name in names}
    n = max((a.size for a in raw.values()), default=0)
    codes: dict[str, NDArray[np.intp]] = {}
    known: dict[str, tuple[str, ...]] = {}
    columns: dict[str, Array] = {}
    for name, values in raw.items():
        if values.size not in (1, n):
            raise UserError(
                f"column {name!r} has {values.size} values where others have {n}; "
                "give every column one value a row."
            )
        values = np.broadcast_to(values, (n,))
        if name in law.categories():
            expected = None if levels is None else levels[name]
            codes[name], known[name] = _encode(name, values, expected)
            columns[name] = codes[name].astype(float)
        else:
            columns[name] = numbers(name, values)
    return Rows(columns, codes, known, n)


def read_target(table: Table, law: type[Law]) -> Array:
    """The column that the law predicts, checked.

    Raises UserError if it is missing or not finite, or a loss is zero or negative.

    >>> from precision_lib.laws import get_law
    >>> read_target({"loss": [3.1, 2.9]}, get_law("chinchilla")).tolist()
    [3.1, 2.9]
    """
    y = numbers(law.target, np.atleast_1d(_column(table, law.target, law)))
    if law.target == "loss" and y.size and y.min() <= 0:
        row = int(np.argmin(y))
        raise UserError(
            f"column 'loss' holds {y[row]:g} in row {row}; a loss is positive, so "
            "drop or mend that row."
        )
    return y


def has_column(table: Table, name: str) -> bool:
    """Whether the table has a column of this name.

    >>> has_column({"N": [1]}, "D")
    False
    """
    names = getattr(table, "columns", None)
    return name in (table if names is None else list(names))


def _column(table: Table, name: str, law: type[Law]) -> Any:
    if not has_column(table, name):
        found = getattr(table, "columns", None)
        found = list(table) if found is None else list(found)
        raise UserError(
            f"law {law.name!r} needs the column {name!r}, and the table has only "
            f"{', '.join(map(str, found)) or 'no column'}; add it or rename one."
        )
    values: Any = np.asarray(table[name])
    if values.ndim > 1:
        raise UserError(
            f"column {name!r} is there more than once; keep one of the copies."
        )
    return values


def numbers(name: str, values: Any) -> Array:
    """A column as finite float64, or one sentence that says why not.

    Raises UserError if a value is not a number, not finite, or beyond 1e60.

    >>> numbers("N", ["1e6", 2]).tolist()
    [1000000.0, 2.0]
    """
    values = np.asarray(values)
    result: Array = np.empty(values.shape)
    if values.dtype.kind in "iufb":
        result[...] = values
    else:
        for row, value in enumerate(values.tolist()):
            try:
                result[row] = float(value)
            except (TypeError, ValueError):
                raise UserError(
                    f"column {name!r} holds {value!r} in row {row}, which is not a "
                    "number; mend or drop that row."
                ) from None
    bad = ~np.isfinite(result) | (np.abs(result) > HUGE)
    if bad.any():
        row = int(np.argmax(bad))
        raise UserError(
            f"column {name!r} holds {result[row]:g} in row {row} "
            f"({int(bad.sum())} such rows); mend or drop them."
        )
    return result


def _encode(
    name: str, values: Any, expected: tuple[str, ...] | None
) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    texts = np.array([level_name(v) for v in values.tolist()], dtype=object)
    levels = tuple(sorted(set(texts))) if expected is None else expected
    index = {level: code for code, level in enumerate(levels)}
    unknown = sorted(set(texts) - set(index))
    if unknown:
        raise UserError(
            f"column {name!r} holds {unknown[0]!r}, which the fit has not seen; it "
            f"knows {', '.join(levels)}."
        )
    return np.array([index[t] for t in texts], dtype=np.intp), levels


def level_name(value: Any) -> str:
    """The name of one level of a column of names; 4.0 and 4 are both ``"4"``.

    >>> level_name(4.0), level_name("int4")
    ('4', 'int4')
    """
    return f"{value:g}" if isinstance(value, int | float) else str(value)
