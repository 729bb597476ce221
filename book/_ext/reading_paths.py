"""Lists of chapters to read and how long each takes; those to come are left out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from reading import in_words, reading_minutes, run_seconds  # type: ignore[import-not-found]  # beside this file
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective


class chapter_list(nodes.General, nodes.Element):  # type: ignore[misc]
    """Stands for a list until the pages it tells of are read."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive and fill in the lists before they are written."""
    app.add_node(chapter_list)
    app.add_directive("chapter-list", ChapterList)
    app.connect("doctree-resolved", fill_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class ChapterList(SphinxDirective):
    """Chapters by number, such as ``00, 03-05``."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """A placeholder with the numbers."""
        return [chapter_list(numbers=numbers(self.arguments[0]))]


def numbers(text: str) -> list[int]:
    """Each number of a list of numbers and ranges."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if not match:
            raise ExtensionError(f"chapter-list: '{part}' is neither 3 nor 3-5")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return found


def fill_in(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Put lists in the place of the placeholders."""
    for place in list(doctree.findall(chapter_list)):
        place.replace_self(listed(app, name, set(place["numbers"])))


def listed(app: Sphinx, name: str, wanted: set[int]) -> nodes.Node:
    """Titles as links, each with its minutes; the sum of the minutes below."""
    items = nodes.bullet_list(classes=["chapters"])
    total, pages = 0, {}
    for page in sorted(app.env.found_docs):
        if match := re.match(r"notebooks/(\d+)_", page):
            pages[int(match[1])] = page
    if absent := sorted(wanted - set(pages)):
        raise ExtensionError(f"chapter-list on {name}: there is no chapter {absent[0]}")
    for page in (page for number, page in pages.items() if number in wanted):
        minutes = reading_minutes(app.env.get_doctree(page))
        total += minutes
        address = app.builder.get_relative_uri(name, page)
        link = nodes.reference("", "", internal=True, refuri=address)
        number = app.env.toc_secnumbers.get(page, {}).get("", ())
        title = app.env.titles[page].astext()
        place = ".".join(map(str, number))
        link += nodes.inline("", f"{place}. {title}" if place else title)
        seconds = run_seconds(Path(app.srcdir) / f"{page}.ipynb")
        runs = "" if seconds is None else f", {in_words(seconds)} to run"
        line = nodes.paragraph(
            "", "", link, nodes.Text(f" ({minutes} min to read{runs})")
        )
        items += nodes.list_item("", line)
    box = nodes.container("", items)
    box += nodes.paragraph("", f"{total} minutes of reading in all.")
    return box
