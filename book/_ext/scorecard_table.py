"""The scorecard as tables, and how our runs compare in size with the paper's.

Nothing is typed: claims and margins come from the preregistration, words and numbers
from ``data/outcomes.csv``.
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
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective, SphinxRole

from precision_lib.decide.paper import PAPER_RANGES, RUNS
from precision_lib.findings.outcomes import (
    NO_EFFECT,
    chapters_of,
    effect,
    load_outcomes,
    standing,
    with_letters,
    would_decide,
)
from precision_lib.findings.preregistration import (
    WORDS as registered_words,
    Finding,
    preregistered,
)
from precision_lib.findings.twins import PARTS
from precision_lib.formats import HIGH_PRECISION_BITS

Row = dict[Hashable, Any]
FORMS = ("compact", "full")
FULL = ("Claim, and whose", "What is measured", "Our runs (95%), what would decide")
WORDS = ("Who says what", "Our runs", "What is measured, and the estimate (95%)")
RIVALS = ("Who claims what", "Our runs", "Where", "What would decide")
UNREGISTERED = "no word: not registered before the runs"
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
    app.add_directive("finding-words", FindingWords)
    app.add_directive("rivals-table", RivalsTable)
    app.add_directive("scale-table", ScaleTable)
    app.add_role("finding", FindingNumber())
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def outcome_rows(env: BuildEnvironment) -> dict[str, Row]:
    """The rows of the committed outcomes by finding, on which the page then depends."""
    path = Path(env.srcdir) / "data" / "outcomes.csv"
    env.note_dependency(str(path))
    return {row["id"]: row for row in load_outcomes(path).to_dict("records")}


class DataDirective(SphinxDirective):
    """A directive that is made from tables of the book's ``data`` folder."""

    def read(self, name: str) -> pd.DataFrame:
        """A table, on which the page then depends."""
        path = Path(self.env.srcdir) / "data" / name
        self.env.note_dependency(str(path))
        return pd.read_csv(
            path, dtype={"id": str, "finding": str, "arxiv": str}, low_memory=False
        )

    def chapter(self, stem: str, text: str = "") -> nodes.Node:
        """A link to a chapter, or the bare text while it is not written."""
        if f"notebooks/{stem}" not in self.env.found_docs:
            return nodes.Text(text or stem)
        return reference("doc", f"/notebooks/{stem}", text)


class ScorecardTable(DataDirective):
    """A row a finding, all or those named: claim and word, or all that led to it."""

    optional_arguments = 99
    option_spec = {"form": lambda text: directives.choice(text, FORMS)}

    def run(self) -> list[nodes.Node]:
        """The table."""
        form = self.options.get("form", "compact")
        pairs = self.outcomes(self.named())
        if form == "compact":
            rows = [
                [[self.claim(one, one.short)], [nodes.Text(one.by)], word(row)]
                for one, row in pairs
            ]
            return [table(("What is claimed", "By", "Our runs"), rows, "scorecard")]
        made = table(FULL, [self.full(*pair) for pair in pairs], "scorecard-full")
        lines = list(made.findall(nodes.row))[1:]
        for line, (finding, _) in zip(lines, pairs, strict=True):
            line["names"].append(f"finding-{finding.id}")
            self.state.document.note_explicit_target(line)
        return [made]

    def named(self) -> list[str]:
        """The findings that the directive names, or all."""
        if unknown := sorted(set(self.arguments) - set(preregistered())):
            raise self.error(f"no finding is registered as '{unknown[0]}'")
        return self.arguments or list(preregistered())

    def outcomes(self, ids: Iterable[str]) -> list[tuple[Finding, Row]]:
        """Findings with their rows of the committed table."""
        rows = outcome_rows(self.env)
        return [(preregistered()[name], rows[name]) for name in ids]

    def claim(self, finding: Finding, text: str) -> nodes.Node:
        """It, linked to the chapter that treats it at length."""
        return self.chapter(chapters_of(finding)[0], text)

    def full(self, finding: Finding, row: Row) -> list[list[nodes.Node]]:
        """Three cells: the claim, what is measured, what came out or would decide."""
        claim: list[nodes.Node] = [
            self.claim(finding, with_letters(finding.claim.strip()))
        ]
        claim += [nodes.Text(with_letters(f". {finding.whose.strip()}."))]
        for stem in chapters_of(finding)[1:]:
            claim += [nodes.Text(" Also: "), self.chapter(stem), nodes.Text(".")]
        out = [*word(row, link=False), nodes.Text(came_out(finding, row))]
        if left := would_decide(row):
            out += [nodes.inline("", "", nodes.Text(left), classes=["would-decide"])]
        return [claim, measure(finding), out]


