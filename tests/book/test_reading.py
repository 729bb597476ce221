"""Times to read and to run, links to launch, words with their meaning; small builds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup

from tests.book.conftest import SOURCES, read
from tools.steps import ROOT

CONF = """
import sys
sys.path.insert(0, {ext!r})
extensions = ["myst_nb", "reading"]
nb_execution_mode = "off"
book_repository = {repository!r}
source_suffix = [".md", ".ipynb"]
"""
GLOSSARY = """# Glossary

```{glossary}
bootstrap
  Fitting a law again, to "drawn" tables.

KV cache
  Keys and values of past tokens.
```
"""
CHAPTER = """# A chapter

The Bootstrap draws tables; the bootstrap is drawn once more. `bootstrap` is code,
[a bootstrap](https://example.org) a link, and bootstraps another word.
"""


Pages = dict[str, Any]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """A book of one chapter, with and without the address of a repository."""
    found: Pages = {}
    for label, repository in (("with", "https://github.com/a/b.git"), ("without", "")):
        folder = tmp_path_factory.mktemp(label)
        (folder / "book").mkdir()
        (folder / "notebooks").mkdir()
        (folder / "book" / "glossary.md").write_text(GLOSSARY)
        words = " ".join(["word"] * 450)
        cells = [
            nbformat.v4.new_markdown_cell(f"{CHAPTER}\n{words}\n\nThe KV cache."),
            nbformat.v4.new_code_cell("1 + 1\n" * 500),
        ]
        notebook = nbformat.v4.new_notebook(cells=cells)
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "P"}
        language = {"name": "python", "pygments_lexer": "python"}
        notebook.metadata["language_info"] = language
        notebook.metadata["papermill"] = {"duration": 61.4}
        nbformat.write(notebook, folder / "notebooks" / "01_one.ipynb")
        toc = "```{toctree}\nbook/glossary\nnotebooks/01_one\n```\n"
        (folder / "index.md").write_text(f"# Book\n\nA bootstrap.\n\n{toc}")
        ext = str(ROOT / "book" / "_ext")
        conf = CONF.format(ext=ext, repository=repository)
        (folder / "conf.py").write_text(conf)
        command = [
            sys.executable,
            "-m",
            "sphinx",
            "-W",
            "-q",
            "-b",
            "html",
            str(folder),
        ]
        done = subprocess.run(
            [*command, folder / "out"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        for path in ("index.html", "notebooks/01_one.html"):
            text = (folder / "out" / path).read_text()
            found[f"{label} {path}"] = BeautifulSoup(text, "html.parser")
    return found


@pytest.mark.slow
def test_a_chapter_says_its_times_and_where_to_launch_it(pages: Pages) -> None:
    line = pages["with notebooks/01_one.html"].select_one("h1 + p.times")
    assert line.text.startswith(
        "3 minutes to read · 61 seconds to run on the machine that made this page"
    )
    links = {a.text: a["href"] for a in line.find_all("a")}
    path = "notebooks/01_one.ipynb"
    assert links == {
        "Colab": f"https://colab.research.google.com/github/a/b/blob/colab/{path}",
        "Binder": f"https://mybinder.org/v2/gh/a/b/main?labpath={path}",
    }
    assert pages["with index.html"].select_one("p.times") is None


def test_without_an_address_nothing_links_out(pages: Pages) -> None:
    line = pages["without notebooks/01_one.html"].select_one("p.times")
    assert line.find("a") is None and "minutes to read" in line.text


def test_the_first_mention_of_a_term_shows_its_meaning(pages: Pages) -> None:
    page = pages["with notebooks/01_one.html"]
    links = page.select("a:has(> span.term)")
    assert [link.text for link in links] == ["Bootstrap", "KV cache"]
    assert links[0]["title"] == "Fitting a law again, to “drawn” tables."
    assert links[0]["href"] == "../book/glossary.html#term-bootstrap"
    assert pages["with index.html"].select_one("a > span.term").text == "bootstrap"


def test_terms_of_the_glossary_are_used_and_in_order() -> None:
    text = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^(\S.*)\n  \S", text.split("{glossary}")[1], re.MULTILINE)
    assert len(terms) > 15
    assert terms == sorted(terms, key=str.lower)
    prose = " ".join(
        "".join(cell.source)
        for path in SOURCES
        for cell in read(path).cells
        if cell.cell_type == "markdown"
    )
    prose += " ".join(p.read_text() for p in (ROOT / "book").glob("*.md")
                      if p.name != "glossary.md")  # fmt: skip
    used = [term for term in terms if term.lower() in prose.lower()]
    assert len(used) >= len(terms) / 2


def test_every_equation_on_its_own_line_has_a_number() -> None:
    for path in SOURCES:
        for cell in read(path).cells:
            if cell.cell_type == "markdown":
                for end in re.findall(r"^\$\$[^$]+\$\$(.*)$", cell.source, re.M):
                    assert re.fullmatch(r" \(eq-[\w-]+\)", end), f"{path.name}: {end}"
    for path in (ROOT / "book").glob("*.md"):
        text = path.read_text(encoding="utf-8")
        bodies = re.findall(r"```\{math\}\n(.*?)```", text, re.DOTALL)
        numbered = [body for body in bodies if body.startswith(":label: ")]
        # the page of symbols names the number that a chapter gave
        named = "{eq}`" in text and path.name == "symbols.md"
        assert len(numbered) == (0 if named else len(bodies)), path.name


def test_the_executed_copies_keep_their_times(tmp_path: Path) -> None:
    sys.path.insert(0, str(ROOT / "book" / "_ext"))
    try:
        import reading  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    path = tmp_path / "a.ipynb"
    assert reading.run_seconds(path) is None
    path.write_text(json.dumps({"metadata": {"papermill": {"duration": 130}}}))
    assert reading.in_words(reading.run_seconds(path)) == "2 minutes"
    path.write_text(json.dumps({"metadata": {}}))
    assert reading.run_seconds(path) is None
    for address in ("http://github.com/a/b", "https://example.org/a/b", "x"):
        assert reading.launch_links(address, "main", "colab", "a.ipynb") == []
