"""What the book needs beyond Jupyter Book: no foreign scripts, facts of this build."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives, and unhook what would ask the network."""
    app.add_directive("execution-times", ExecutionTimes)
    app.add_directive("machine-table", MachineTable)
    app.add_directive("corpus-table", CorpusTable)
    app.add_directive("package-versions", PackageVersions)
    app.connect("config-inited", lambda app, _: unhook_thebe(app), priority=900)
    app.connect("config-inited", lambda app, _: share_handlers(app), priority=900)
    app.connect("autodoc-process-signature", shorten_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def unhook_thebe(app: Sphinx) -> None:
    """Take sphinx-thebe out of every page, where Jupyter Book always puts it.

    Even switched off it leaves an address on another host in each page and an
    error on the browser's console.
    """
    for event, listeners in app.events.listeners.items():
        app.events.listeners[event] = [
            one for one in listeners if one.handler.__module__ != "sphinx_thebe"
        ]
    app.registry.css_files = [
        sheet for sheet in app.registry.css_files if sheet[0] != "sphinx-thebe.css"
    ]


def share_handlers(app: Sphinx) -> None:
    """Let the builder of the one long page write all that the others write.

    An extension that names this builder hides from it what others registered for
    HTML, and the PDF is printed from its page.
    """
    handlers = app.registry.translation_handlers
    handlers["singlehtml"] = handlers["html"] | handlers.get("singlehtml", {})


ARRAY = re.compile(
    r"~?(?:numpy\.)?ndarray\[~?tuple\[~?(?:typing\.)?Any, \.\.\.\], "
    r"~?(?:numpy\.)?dtype\[~?(?:numpy\.)?\w+\]\]"
)


def shorten_signature(*event: Any) -> tuple[str | None, str | None]:
    """Write arrays as ``ndarray``, and made defaults so that Sphinx can parse them."""
    signature, returned = event[-2:]
    return shortened(signature), shortened(returned)


def shortened(text: str | None) -> str | None:
    """A signature, or a part of one, without the long names of array types."""
    if text is None:
        return None
    return ARRAY.sub("ndarray", text).replace("<factory>", "...")


class TableDirective(SphinxDirective):
    """A directive whose content is a Markdown table made at build time."""

    def run(self) -> list[nodes.Node]:
        """Parse the table as if it stood in the page."""
        lines = list(self.rows())
        holder = nodes.container()
        self.state.nested_parse(StringList(lines, source=""), 0, holder)
        return holder.children

    def rows(self) -> Iterator[str]:
        """Lines of the table, its head first."""
        raise NotImplementedError


class ExecutionTimes(TableDirective):
    """When each notebook of this book was executed, and how long it took."""

    def rows(self) -> Iterator[str]:
        """One row a notebook, as papermill noted it in the executed copy."""
        yield "| Notebook | Executed (UTC) | Seconds | Cells |"
        yield "|---|---|--:|--:|"
        folder = Path(self.env.srcdir) / "notebooks"
        for path in sorted(folder.glob("*.ipynb")):
            self.env.note_dependency(str(path))
            notebook = json.loads(path.read_text(encoding="utf-8"))
            record = notebook["metadata"]["papermill"]
            day, _, hour = record["start_time"][:16].partition("T")
            cells = sum(cell["cell_type"] == "code" for cell in notebook["cells"])
            link = f"[](/notebooks/{path.name})"
            when = f'<span class="whole">{day}</span> {hour}'
            yield f"| {link} | {when} | {record['duration']:.1f} | {cells} |"


class MachineTable(TableDirective):
    """The machine of the published numbers beside this one, and what differs here."""

    def rows(self) -> Iterator[str]:
        """A row a fact, then the words that differ, which none should."""
        path = Path(self.env.srcdir) / "data" / "agreement.json"
        self.env.note_dependency(str(path))
        facts = json.loads(path.read_text(encoding="utf-8"))
        yield "| | Published numbers | This copy |"
        yield "|---|---|---|"
        for name, was in facts["published"].items():
            yield f"| {name} | {was} | {facts['here'].get(name, 'unknown')} |"
        yield (
            "| numbers of the scorecard that differ by more than a hundredth of their "
            f"interval | | {facts['moved']} of {facts['numbers']} |"
        )
        said = facts["words"]
        yield (
            "| words of the scorecard that differ | | "
            f"{f'**{len(said)}**' if said else 'none'} of {facts['entries']} |"
        )
        if said:
            yield from ("", ":::{danger}", "Words differ from the published ones.", "")
            yield from (f"- {sentence}" for sentence in said)
            yield ":::"


class CorpusTable(TableDirective):
    """Documents and tokens of each source, on both sides of the split."""

    def rows(self) -> Iterator[str]:
        """One row a source and one for all, from ``data/corpus.json``."""
        facts = json.loads((Path(self.env.srcdir) / "data" / "corpus.json").read_text())
        said = (
            "{training_tokens:,} tokens in {training_documents:,} documents",
            "{validation_windows:,} windows of {validation_documents:,} documents",
        )
        yield "| source | training | validation |"
        yield "|---|--:|--:|"
        sources = facts["sources"]
        names = next(iter(sources.values()))
        total = {n: sum(one[n] for one in sources.values()) for n in names}
        for source, counts in [*sources.items(), ("all", total)]:
            cells = " | ".join(text.format(**counts) for text in said)
            yield f"| {source if source == 'all' else f'`{source}`'} | {cells} |"


class PackageVersions(TableDirective):
    """Versions of the packages that this book was made with."""

    def rows(self) -> Iterator[str]:
        """Python, then each package that the requirements file pins."""
        yield "| Package | Version |"
        yield "|---|---|"
        yield f"| Python | {platform.python_version()} |"
        requirements = Path(self.env.srcdir) / "requirements.txt"
        for name in pinned_names(requirements):
            yield f"| {name} | {importlib.metadata.version(name)} |"


def pinned_names(requirements: Path) -> list[str]:
    """Names of packages in lines such as ``numpy==2.4.6  # why``."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    matches = (re.match(r"([\w.-]+)==", line) for line in lines)
    return [match.group(1) for match in matches if match]
