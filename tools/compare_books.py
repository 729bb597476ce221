"""Say where two books differ in what a reader sees: words, numbers, tables, figures.

    python -m tools.compare_books OLD NEW               all that is there
    python -m tools.compare_books OLD NEW --only 05     one chapter, by its start

Either is a folder of executed notebooks or of built pages. Code is not compared, nor is
how a number came to its place: the prose of a notebook is read with its numbers filled
in, as the page shows it.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import re
from ast import literal_eval
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup

GLUED = "application/papermill.record/text/plain"
SLOT = re.compile(r"\{glue:text\}`([^:`]+)(?::([^`]*))?`")
UNSEEN = {"remove-cell", "remove-output"}
FIGURES = ("image/svg+xml", "image/png")


def main(arguments: list[str] | None = None) -> int:
    """Print what differs; 1 if anything does."""
    parser = argparse.ArgumentParser(prog="tools.compare_books", description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--only", default="", help="start of a file's name: 05")
    options = parser.parse_args(arguments)
    names = {
        path.relative_to(folder).as_posix()
        for folder in (options.old, options.new)
        for path in [*folder.rglob("*.ipynb"), *folder.rglob("*.html")]
        if path.name.startswith(options.only)
        and not path.stem.endswith(".part")
        and "_static" not in path.parts
    }
    if not names:
        print(f"no notebook or page to compare in {options.old} and {options.new}.")
        return 2
    changed = 0
    for name in sorted(names):
        if found := differences(options.old / name, options.new / name):
            changed += 1
            print(name, *found, sep="\n  ")
    print(f"{len(names)} compared, {changed} differ.")
    return 1 if changed else 0


def differences(old: Path, new: Path) -> list[str]:
    """Lines of one page that the other has not, as `diff` marks them."""
    for path, other in ((old, new), (new, old)):
        if not path.exists():
            return [f"only in {other.parent}"]
    return list(difflib.unified_diff(lines(old), lines(new), lineterm="", n=0))[2:]


def lines(path: Path) -> list[str]:
    """What a reader sees of a page or of an executed notebook."""
    text = path.read_text(encoding="utf-8")
    seen = of_page(text) if path.suffix == ".html" else of_notebook(json.loads(text))
    return [line.rstrip() for block in seen for line in block.splitlines()]


def of_page(text: str) -> Iterator[str]:
    """Words of the article of a page, without its code."""
    soup = BeautifulSoup(text, "html.parser")
    article = soup.find("article") or soup
    for code in article.select("div.cell_input, details.hide"):
        code.decompose()
    yield from article.stripped_strings
    for image in article.find_all("img"):
        yield f"image: {image.get('alt', '')}"


def of_notebook(notebook: dict[str, Any]) -> Iterator[str]:
    """Prose with its numbers, outputs, captions and digests of figures."""
    facts = glued(notebook)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            yield SLOT.sub(lambda slot: in_prose(facts, *slot.groups()), text_of(cell))
        elif not UNSEEN.intersection(cell["metadata"].get("tags", [])):
            figure = cell["metadata"].get("mystnb", {})
            yield from (json.dumps(figure[key]) for key in sorted(figure))
            yield from map(of_output, cell["outputs"])


def text_of(cell: dict[str, Any]) -> str:
    """Source of a cell, which a file may keep in lines."""
    return "".join(cell["source"])


def glued(notebook: dict[str, Any]) -> dict[str, Any]:
    """The facts that the code handed to the prose."""
    return {
        output["metadata"]["scrapbook"]["name"]: literal_eval(
            "".join(output["data"][GLUED])
        )
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if "scrapbook" in output.get("metadata", {})
    }


def in_prose(facts: dict[str, Any], name: str, form: str | None) -> str:
    """A fact as the prose shows it; a name that nothing was handed for stands out."""
    if name not in facts:
        return f"(no fact {name})"
    return format(facts[name], form or "")


def of_output(output: dict[str, Any]) -> str:
    """What a cell shows below it; a figure as a digest of its bytes."""
    if "scrapbook" in output.get("metadata", {}):
        return ""
    if output["output_type"] == "stream":
        return "".join(output["text"])
    if output["output_type"] == "error":
        return f"{output['ename']}: {output['evalue']}"
    data = {kind: "".join(map(str, value)) for kind, value in output["data"].items()}
    for kind in FIGURES:
        if kind in data:
            return f"figure {hashlib.sha256(data[kind].encode()).hexdigest()[:12]}"
    return data.get("text/plain", "")


if __name__ == "__main__":
    raise SystemExit(main())
