"""How long a page takes to read and to run, and what its words mean.

Nothing here is typed by hand: the words of a page are counted when it is built,
the seconds are those that papermill noted in the executed copy, and the text that
shows over a word is its entry in the glossary.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

WORDS_PER_MINUTE = 200
GLOSSARY = "book/glossary"
GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")
NO_TERM_WITHIN = (
    nodes.reference,
    nodes.title,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.term,
    nodes.caption,
    nodes.raw,
    addnodes.pending_xref,
    nodes.citation_reference,
    nodes.table,
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Touch each page once its references are known."""
    app.add_config_value("book_repository", "", "html", [str])
    app.add_config_value("book_branch", "main", "html", [str])
    app.add_config_value("book_colab_branch", "colab", "html", [str])
    app.connect("doctree-resolved", finish_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def finish_page(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Say the times of a chapter, and link its first mention of each term."""
    if app.builder.format != "html":
        return
    if name.startswith("notebooks/"):
        add_times(app, doctree, name)
    if name != GLOSSARY and not name.startswith("book/api"):
        add_terms(app, doctree, name)


def add_times(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """A line under the title: minutes to read, seconds to run, where to launch it."""
    title = next(iter(doctree.findall(nodes.title)), None)
    if title is None:
        return
    line = nodes.paragraph(classes=["times"])
    minutes = reading_minutes(app.env.get_doctree(name))  # as the lists count it
    text = f"{minutes} minute{'s' if minutes > 1 else ''} to read"
    seconds = run_seconds(Path(app.srcdir) / f"{name}.ipynb")
    if seconds is not None:
        text += f" · {in_words(seconds)} to run on the machine that made this page"
    line += nodes.Text(text)
    config = app.config
    branches = (config.book_branch, config.book_colab_branch)
    for label, address in launch_links(
        config.book_repository, *branches, f"{name}.ipynb"
    ):
        line += nodes.Text(" · ")
        line += nodes.reference("", label, refuri=address)
    title.parent.insert(title.parent.index(title) + 1, line)


def reading_minutes(doctree: nodes.document) -> int:
    """Minutes for the prose of a page; code and its results are not counted."""
    prose = [*doctree.findall(nodes.paragraph), *doctree.findall(nodes.title)]
    words = sum(len(each.astext().split()) for each in prose)
    return max(1, math.ceil(words / WORDS_PER_MINUTE))


def run_seconds(path: Path) -> float | None:
    """Seconds that papermill took for an executed notebook."""
    if not path.exists():
        return None
    record = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("papermill")
    return None if record is None else float(record["duration"])


def in_words(seconds: float) -> str:
    """Seconds below two minutes, minutes above."""
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def launch_links(
    repository: str, branch: str, colab_branch: str, path: str
) -> list[tuple[str, str]]:
    """Colab and Binder for a repository on GitHub; none without an address.

    Binder installs what the folder binder names; Colab opens the copies that
    `make launch` writes, whose first cell installs the library.
    """
    match = GITHUB.fullmatch(repository)
    if not match:
        return []
    where = quote(path)
    branch, colab_branch = quote(branch, safe=""), quote(colab_branch, safe="")
    place = f"{match[1]}/blob/{colab_branch}/{where}"
    colab = f"https://colab.research.google.com/github/{place}"
    binder = f"https://mybinder.org/v2/gh/{match[1]}/{branch}?labpath={where}"
    return [("Colab", colab), ("Binder", binder)]


def terms(app: Sphinx) -> dict[str, tuple[str, str]]:
    """Each term in lower case, with its id on the glossary and its meaning."""
    kept: dict[str, tuple[str, str]] | None = getattr(app.env, "book_terms", None)
    if kept is not None:
        return kept
    found: dict[str, tuple[str, str]] = {}
    if GLOSSARY in app.env.found_docs:
        doctree = app.env.get_doctree(GLOSSARY)
        for item in doctree.findall(nodes.definition_list_item):
            meaning = item.next_node(nodes.definition)
            for term in item.findall(nodes.term):
                if meaning is not None and term["ids"]:
                    said = " ".join(meaning.astext().split())
                    found[term.astext().lower()] = (term["ids"][0], said)
    app.env.book_terms = found  # type: ignore[attr-defined]
    return found


def add_terms(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Link the first mention of each term, its meaning shown over it."""
    known = terms(app)
    if not known:
        return
    words = sorted(map(re.escape, known), key=len, reverse=True)
    pattern = re.compile(rf"(?<![\w-])({'|'.join(words)})(?![\w-])", re.IGNORECASE)
    page = app.builder.get_relative_uri(name, GLOSSARY)
    seen: set[str] = set()
    for text in list(linkable(doctree)):
        pieces: list[nodes.Node] = []
        at = 0
        for match in pattern.finditer(text.astext()):
            term = match[1].lower()
            if term in seen:
                continue
            seen.add(term)
            target, meaning = known[term]
            pieces.append(nodes.Text(text.astext()[at : match.start()]))
            link = nodes.reference(
                "", "", internal=True, refuri=f"{page}#{target}", reftitle=meaning
            )
            link += nodes.inline("", match[1], classes=["term"])
            pieces.append(link)
            at = match.end()
        if pieces:
            pieces.append(nodes.Text(text.astext()[at:]))
            text.parent.replace(text, pieces)


def linkable(doctree: nodes.document) -> Iterator[nodes.Text]:
    """Text of plain paragraphs, outside code, links, formulas and tables."""
    for paragraph in doctree.findall(nodes.paragraph):
        if "times" in paragraph["classes"]:
            continue
        for text in paragraph.findall(nodes.Text):
            parent = text.parent
            while parent is not None and not isinstance(parent, NO_TERM_WITHIN):
                parent = parent.parent
            if parent is None:
                yield text
