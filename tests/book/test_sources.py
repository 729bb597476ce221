"""What the pages are made of: contents, references, pins, the README."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from precision_lib.laws import LAWS, Law
from tools import newest
from tools.steps import ROOT

PROSE = sorted([*(ROOT / "book").glob("*.md"), *(ROOT / "book").glob("*/*.md")])
PROSE = [path for path in PROSE if "_static" not in path.parts]
OPTIONAL = {
    "datasets",  # an extra of the project, for readers with a network
    "ray",  # an extra, for sweeps on a cluster
    "transformers",  # an extra, for models that others trained
    "huggingface-hub",  # comes with transformers
    "ipython",  # comes with the kernel; imported on a page only
}


def listed(entry: Any) -> Iterator[str]:
    """All documents named anywhere in the table of contents."""
    if isinstance(entry, dict):
        yield from (value for key, value in entry.items() if key in ("file", "root"))
        for value in entry.values():
            yield from listed(value)
    elif isinstance(entry, list):
        for item in entry:
            yield from listed(item)


def test_the_contents_list_every_page_and_every_notebook_once() -> None:
    toc = list(listed(yaml.safe_load((ROOT / "_toc.yml").read_text())))
    files = [*PROSE, *sorted((ROOT / "notebooks").glob("*.ipynb"))]
    names = [path.relative_to(ROOT).with_suffix("").as_posix() for path in files]
    assert sorted(toc) == sorted(names)


def test_chapters_stand_in_the_order_of_their_numbers() -> None:
    toc = list(listed(yaml.safe_load((ROOT / "_toc.yml").read_text())))
    chapters = [name for name in toc if name.startswith("notebooks/")]
    assert chapters == sorted(chapters)


def test_every_work_in_the_bibliography_is_complete() -> None:
    text = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    entries = re.findall(r"@\w+\{(\w+),(.*?)\n\}", text, re.DOTALL)
    assert len(entries) == text.count("@")
    for key, body in entries:
        fields = set(re.findall(r"^\s*(\w+)\s*=", body, re.MULTILINE))
        assert {"title", "author", "year"} <= fields, key
        assert {"url", "doi"} & fields, key
        if arxiv := re.search(r"arXiv:([\d.]+)", body):
            assert f"abs/{arxiv.group(1)}" in body, f"{key}: two arXiv numbers"


def test_every_room_has_a_page_and_every_file_one_place() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in PROSE)
    rooms = re.findall(r"{room} precision_lib\.(\S+)\n(?::files: (.+))?", text)
    library = ROOT / "precision_lib"
    folders = [path.parent for path in library.rglob("*/__init__.py")]
    whole = [room.replace(".", "/") for room, files in rooms if not files]
    shown = [*whole, "cli"]  # whose page is what --help says
    assert sorted(shown) == sorted(f.relative_to(library).as_posix() for f in folders)
    named = [(room, file) for room, files in rooms for file in files.split()]
    assert len(named) == len(set(named))
    for room, file in named:
        assert (library / room.replace(".", "/") / f"{file}.py").exists(), file
    top = {path.stem for path in library.glob("[!_]*.py")}
    assert top == set(re.findall(r"automodule:: precision_lib\.(\w+)", text))


@pytest.mark.parametrize("name", ["requirements.txt", "tests/requirements-oracles.txt"])
def test_requirements_are_pinned_exactly(name: str) -> None:
    lines = [line.split("#")[0].strip() for line in (ROOT / name).open()]
    for line in filter(None, lines):
        assert line == "-e ." or re.fullmatch(r"[\w.-]+==[\w.]+", line), line


def imported(*folders: str) -> set[str]:
    """Distributions that the code in the folders imports, in lower case."""
    owners = importlib.metadata.packages_distributions()
    names: set[str] = set()
    for path in chain.from_iterable((ROOT / name).rglob("*.py") for name in folders):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    found = chain.from_iterable(owners.get(name, []) for name in names)
    return {name.lower().replace("_", "-") for name in found} - {"precision-lib"}


def pinned(name: str) -> dict[str, str]:
    """The pins of a requirements file by the heading that they stand under."""
    section, found = "", {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            section = line.lstrip("# ")
        elif "==" in line:
            found[line.split("==")[0].lower().replace("_", "-")] = section
    return found


def test_what_the_library_imports_is_what_is_pinned() -> None:
    library = imported("precision_lib") - OPTIONAL
    pins = pinned("requirements.txt")
    assert library == {name for name, use in pins.items() if use == "the library"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ranges = {re.split("[>=<]", name)[0].lower() for name in project["dependencies"]}
    assert library == ranges


def test_make_newest_installs_what_its_tests_import() -> None:
    rooms = [path for path in (ROOT / "tests").iterdir() if path.is_dir()]
    used = imported("tools", *(f"tests/{p.name}" for p in rooms if p.name != "book"))
    libraries = pinned("requirements.txt").items()
    there = {name for name, use in libraries if use == "the library"}
    there |= {re.sub("[-_]+", "-", name.lower()) for name in newest.test_tools()}
    there |= {"grimp"}  # comes with import-linter
    assert used - OPTIONAL <= there


def test_the_readme_fits_a_screen_or_two_and_names_the_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) < 100
    assert "make book" in readme
    assert "make test" in readme
    assert not re.search(r"@[A-Z_]+@|TODO|FIXME", readme), "a mark left to fill in"


def test_what_the_readme_points_at_exists() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", readme)
    assert "book/_static/readme_figure.svg" in targets
    targets += re.findall(r"`((?:book|data)/[\w./]+|[A-Z]+\.(?:md|cff))`", readme)
    for target in targets:
        assert (ROOT / target).exists(), target


def test_the_readme_figure_is_a_picture_that_stands_alone() -> None:
    svg = (ROOT / "book" / "_static" / "readme_figure.svg").read_text(encoding="utf-8")
    assert "<svg" in svg
    assert not re.search(r"(href|src)=\"https?:", svg)


def test_the_vendored_mathjax_is_the_published_file() -> None:
    import hashlib

    folder = ROOT / "book" / "_static" / "mathjax"
    script = (folder / "tex-svg-full.js").read_bytes()
    expected = "a4354ff94fd868aea0cc6eaaa79a57fda0588646fc46ee3700a349ee0a11cbe6"
    assert hashlib.sha256(script).hexdigest() == expected
    assert "Apache License" in (folder / "LICENSE").read_text(encoding="utf-8")


def test_the_symbols_page_uses_the_names_of_the_code() -> None:
    page = (ROOT / "book" / "symbols.md").read_text(encoding="utf-8")
    _, table, laws = re.split(r"^## (?:Constants|Three).*$", page, flags=re.MULTILINE)
    constants = {name for law in LAWS.values() for name in names_of(law)}
    assert set(re.findall(r"`(\w+)`", re.sub(r"\{eq\}`[^`]+`", "", table))) <= constants
    named = re.findall(r"in the code\s+`([\w-]+)`", laws)
    assert len(named) == 3
    assert set(named) <= set(LAWS)


def names_of(law: type[Law]) -> list[str]:
    return [parameter.name for parameter in law.parameters]


NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", [*PROSE, *NOTEBOOKS], ids=lambda path: path.name)
def test_prose_names_our_functions_in_full(path: Path) -> None:
    # The strict build follows names that begin with precision_lib, and only those.
    for target in re.findall(r"\{py:\w+\}`([^`]+)`", path.read_text(encoding="utf-8")):
        name = re.sub(r".*<(.*)>$", r"\1", target).lstrip("~!")
        assert name.startswith("precision_lib"), target


def prose_and_readme() -> list[Path]:
    return [
        *PROSE,
        *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "LOG")),
    ]


@pytest.mark.parametrize("path", prose_and_readme(), ids=lambda path: path.name)
def test_prose_links_to_no_path_of_one_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.])/(home|root|tmp|work|Users)/", text)