class FindingWords(ScorecardTable):
    """The words of the findings of a chapter, or of those that are named."""

    option_spec = {}

    def run(self) -> list[nodes.Node]:
        """A row a finding, which leads to that of the scorecard."""
        stem = self.env.docname.rpartition("/")[2]
        mine = [n for n, one in preregistered().items() if stem in chapters_of(one)]
        ids = [n for n in self.named() if self.arguments or n in mine]
        if not ids:
            raise self.error(f"no registered finding is of the chapter {stem}")
        rows = []
        for one, row in self.outcomes(ids):
            who = with_letters(f"{one.claim.strip()} ({one.whose.strip()})")
            out = [*measure(one), nodes.Text(came_out(one, row) or row["runs"])]
            rows.append([[nodes.Text(who)], word(row), out])
        return [table(WORDS, rows, "finding-words")]


class FindingNumber(SphinxRole):
    """The number of a finding with its 95% interval, in a sentence."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """A link to the row of the scorecard."""
        rows = outcome_rows(self.env)
        if self.text not in rows:
            said = f"no finding is registered as '{self.text}'"
            return [], [self.inliner.reporter.error(said, line=self.lineno)]
        number = effect(rows[self.text])
        return [reference("ref", f"finding-{self.text}", number)], []


class RivalsTable(ScorecardTable):
    """What later work claims, with our word, or what would give one."""

    option_spec = {}

    def run(self) -> list[nodes.Node]:
        """A row a claim of ``data/rivals.csv``."""
        rows = [
            self.claimed(row)
            for row in self.read("rivals.csv").fillna("").to_dict("records")
        ]
        return [table(RIVALS, rows, "rivals")]

    def claimed(self, row: Row) -> list[list[nodes.Node]]:
        """Four cells: the work and its claim, our words, where, what would decide."""
        number = f", arXiv {row['arxiv']}" if row["arxiv"] else ""
        pairs = self.outcomes(row["findings"].split())
        words = [node for _, one in pairs for node in (*word(one), nodes.Text(" "))]
        left = [would_decide(one) for _, one in pairs]
        needs = " ".join(filter(None, [*left, row["needs"] and f"{row['needs']}."]))
        links = [
            node
            for stem in row["chapters"].split()
            for node in (self.chapter(stem), nodes.Text("; "))
        ]
        return [
            [nodes.Text(f"{row['work']}{number}: {row['claim']}.".replace("?.", "?"))],
            words[:-1] or [nodes.Text(UNREGISTERED)],
            links[:-1],
            [nodes.Text(needs)],
        ]


def word(row: Row, link: bool = True) -> list[nodes.Node]:
    """The word of a finding, which leads to its row of the scorecard."""
    text = standing(row)
    name = text if text in registered_words else "none"
    target = reference("ref", f"finding-{row['id']}", text)
    chip = nodes.inline("", "", target if link else nodes.Text(text))
    chip["classes"] += ["word", f"word-{name}"]
    early = bool(row["word"]) and not row["complete"]
    return [chip, *([nodes.Text(" so far")] if early else [])]


def measure(finding: Finding) -> list[nodes.Node]:
    """What was measured, and which intervals decide."""
    text = f"{finding.estimand.strip()}. {finding.decided_by()}."
    return [nodes.inline("", "", nodes.Text(with_letters(text)), classes=["measure"])]


def came_out(finding: Finding, row: Row) -> str:
    """The effect of a row with its interval and units; nothing without an estimate."""
    unit = finding.unit.partition(";")[0]
    found = effect(row)
    count = f"{row['units']} unit{'' if row['units'] == 1 else 's'}"
    return "" if found == NO_EFFECT else f" {found} from {count} ({unit})"


class ScaleTable(DataDirective):
    """The ranges of our runs beside those of the paper's."""

    def run(self) -> list[nodes.Node]:
        """A row for each thing that a law is a function of."""
        runs = self.read("runs.csv").query("status == 'finished'")
        ours = ranges(runs, self.read("ptq.csv"))
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
        if number >= max(size, 1e4):  # 2,380 stands beside 2.2 without a word
            return f"{number / size:.3g}{word}"
    return f"{float(f'{number:.3g}'):,g}"


def listed(bits: pd.Series) -> str:
    """Widths as a list, or none."""
    return ", ".join(f"{each:g}" for each in sorted(set(bits))) or "none"


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
