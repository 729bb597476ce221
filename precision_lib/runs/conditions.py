"""Conditions on the columns of a table, such as ``"N > 3e5 and D/N > 200"``.

A small language for ``--where`` and ``--hold-out``: comparisons and arithmetic
on column names. :mod:`.condition_syntax` parses the text and checks it; the
tree is evaluated here on whole columns, so that nothing but arithmetic can ever
run: no call, attribute, index or name that is not a column.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from precision_lib.errors import UserError
from precision_lib.runs.condition_syntax import HELP, checked_tree

SHOWN_NAMES = 20

Value = Any  # a float, a text, a number column, a text column or a mask

ARITHMETIC: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
ORDER: dict[type[ast.cmpop], Callable[[Value, Value], Value]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


@dataclass(frozen=True)
class Condition:
    """A checked condition; make one with :func:`parse_condition`.

    >>> condition = parse_condition("D/N > 200 and seed != 0")
    >>> condition.names
    ('D', 'N', 'seed')
    """

    text: str  #: the condition as it was written
    names: tuple[str, ...]  #: the columns it reads, in alphabetical order
    tree: ast.expr

    def mask(self, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Say for each row whether the condition holds.

        Returns ndarray of bool, one a row.

        Raises UserError if a name is not a column, text is compared with a number, or
        the whole is not a yes or no a row.

        `frame`: any table that has the columns named in the condition. Missing numbers
        compare as IEEE NaN does.

        >>> runs = pd.DataFrame({"N": [10, 20, 40], "bits": [4.0, 32.0, 4.0]})
        >>> parse_condition("N >= 20 and bits < 16").mask(runs).tolist()
        [False, False, True]
        """
        for name in self.names:
            if name not in frame.columns:
                raise UserError(
                    f"{self._quoted()}: there is no column {name!r}; the columns "
                    f"are {_listing(frame.columns)}."
                )
        with np.errstate(all="ignore"):
            found = self._value(self.tree, frame)
        if not _is_mask(found):
            raise UserError(
                f"{self._quoted()} gives a value, not a yes or no for each row; {HELP}."
            )
        return np.broadcast_to(np.asarray(found, dtype=bool), (len(frame),)).copy()

    def _quoted(self) -> str:
        shown = " ".join(self.text.split())
        return f"Condition {shown if len(shown) < 80 else shown[:76] + ' ...'!r}"

    def _value(self, node: ast.expr, frame: pd.DataFrame) -> Value:
        if isinstance(node, ast.Name):
            return _column(frame, node.id)
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else float(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.UnaryOp):
            return self._unary(node, frame)
        if isinstance(node, ast.BinOp):
            left = self._number(node.left, frame)
            return ARITHMETIC[type(node.op)](left, self._number(node.right, frame))
        if isinstance(node, ast.BoolOp):
            parts = [self._truth(part, frame) for part in node.values]
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return join.reduce(np.broadcast_arrays(*parts))
        assert isinstance(node, ast.Compare)  # the check admits nothing else
        return self._compare(node, frame)

    def _unary(self, node: ast.UnaryOp, frame: pd.DataFrame) -> Value:
        if isinstance(node.op, ast.Not):
            return np.logical_not(self._truth(node.operand, frame))
        value = self._number(node.operand, frame)
        return -value if isinstance(node.op, ast.USub) else value

    def _number(self, node: ast.expr, frame: pd.DataFrame) -> Value:
        value = self._value(node, frame)
        if _is_text(value) or _is_mask(value):
            kind = "text" if _is_text(value) else "a condition"
            raise UserError(
                f"{self._quoted()}: {ast.unparse(node)} is {kind}, and arithmetic "
                "and ordering need numbers."
            )
        return value

    def _truth(self, node: ast.expr, frame: pd.DataFrame) -> Value:
        value = self._value(node, frame)
        if not _is_mask(value):
            raise UserError(
                f"{self._quoted()}: {ast.unparse(node)} is not a condition; compare "
                f'it with something, as in "{ast.unparse(node)} == 1".'
            )
        return value

    def _compare(self, node: ast.Compare, frame: pd.DataFrame) -> Value:
        found: Value = np.True_
        left = node.left
        for test, right in zip(node.ops, node.comparators, strict=True):
            found = np.logical_and(found, self._one(left, test, right, frame))
            left = right
        return found

    def _one(
        self, left: ast.expr, test: ast.cmpop, right: ast.expr, frame: pd.DataFrame
    ) -> Value:
        if type(test) in ORDER:
            first = self._number(left, frame)
            return np.asarray(ORDER[type(test)](first, self._number(right, frame)))
        if isinstance(test, ast.Eq | ast.NotEq):
            same = self._equal(left, right, frame)
            return same if isinstance(test, ast.Eq) else np.logical_not(same)
        assert isinstance(right, ast.List | ast.Tuple)
        same = np.logical_or.reduce(
            [self._equal(left, item, frame) for item in right.elts]
        )
        return same if isinstance(test, ast.In) else np.logical_not(same)

    def _equal(self, left: ast.expr, right: ast.expr, frame: pd.DataFrame) -> Value:
        first, second = self._value(left, frame), self._value(right, frame)
        if _is_mask(first) or _is_mask(second):  # a column of True and False
            first, second = _truth_of(first), _truth_of(second)
        if _is_text(first) != _is_text(second):
            raise UserError(
                f"{self._quoted()} compares text with a number: "
                f"{ast.unparse(left)} and {ast.unparse(right)}; quote text and leave "
                "numbers bare."
            )
        return np.asarray(first == second, dtype=bool)


