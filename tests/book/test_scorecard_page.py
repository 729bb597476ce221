"""Tables of the scorecard and lists of chapters, in a small book of their own."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from precision_lib.decide.paper import PAPER_RANGES
from precision_lib.findings.outcomes import COLUMNS, with_letters
from precision_lib.findings.preregistration import WORDS, preregistered
from tools.steps import ROOT

EXTENSIONS = ["reading", "reading_paths", "scorecard_table"]
CONF = f"""
import sys
sys.path.insert(0, {str(ROOT / "book" / "_ext")!r})
extensions = ["myst_nb", *{EXTENSIONS!r}]
nb_execution_mode = "off"
numfig = True
smartquotes = False
numfig_format = {{"figure": "Fig. %s"}}
source_suffix = [".md", ".ipynb"]
"""
Pages = dict[str, Any]
INDEX = """# Book

A power of {finding}`delta-grows`.

```{scorecard-table}
:form: compact
```
```{scale-table}
```
```{chapter-list} 03-04
```
```{toctree}
full
notebooks/03_base_law
notebooks/04_ptq_degradation
```
"""
FULL = """# Scorecard

```{scorecard-table}
:form: full
```
```{rivals-table}
```
"""
CHAPTER = """# A chapter

```{finding-words}
```

```{finding-words} additivity
```
"""
LEFT = {"complete": False, "runs": "base 36 of 75, bits 0 of 64", "hours": 4.2}
DONE = {"complete": True, "runs": "base 75 of 75", "hours": 0.0}
EFFECT = {"estimate": 0.61, "low": 0.5, "high": 0.7, "units": 12}
ROWS = {
    "delta-grows": DONE | EFFECT | {"word": "supports"},
    "turn": LEFT | EFFECT | {"word": "contradicts"},
    "breakage": DONE | EFFECT | {"word": "undecided"},
}
NONE = LEFT | {"missing": "no run has 7,000,000 tokens."}


def sphinx(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the book of this folder strictly."""
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "-q", "-b", "html"]
    command += [str(folder), str(folder / "out")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def build(folder: Path) -> Pages:
    """Pages of the small book with these words."""
    rows = [{"id": name} | ROWS.get(name, NONE) for name in preregistered()]
    (folder / "data").mkdir(parents=True)
    (folder / "notebooks").mkdir()
    for name in ("findings.csv", "rivals.csv", "runs.csv", "ptq.csv"):
        (folder / "data" / name).write_bytes((ROOT / "data" / name).read_bytes())
    table = pd.DataFrame(rows, columns=COLUMNS)
    table.to_csv(folder / "data" / "outcomes.csv", index=False)
    (folder / "conf.py").write_text(CONF)
    (folder / "index.md").write_text(INDEX)
    (folder / "full.md").write_text(FULL)
    texts = {"03_base_law": "# The base law\n\n" + "word " * 450}
    texts["04_ptq_degradation"] = CHAPTER
    for stem, text in texts.items():
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "P"}
        if stem.startswith("03"):
            notebook.metadata["papermill"] = {"duration": 61.4}
        nbformat.write(notebook, folder / "notebooks" / f"{stem}.ipynb")
    done = sphinx(folder)
    assert done.returncode == 0, done.stderr
    names = ("index", "full", "notebooks/04_ptq_degradation")
    files = {name: folder / "out" / f"{name}.html" for name in names}
    return {
        name: BeautifulSoup(path.read_text(), "html.parser")
        for name, path in files.items()
    }


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    return build(tmp_path_factory.mktemp("book"))


def rows(page: Any, name: str) -> dict[str, list[str]]:
    """The texts of the cells of each row of a table, by its first cell."""
    lines = [
        [cell.get_text(" ", strip=True) for cell in line.find_all("td")]
        for line in page.select(f"table.{name} tbody tr")
    ]
    return {line[0]: line[1:] for line in lines}


@pytest.mark.slow
def test_the_compact_table_has_a_row_a_finding_and_one_word(pages: Pages) -> None:
    said = rows(pages["index"], "scorecard")
    assert list(said) == [one.short for one in preregistered().values()]
    words = {name: said[one.short] for name, one in preregistered().items()}
    assert words["delta-grows"] == ["The paper", "supports"]
    assert words["turn"] == ["The paper", "contradicts so far"]
    assert words["tied-3-below-sum"] == ["Our forecast", "not run"]


def test_a_claim_links_to_its_chapter_and_a_word_to_its_numbers(pages: Pages) -> None:
    lines = pages["index"].select("table.scorecard tbody tr")
    place = list(preregistered()).index("turn")
    claim, _, word = lines[place].find_all("td")
    assert claim.a["href"] == "notebooks/04_ptq_degradation.html"
    assert word.a["href"] == "full.html#finding-turn"
    assert word.select_one(".word-contradicts").text == "contradicts"
    assert pages["full"].find(id="finding-turn").name == "tr"
    assert lines[-1].find("td").a is None  # its chapter is not in this book


