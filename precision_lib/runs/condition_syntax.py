"""Which condition texts are allowed: the grammar behind :mod:`.conditions`.

The text is parsed with :mod:`ast` and every node is checked against a short
list: names, numbers, quoted text, arithmetic, comparisons, and, or, not.
"""

from __future__ import annotations

import ast
import math

from precision_lib.errors import UserError

MAX_LENGTH = 2000
MAX_DEPTH = 60
ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Mod, ast.Pow)
HELP = (
    'write comparisons of columns and numbers such as "N > 3e5 and D/N > 200", '
    "joined by and, or, not"
)


def checked_tree(text: str) -> tuple[ast.expr, tuple[str, ...]]:
    """Parse a condition and refuse whatever is not in the language.

    Raises UserError if the text is too long, not understood, names no column, or holds
    anything outside the language, with that part named.

    Returns the tree, only of nodes of the language, and the columns that it reads, in
    alphabetical order.

    >>> checked_tree("D/N > 200")[1]
    ('D', 'N')
    """
    shown = repr(" ".join(text.split())[:76])
    if len(text) > MAX_LENGTH:
        raise UserError(f"A condition has at most {MAX_LENGTH} characters; shorten it.")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UserError(f"Condition {shown} is not understood; {HELP}.") from None
    names: set[str] = set()
    _check(tree, shown, names, 0)
    if not names:
        raise UserError(f"Condition {shown} names no column; {HELP}.")
    return tree, tuple(sorted(names))


def _check(node: ast.AST, shown: str, names: set[str], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise UserError(f"Condition {shown} is nested too deeply; split it up.")
    fault = _fault(node)
    if fault:
        raise UserError(f"Condition {shown}: {fault} is not allowed; {HELP}.")
    if isinstance(node, ast.Name):
        names.add(node.id)
    for child in _children(node):
        _check(child, shown, names, depth + 1)


def _children(node: ast.AST) -> list[ast.AST]:
    if isinstance(node, ast.Compare):
        children: list[ast.AST] = [node.left]
        for test, right in zip(node.ops, node.comparators, strict=True):
            is_list = isinstance(test, ast.In | ast.NotIn)
            children += right.elts if is_list else [right]  # type: ignore[attr-defined]
        return children
    return [c for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr)]


def _fault(node: ast.AST) -> str:
    """Name what a node does that the language has no place for; empty if fine."""
    if isinstance(node, ast.Name | ast.BoolOp):
        return ""
    if isinstance(node, ast.Constant):
        return _constant_fault(node.value)
    if isinstance(node, ast.UnaryOp):
        return "the operator ~" if isinstance(node.op, ast.Invert) else ""
    if isinstance(node, ast.BinOp):
        known = isinstance(node.op, ARITHMETIC)
        return "" if known else f"the operator in {ast.unparse(node)!r}"
    if isinstance(node, ast.Compare):
        return _compare_fault(node)
    kinds = {ast.Call: "a call", ast.Attribute: "a dot", ast.Subscript: "an index"}
    kind = kinds.get(type(node))
    return kind or f"a {type(node).__name__.lower()}"


def _constant_fault(value: object) -> str:
    if isinstance(value, str):
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"the constant {value!r}"
    try:
        return "" if math.isfinite(float(value)) else "an infinite number"
    except OverflowError:
        return "a number that large"


def _compare_fault(node: ast.Compare) -> str:
    for test, right in zip(node.ops, node.comparators, strict=True):
        if isinstance(test, ast.Is | ast.IsNot):
            return "'is' (write ==)"
        if isinstance(test, ast.In | ast.NotIn) and not (
            isinstance(right, ast.List | ast.Tuple) and right.elts
        ):
            return "'in' without a list such as [3, 4]"
    return ""
