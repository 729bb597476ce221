"""Tables of the scorecard and lists of chapters, in a small book of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from precision_lib.decide.paper import PAPER_RANGES
from precision_lib.findings.scorecard import VERDICTS, entry
from tools.steps import ROOT

EXTENSIONS = ["reading", "reading_paths", "scorecard_table"]
CONF = f"""
import sys
sys.path.insert(0, {str(ROOT / "book" / "_ext")!r})
extensions = ["myst_nb", *{EXTENSIONS!r}]
nb_execution_mode = "off"
numfig = True
numfig_format = {{"figure": "Fig. %s"}}
source_suffix = [".md", ".ipynb"]
"""
Pages = dict[str, Any]
INDEX = """# Book

```{scorecard-table}
:form: compact
```
```{scale-table}
```
```{chapter-list} 03-05, 26
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
"""
FIGURE = """# A chapter

```{figure} picture.svg
:name: fig-turn
A caption.
```

## A heading
"""
CARD = [
    (entry("F1", "gamma_D", 0.61, (0.5, 0.7), 99, "agree", paper=0.507), "04"),
    (entry("F1", "gamma_N", 0.1, (-0.1, 0.3), 99, "not at this scale"), "04"),
    (entry("F1", "bits", 0.6, (0.5, 0.7), 99, "agree", section="a-heading"), "04"),
    (
        entry("F1b", "sizes that turn", 3, (2, 4), 40, "partly", section="fig-turn"),
        "04",
    ),
]


def build(folder: Path, card: pd.DataFrame) -> Pages:
    """Pages of the small book with this scorecard."""
    (folder / "data" / "short").mkdir(parents=True)
    (folder / "notebooks").mkdir()
    for name in ("findings.csv", "short/runs.csv", "short/ptq.csv"):
        (folder / "data" / name).write_bytes((ROOT / "data" / name).read_bytes())
    card.to_csv(folder / "data" / "scorecard.csv", index=False)
    (folder / "conf.py").write_text(CONF)
    (folder / "index.md").write_text(INDEX)
    (folder / "full.md").write_text(FULL)
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    (folder / "notebooks" / "picture.svg").write_text(svg)
    texts = {"03_base_law": "# The base law\n\n" + "word " * 450}
    texts["04_ptq_degradation"] = FIGURE
    for stem, text in texts.items():
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "P"}
        if stem.startswith("03"):
            notebook.metadata["papermill"] = {"duration": 61.4}
        nbformat.write(notebook, folder / "notebooks" / f"{stem}.ipynb")
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "-q", "-b", "html"]
    command += [str(folder), str(folder / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names = ("index", "full")
    files = {name: folder / "out" / f"{name}.html" for name in names}
    return {
        name: BeautifulSoup(path.read_text(), "html.parser")
        for name, path in files.items()
    }


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """A scorecard of four quantities."""
    stems = {"04": "04_ptq_degradation"}
    rows = [vars(one) | {"chapter": stems[chapter]} for one, chapter in CARD]
    return build(tmp_path_factory.mktemp("book"), pd.DataFrame(rows))


def rows(page: Any, name: str) -> list[Any]:
    return list(page.select(f"table.{name} tbody tr"))


@pytest.mark.slow
def test_the_compact_table_has_a_row_a_finding(
    pages: Pages,
) -> None:
    findings = pd.read_csv(ROOT / "data" / "findings.csv", dtype=str)
    found = rows(pages["index"], "scorecard")
    assert len(found) == len(findings)
    said = {
        row["id"]: [cell.get_text(" ", strip=True) for cell in tr.find_all("td")]
        for row, tr in zip(findings.to_dict("records"), found, strict=True)
    }
    assert said["F1"][1] == "agree 2 not at this scale 1"
    assert said["F1b"][1] == "partly"
    assert said["F4"][1] == "no verdict yet"


def test_a_claim_links_to_its_chapter_and_a_verdict_to_its_numbers(
    pages: Pages,
) -> None:
    by_place = rows(pages["index"], "scorecard")
    claim, verdict = by_place[2].find_all("td")  # F1b
    assert claim.a["href"] == "notebooks/04_ptq_degradation.html"
    assert verdict.a["href"] == "full.html#finding-f1b"
    assert pages["full"].find(id="finding-f1b") is not None
    assert verdict.select_one(".verdict-partly").text == "partly"
    assert by_place[-1].find("td").a is None  # its chapter is not in this book


def test_verdicts_are_counted_not_typed(pages: Pages) -> None:
    said = pages["index"].select_one("p.verdict-counts").get_text()
    n = len(pd.read_csv(ROOT / "data" / "findings.csv"))
    assert said.startswith(f"2 of {n} findings have a verdict")
    assert "2 agree, 1 partly, 1 not at this scale." in said


def test_the_full_table_has_every_number(pages: Pages) -> None:
    box = pages["full"].find(id="finding-f1")
    texts = [tr.get_text("|", strip=True) for tr in box.select("tbody tr")]
    assert texts[0] == "gamma_D|agree|0.61 (0.5 to 0.7)|0.507|99|chapter"
    assert len(texts) == 3
    last = box.select("tbody tr")[-1].find_all("td")[-1]
    assert last.a["href"] == "notebooks/04_ptq_degradation.html#a-heading"
    turn = pages["full"].select_one("[id=finding-f1b] tbody tr")
    assert turn.find_all("td")[-1].get_text() == "Fig. 1"
    address = turn.find_all("td")[-1].a["href"]
    assert address == "notebooks/04_ptq_degradation.html#fig-turn"
    later = pages["full"].find(id="finding-f4")
    assert "No verdict yet." in later.get_text() and later.table is None


def test_the_sizes_are_those_of_the_tables(pages: Pages) -> None:
    runs = pd.read_csv(ROOT / "data" / "short" / "runs.csv").query(
        "status == 'finished'"
    )
    said = {
        tr.find("td").text: [td.text for td in tr.find_all("td")[1:]]
        for tr in rows(pages["index"], "scale")
    }
    ours, theirs = said["Parameters without embeddings, N"]
    assert ours.startswith(f"{runs['N'].min() / 1e3:.3g} thousand to ")
    assert theirs == "30 million to 220 million"
    assert PAPER_RANGES["N"] == (30e6, 220e6)
    assert said["Finished training runs"] == [f"{len(runs):,}", "465"]
    widths = sorted(set(runs["weight_bits"]) - {32})
    assert said["Bits of weights in training"][0] == ", ".join(map(str, widths))


def test_a_list_of_chapters_leaves_out_those_to_come(
    pages: Pages,
) -> None:
    items = pages["index"].select("ul.chapters li")
    assert [item.get_text(strip=True) for item in items] == [
        "The base law(3 min to read, 61 seconds to run)",
        "A chapter(1 min to read)",
    ]
    assert items[0].a["href"] == "notebooks/03_base_law.html"
    assert "4 minutes of reading in all." in pages["index"].get_text()


@pytest.mark.slow
def test_an_empty_scorecard_says_so(tmp_path: Path) -> None:
    columns = [*vars(CARD[0][0]), "chapter"]
    pages = build(tmp_path / "book", pd.DataFrame(columns=columns))
    said = pages["index"].select_one("p.verdict-counts").get_text()
    assert said.startswith("0 of ") and said.endswith("none yet.")
    assert not pages["full"].select("table.scorecard-full")


def test_every_verdict_has_a_look() -> None:
    sheet = (ROOT / "book" / "_static" / "book.css").read_text(encoding="utf-8")
    for verdict in VERDICTS:
        assert f".verdict-{verdict.replace(' ', '-')}" in sheet