def test_estimand_and_margins_are_those_of_the_preregistration(pages: Pages) -> None:
    for name, finding in preregistered().items():
        line = pages["full"].find(id=f"finding-{name}").get_text(" ", strip=True)
        line = re.sub(r"\s+", " ", line)
        for text in (finding.claim, finding.whose, finding.estimand):
            assert with_letters(re.sub(r"\s+", " ", text.strip())) in line
        for end in (*finding.supports, *sum(finding.contradicts, ())):
            assert math.isinf(end) or f"{end:g}" in finding.decided_by()
        assert finding.decided_by() in line


def test_the_full_table_says_what_came_out_and_what_would_decide(pages: Pages) -> None:
    cells = {
        name: pages["full"].find(id=f"finding-{name}").find_all("td")[2]
        for name in preregistered()
    }
    cells = {name: cell.get_text(" ", strip=True) for name, cell in cells.items()}
    unit = "a model, that is N and seed"
    assert (
        cells["delta-grows"] == f"supports 0.61 (0.50 to 0.70) from 12 units ({unit})"
    )
    assert "contradicts so far 0.61 (0.50 to 0.70)" in cells["turn"]
    left = "Not run: 0 of 64 runs of bits. In the table: base 36 of 75. "
    left += "About 4.2 core-hours are left."
    assert cells["turn"].endswith(left)
    assert "units in place of 12 would decide" in cells["breakage"]
    none = f"{left} Until then: no run has 7,000,000 tokens."
    assert cells["additivity"] == f"not run {none}"


def test_a_chapter_shows_the_words_of_its_findings(pages: Pages) -> None:
    tables = pages["notebooks/04_ptq_degradation"].select("table.finding-words")
    links = [[a["href"] for a in table.select("td .word a")] for table in tables]
    assert links[1] == ["../full.html#finding-additivity"]
    mine = [n for n, one in preregistered().items() if {"F1", "F1b"} & {*one.rows}]
    assert links[0] == [f"../full.html#finding-{name}" for name in mine]
    assert "0.61 (0.50 to 0.70)" in tables[0].get_text(" ")
    measured = [cell.get_text() for cell in tables[0].select(".measure")]
    assert len(measured) == len(mine)
    assert all("Supports: 9" in text for text in measured)
    waits = tables[1].get_text(" ", strip=True)
    assert " not run Exponent in D" in waits
    assert waits.endswith("base 36 of 75, bits 0 of 64")


@pytest.mark.slow
def test_a_sentence_quotes_the_number_of_a_finding(pages: Pages) -> None:
    [link] = pages["index"].find_all("a", href="full.html#finding-delta-grows")[:1]
    assert link.parent.get_text() == "A power of 0.61 (0.50 to 0.70)."


def test_the_sizes_are_those_of_the_tables(pages: Pages) -> None:
    runs = pd.read_csv(ROOT / "data" / "runs.csv", low_memory=False)
    runs = runs[runs["status"] == "finished"]
    said = rows(pages["index"], "scale")
    ours, theirs = said["Parameters without embeddings, N"]
    assert ours.startswith(f"{runs['N'].min() / 1e3:.3g} thousand to ")
    assert theirs == "30 million to 220 million"
    assert PAPER_RANGES["N"] == (30e6, 220e6)
    assert said["Finished training runs"] == [f"{len(runs):,}", "465"]
    widths = sorted(set(runs["weight_bits"]) - {32})
    assert said["Bits of weights in training"][0] == ", ".join(map(str, widths))


def test_a_list_of_chapters_has_titles_and_minutes(
    pages: Pages,
) -> None:
    items = pages["index"].select("ul.chapters li")
    assert [item.get_text(strip=True) for item in items] == [
        "The base law(3 min to read, 61 seconds to run)",
        "A chapter(3 min to read)",
    ]
    assert items[0].a["href"] == "notebooks/03_base_law.html"
    assert "6 minutes of reading in all." in pages["index"].get_text()


def test_every_word_has_a_look() -> None:
    sheet = (ROOT / "book" / "_static" / "book.css").read_text(encoding="utf-8")
    for word in (*WORDS, "none"):
        assert f".word-{word} " in sheet


@pytest.mark.slow
def test_a_list_with_a_chapter_that_is_not_there_stops_the_build(
    tmp_path: Path,
) -> None:
    """Chapters are numbered anew now and then, and lists must follow."""
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.md").write_text("# Book\n\n```{chapter-list} 29\n```\n")
    done = sphinx(tmp_path)
    assert done.returncode and "there is no chapter 29" in done.stderr


@pytest.mark.slow
def test_a_number_of_no_finding_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.md").write_text("# A\n\n{finding}`additivty`\n")
    (tmp_path / "data").symlink_to(ROOT / "data")
    done = sphinx(tmp_path)
    assert done.returncode
    assert "no finding is registered as 'additivty'" in done.stderr


@pytest.mark.slow
def test_later_work_has_a_word_or_the_runs_that_would_give_one(pages: Pages) -> None:
    claims = pd.read_csv(ROOT / "data" / "rivals.csv", dtype=str).fillna("")
    said = rows(pages["full"], "rivals")
    assert len(said) == len(claims) and any("2509.23500" in one for one in said)
    for line, claim in zip(said.values(), claims.to_dict("records"), strict=True):
        words = claim["findings"].split()
        given = re.findall("supports|contradicts|undecided|not run", line[0])
        assert len(given) == len(words)
        assert line[0].startswith("no word") == (not words)
        assert line[2] != "–"
