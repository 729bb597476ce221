"""The scorecard as tables, and how our runs compare in size with the paper's.

Nothing is typed: verdicts, numbers and claims come from the tables in ``data/`` when
the page is built.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from precision_lib.decide.paper import PAPER_RANGES, RUNS
from precision_lib.findings.scorecard import VERDICTS, chip_classes, in_words
from precision_lib.findings.twins import PARTS
from precision_lib.formats import HIGH_PRECISION_BITS

log = logging.getLogger(__name__)
Row = dict[Hashable, Any]
FORMS = ("compact", "full")
FULL = ("Quantity", "Verdict", "Our runs (95%)", "The paper", "Runs", "Shown in")
SCALE = {
    "N": "Parameters without embeddings, N",
    "D": "Training tokens, D",
    "D/N": "Tokens per parameter, D/N",
    "weights": "Bits of weights in training",
    "activations": "Bits of activations in training",
    "kv": "Bits of the KV cache in training",
    "post": "Bits after rounding the weights",
    "runs": "Finished training runs",
}


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("scorecard-table", ScorecardTable)
    app.add_directive("scale-table", ScaleTable)
    app.add_node(heading_link)
    app.connect("doctree-resolved", resolve_headings)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class heading_link(nodes.Inline, nodes.TextElement):  # type: ignore[misc]
    """Stands for a link to a heading until the page that has it is read."""


def resolve_headings(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Turn each into a link; one whose heading is not there is a warning."""
    for place in list(doctree.findall(heading_link)):
        page, heading = place["page"], place["heading"]
        known = app.env.get_doctree(page).findall(nodes.section)
        if not any(heading in section["ids"] for section in known):
            log.warning("the scorecard names '%s', no heading of %s", heading, page)
        address = f"{app.builder.get_relative_uri(name, page)}#{heading}"
        link = nodes.reference("", "", internal=True, refuri=address)
        link += nodes.inline("", "section")
        place.replace_self(link)


class DataDirective(SphinxDirective):
    """A directive that is made from tables of the book's ``data`` folder."""

    def read(self, name: str) -> pd.DataFrame:
        """A table, on which the page then depends."""
        path = Path(self.env.srcdir) / "data" / name
        self.env.note_dependency(str(path))
        return pd.read_csv(path, dtype={"id": str, "finding": str}, low_memory=False)

    def chapter(self, stem: str, text: str) -> nodes.Node:
        """A link to a chapter, or the bare text while it is not written."""
        if f"notebooks/{stem}" not in self.env.found_docs:
            return nodes.Text(text)
        return reference("doc", f"/notebooks/{stem}", text)


class ScorecardTable(DataDirective):
    """A row a finding with its verdicts, or all quantities of each finding."""

    option_spec = {"form": lambda text: directives.choice(text, FORMS)}

    def run(self) -> list[nodes.Node]:
        """The table or tables, after a sentence that counts the verdicts."""
        findings = self.read("findings.csv").to_dict("records")
        card = self.read("scorecard.csv")
        if self.options.get("form", "compact") == "full":
            return [self.quantities(one, card) for one in findings]
        rows = [self.summary(one, card) for one in findings]
        return [
            nodes.paragraph("", counted(findings, card), classes=["verdict-counts"]),
            table(("What the paper says, or we ask", "Our runs"), rows, "scorecard"),
        ]

    def summary(self, finding: Row, card: pd.DataFrame) -> list[list[nodes.Node]]:
        """The claim, linked to its chapter, and how often each verdict was reached."""
        name = finding["id"]
        claim = self.chapter(finding["chapter"], finding["short"])
        counts = card.loc[card["finding"] == name, "verdict"].value_counts()
        chips: list[nodes.Node] = []
        for verdict in VERDICTS:
            if times := counts.get(verdict, 0):
                text = verdict if len(counts) == 1 else f"{verdict} {times}"
                link = reference("ref", f"finding-{name}".lower(), text)
                chip = nodes.inline("", "", link, classes=chip_classes(verdict))
                chips += [chip, nodes.Text(" ")]
        return [[claim], chips[:-1] or [nodes.Text("no verdict yet")]]

    def quantities(self, finding: Row, card: pd.DataFrame) -> nodes.Node:
        """The claim of a finding, and a table of all that was measured for it."""
        box = nodes.container(classes=["finding"])
        box["names"].append(f"finding-{finding['id']}".lower())
        self.state.document.note_explicit_target(box)
        claim = nodes.paragraph("", "", nodes.strong("", finding["id"]))
        claim += [nodes.Text(f"  {finding['claim']} ({finding['source']}; "),
                  self.chapter(finding["chapter"], "chapter"),
                  nodes.Text(").")]  # fmt: skip
        box += claim
        mine = card[card["finding"] == finding["id"]]
        if mine.empty:
            box += nodes.paragraph("", "No verdict yet.")
            return box
        words = in_words(mine).to_dict("records")
        rows = [
            self.quantity(said, row)
            for said, row in zip(words, mine.to_dict("records"), strict=True)
        ]
        box += table(FULL, rows, "scorecard-full")
        return box

    def quantity(self, said: Row, row: Row) -> list[list[nodes.Node]]:
        """One row: numbers in words, the verdict, the figure that shows it."""
        numbers = [said[name] for name in ("our runs (95%)", "the paper", "runs")]
        verdict = nodes.inline("", row["verdict"], classes=chip_classes(row["verdict"]))
        label = row["section"]
        if not isinstance(label, str):
            where = self.chapter(row["chapter"], "chapter")
        elif label.startswith("fig-"):
            where = reference("numref", label)
        else:
            page = f"notebooks/{row['chapter']}"
            where = heading_link(page=page, heading=label)
        cells: list[nodes.Node] = [nodes.Text(said["quantity"]), verdict]
        cells += [nodes.Text(str(number)) for number in numbers]
        return [[cell] for cell in [*cells, where]]


