"""The reference of the library: a table of the names of a room, then its files."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import typer
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

LIBRARY = Path(importlib.import_module("precision_lib").__file__ or "").parent


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, and find a name where its room hands it out."""
    app.setup_extension("sphinx.ext.autosummary")
    app.add_directive("room", Room)
    app.add_directive("commands", Commands)
    app.connect("missing-reference", handed_out)
    app.connect("autodoc-process-docstring", told_once, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Room(SphinxDirective):
    """One folder of the library, or those of its files that ``:files:`` names.

    Without ``:files:`` it shows every file that no other page of the folder names,
    so a new file has a place as soon as it is there.
    """

    required_arguments = 1
    option_spec = {"files": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """What the room is for, its names, and a section for each file."""
        room = importlib.import_module(self.arguments[0])
        if "files" in self.options:
            files, about, out = self.options["files"].split(), [], []
        else:
            beside = Path(self.env.doc2path(self.env.docname)).parent
            files = sorted(in_folder(room) - named_elsewhere(beside, room.__name__))
            about, out = [f".. automodule:: {room.__name__}"], list(exported(room))
        modules = [importlib.import_module(f"{room.__name__}.{name}") for name in files]
        own = documented(room) if about else []
        rest = [name for module in modules for name in documented(module)]
        rest = [name for name in [*own, *rest] if name not in out]
        tables = self.table(f"from {room.__name__} import …", out)
        tables += self.table("In its files" if out else "Names", rest)
        lines = [f".. autofunction:: {name}" for name in own]
        top = [self.section(room.__name__, "In the room itself", lines)] if own else []
        return [*self.parsed(about), *tables, *top, *map(self.of_file, modules)]

    def table(self, head: str, names: list[str]) -> list[nodes.Node]:
        """Each name as a link, with the first sentence of its text."""
        if not names:
            return []
        lines = [".. autosummary::", "   :nosignatures:", ""]
        rows = self.parsed([*lines, *(f"   ~{name}" for name in names)])
        return [nodes.rubric("", head), *rows]

    def of_file(self, module: ModuleType) -> nodes.section:
        """A file under the first sentence of its own text."""
        title = (module.__doc__ or "").strip().splitlines()[0].rstrip(".")
        title = re.sub(r"(:mod:)?`+\.?", "", title)
        lines = [f".. automodule:: {module.__name__}", "   :members:"]
        return self.section(module.__name__, title, lines)

    def section(self, name: str, title: str, lines: list[str]) -> nodes.section:
        """A heading, the name to import from, and what Sphinx makes of the lines."""
        part = nodes.section(ids=[re.sub("[._]", "-", name)], names=[name])
        part += nodes.title("", title)
        part += nodes.paragraph("", "", nodes.literal("", name))
        part += self.parsed(lines)
        return part

    def parsed(self, lines: list[str]) -> list[nodes.Node]:
        """The nodes of reStructuredText inside a Markdown page."""
        if not lines:
            return []
        holder = nodes.container()
        text = StringList(["```{eval-rst}", *lines, "```"], source="")
        self.state.nested_parse(text, 0, holder)
        return holder.children


class Commands(SphinxDirective):
    """The commands, each with the sentence that ``--help`` has of it."""

    def run(self) -> list[nodes.Node]:
        """A list in the order of the command line."""
        app = importlib.import_module("precision_lib.__main__").APP
        said = nodes.definition_list()
        for name, command in typer.main.get_group(app).commands.items():
            words = nodes.paragraph("", command.get_short_help_str(limit=300))
            term = nodes.term("", "", nodes.literal("", name))
            said += nodes.definition_list_item("", term, nodes.definition("", words))
        return [said]


def told_once(
    app: Sphinx, what: str, name: str, of: Any, options: Any, lines: list[str]
) -> None:
    """Leave out what heads the section; a colon in a field's text is not its type."""
    if what == "module" and not hasattr(of, "__path__"):
        del lines[0]
    if what in ("attribute", "property"):
        lines[:1] = [line.replace(": ", " – ") for line in lines[:1]]


def in_folder(room: ModuleType) -> set[str]:
    """Names of the files right in a room's folder."""
    folder = Path(room.__path__[0])
    return {path.stem for path in folder.glob("[!_]*.py")}


def named_elsewhere(folder: Path, room: str) -> set[str]:
    """Files of the room that the pages of a folder name."""
    pages = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.md"))
    found = re.findall(rf"{{room}} {re.escape(room)}\n:files: (.+)", pages)
    return {name for names in found for name in names.split()}


def exported(room: ModuleType) -> Iterator[str]:
    """Names that a room hands out, as their files have them; values left out."""
    for name in getattr(room, "__all__", ()):
        value = getattr(room, name)
        if inspect.isclass(value) or inspect.isroutine(value):
            yield f"{value.__module__}.{value.__qualname__}"


def documented(module: ModuleType) -> list[str]:
    """Public names with a text that are made in a file, in the order of the file."""
    source = ModuleAnalyzer.for_module(module.__name__)
    source.analyze()
    found = {name for owner, name in source.attr_docs if not owner}
    for name, value in vars(module).items():
        own = getattr(value, "__module__", None) == module.__name__
        if own and inspect.getdoc(value) and callable(value):
            found.add(name)
    public = [name for name in found if not name.startswith("_")]
    order = source.tagorder
    return [
        f"{module.__name__}.{name}" for name in sorted(public, key=order.__getitem__)
    ]


def handed_out(app: Sphinx, env: Any, node: Any, child: Any) -> nodes.Node | None:
    """A name such as ``precision_lib.laws.fit`` leads to the file that makes it."""
    room, _, name = node.get("reftarget", "").rpartition(".")
    if node.get("refdomain") != "py" or not room.startswith("precision_lib"):
        return None
    if not (LIBRARY.parent / room.replace(".", "/") / "__init__.py").exists():
        return None
    value = getattr(importlib.import_module(room), name, None)
    target = f"{getattr(value, '__module__', '')}.{name}"
    found = env.get_domain("py").objects.get(target)
    if found is None:
        return None
    address = app.builder.get_relative_uri(node["refdoc"], found.docname)
    link = f"{address}#{found.node_id}"
    return nodes.reference("", "", child, refuri=link, internal=True)
