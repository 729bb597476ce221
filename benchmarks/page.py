"""Tables that a command puts into benchmarks/README.md."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parent / "README.md"


def put(name: str, text: str) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- end of name -->``."""
    between = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- end of {name} -->)", re.S)
    page, found = between.subn(lambda _: text.rstrip() + "\n", PAGE.read_text("utf-8"))
    if found != 1:
        raise SystemExit(f"{PAGE} has {found} places for {name}")
    PAGE.write_text(page, encoding="utf-8")


def table(heads: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
