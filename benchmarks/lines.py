"""Lines of the model, the quantizers and the step before and after the compiled step.

    python -m benchmarks.lines

Counts in the commit before "One plain step, compiled" and in the present tree; lines of
code are those that are neither blank, comment nor docstring. `tuning` and `rate_fit`,
which train nothing, and files without code are left out.
"""

from __future__ import annotations

import ast
import io
import subprocess
import tokenize

from benchmarks import page

BEFORE, NOW = "825bf6a", "HEAD"
FILES = {
    "model": "config transformer attention kernels",
    "rounding": "quantizer hadamard lane_integer scales scale_choice",
    "training": "config trainer optimize step state data record compiling replay "
    "share devices",
}
SILENT = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT)


def code_lines(text: str) -> int:
    """Lines with code on them."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    found: set[int] = set()
    for token in tokens:
        if token.type not in (*SILENT, tokenize.DEDENT, tokenize.ENDMARKER):
            found.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found -= set(range(node.lineno, (node.end_lineno or 0) + 1))
    return len(found)


def count(commit: str, room: str) -> tuple[int, int]:
    """Lines, and lines of code, of a room's files."""
    lines = code = 0
    for name in FILES[room].split():
        where = f"{commit}:precision_lib/{room}/{name}.py"
        shown = subprocess.run(["git", "show", where], capture_output=True, text=True)
        if shown.returncode == 0:  # not every file is in both
            lines += shown.stdout.count("\n")
            code += code_lines(shown.stdout)
    return lines, code


def main() -> None:
    """Put the table into the page."""
    rows = [[room, *count(BEFORE, room), *count(NOW, room)] for room in FILES]
    rows.append(["all", *(sum(row[i] for row in rows) for i in range(1, 5))])
    heads = ["room", "lines before", "of code", "lines now", "of code"]
    page.put("lines", page.table(heads, [[str(x) for x in row] for row in rows]))


if __name__ == "__main__":
    main()