class ScaleTable(DataDirective):
    """The ranges of our runs beside those of the paper's."""

    def run(self) -> list[nodes.Node]:
        """A row for each thing that a law is a function of."""
        runs = self.read("short/runs.csv").query("status == 'finished'")
        ours = ranges(runs, self.read("short/ptq.csv"))
        rows = [
            [[nodes.Text(text)] for text in (SCALE[key], ours[key], paper_range(key))]
            for key in SCALE
        ]
        return [table(("Quantity", "Our runs", "The paper's"), rows, "scale")]


def ranges(runs: pd.DataFrame, ptq: pd.DataFrame) -> dict[str, str]:
    """What the finished runs cover, in words."""
    spans = {"N": runs["N"], "D": runs["D"], "D/N": runs["D"] / runs["N"]}
    said = {name: span(each.min(), each.max()) for name, each in spans.items()}
    for part, column in PARTS.items():
        low = runs.loc[runs[column] < HIGH_PRECISION_BITS, column]
        said[part] = listed(low)
    return {**said, "post": listed(ptq["post_bits"]), "runs": f"{len(runs):,}"}


def paper_range(key: str) -> str:
    """What the paper's runs cover, where it says so."""
    if key == "runs":
        return f"{RUNS:,}"
    column = PARTS.get(key, key)
    return span(*PAPER_RANGES[column]) if column in PAPER_RANGES else "–"


def span(low: float, high: float) -> str:
    """Two ends with three digits, in thousands, millions and so on."""
    return f"{short(low)} to {short(high)}"


def short(number: float) -> str:
    """A number with at most three digits and a word for its size."""
    for size, word in ((1e9, " billion"), (1e6, " million"), (1e3, " thousand")):
        if number >= size:
            return f"{number / size:.3g}{word}"
    return f"{number:.3g}"


def listed(bits: pd.Series) -> str:
    """Widths as a list, or none."""
    return ", ".join(f"{each:g}" for each in sorted(set(bits))) or "none"


def counted(findings: list[Row], card: pd.DataFrame) -> str:
    """A sentence on how many verdicts there are of each kind."""
    judged = card["finding"].nunique()
    counts = card["verdict"].value_counts()
    words = [f"{counts[one]} {one}" for one in VERDICTS if one in counts]
    kinds = ", ".join(words) or "none yet"
    return (
        f"{judged} of {len(findings)} findings have a verdict; verdicts on single "
        f"quantities: {kinds}."
    )


def reference(kind: str, target: str, text: str = "") -> addnodes.pending_xref:
    """A cross-reference that Sphinx resolves and complains of when it can not."""
    link = addnodes.pending_xref(
        "",
        refdomain="std",
        reftype=kind,
        reftarget=target,
        refexplicit=bool(text),
        refwarn=True,
    )
    link += nodes.inline("", text or target)
    return link


def table(
    head: Iterable[str], rows: list[list[list[nodes.Node]]], name: str
) -> nodes.table:
    """A table of cells that are lists of nodes."""
    heads = [[nodes.Text(text)] for text in head]
    group = nodes.tgroup(cols=len(heads))
    group += [nodes.colspec(colwidth=1) for _ in heads]
    group += nodes.thead("", row_of(heads))
    group += nodes.tbody("", *map(row_of, rows))
    return nodes.table("", group, classes=[name])


def row_of(cells: list[list[nodes.Node]]) -> nodes.row:
    """One row."""
    return nodes.row(
        "", *(nodes.entry("", nodes.paragraph("", "", *each)) for each in cells)
    )