def parse_condition(text: str) -> Condition:
    """Check a condition before any table is read.

    Raises UserError if the text is anything else, with the part that is not allowed.

    `text`: column names, numbers, quoted text, ``+ - * / % **``, comparisons, ``in
    [...]``, ``and``, ``or``, ``not`` and parentheses.

    >>> parse_condition("weight_bits in [3, 4] or not status == 'diverged'").names
    ('status', 'weight_bits')
    """
    tree, names = checked_tree(text)
    return Condition(text, names, tree)


def _column(frame: pd.DataFrame, name: str) -> Value:
    column = frame[name]
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.to_numpy(dtype=bool)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=float, na_value=np.nan)
    return column.astype(str).to_numpy(dtype=object)


def _truth_of(value: Value) -> Value:
    """A text "True" or "False" as what it says; anything else as it is."""
    words = {"true": True, "false": False}
    return words.get(value.strip().lower(), value) if isinstance(value, str) else value


def _is_text(value: Value) -> bool:
    return isinstance(value, str) or getattr(value, "dtype", None) == np.object_


def _is_mask(value: Value) -> bool:
    return getattr(value, "dtype", None) == np.bool_


def _listing(names: pd.Index) -> str:
    shown = [str(name) for name in names[:SHOWN_NAMES]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def split_rows(frame: pd.DataFrame, hold_out: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split a table into the rows to fit and the rows held out.

    Returns the rows to fit, and the rows held out, both with their old labels.

    Raises UserError if the condition is wrong or leaves nothing on one side.

    `frame`: one row a run; `hold_out`: condition that picks the rows held out, e.g.
    ``"N > 3e5"``.

    >>> runs = pd.DataFrame({"N": [10, 20, 40]})
    >>> fitted, held_out = split_rows(runs, "N > 25")
    >>> len(fitted), len(held_out)
    (2, 1)
    """
    condition = parse_condition(hold_out)
    held = condition.mask(frame)
    for empty, what, cure in (
        (not held.any(), "holds out none", "loosen it"),
        (held.all(), "holds out all", "tighten it, so that some are left to fit"),
    ):
        if empty:
            raise UserError(
                f"The hold-out rule {condition.text!r} {what} of the {len(frame)} "
                f"rows; {cure}."
            )
    return frame[~held], frame[held]
