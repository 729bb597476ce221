"""The notebooks as stored: clean, short, parametrized, one shape for all."""

from __future__ import annotations

import ast
import re
import statistics
from pathlib import Path
from typing import Any

import nbformat
import pytest
from papermill import inspect_notebook

from tests.book.conftest import SOURCES, read

LONGEST_LINE = 79
LONGEST_CELL = 25
MEDIAN_CELL = 6

each = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)


def tags(cell: Any) -> list[str]:
    return list(cell.metadata.get("tags", []))


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def prose(path: Path) -> str:
    cells = [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]
    return "\n\n".join(cells)


def test_chapters_are_numbered_without_a_gap() -> None:
    numbers = [int(path.stem[:2]) for path in SOURCES]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= 5


@each
def test_is_a_valid_notebook(path: Path) -> None:
    nbformat.validate(read(path))
    assert read(path).metadata.kernelspec.name == "python3"


@each
def test_is_stored_without_results(path: Path) -> None:
    for cell in code_cells(path):
        assert cell.outputs == []
        assert cell.execution_count is None
        assert "execution" not in cell.metadata
    assert "papermill" not in read(path).metadata
    assert "widgets" not in read(path).metadata


@each
def test_opens_with_a_title_and_its_claim(path: Path) -> None:
    first = read(path).cells[0]
    assert first.cell_type == "markdown"
    title, _, rest = first.source.partition("\n")
    assert re.fullmatch(r"# \S.*", title)
    claim = rest.strip().split("\n\n")[0]
    assert claim.rstrip().endswith((".", "*", "**")), "the claim is one sentence"


@each
def test_parameters_are_what_papermill_finds(path: Path) -> None:
    tagged = [cell for cell in code_cells(path) if "parameters" in tags(cell)]
    assert len(tagged) == 1
    lines = [line for line in tagged[0].source.splitlines() if not line.startswith("#")]
    assert all(re.match(r"\w+ = ", line) for line in lines), "one assignment a line"
    found = inspect_notebook(str(path))
    assert len(found) == len(lines)
    assert found["budget"]["default"].strip("\"'") == "smoke"
    assert found["seed"]["default"] == "0"


@each
def test_cells_are_short(path: Path) -> None:
    lengths = [len(cell.source.splitlines()) for cell in code_cells(path)]
    assert statistics.median(lengths) <= MEDIAN_CELL
    assert max(lengths) <= LONGEST_CELL


@each
def test_lines_fit_the_page(path: Path) -> None:
    for cell in code_cells(path):
        for line in cell.source.splitlines():
            assert len(line) <= LONGEST_LINE, line


@each
def test_algorithms_live_in_the_library(path: Path) -> None:
    for cell in code_cells(path):
        if "exercise" in tags(cell):
            continue
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        found = [n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, kinds)]
        assert not found, f"defines {found[0].name}"


@each
def test_runs_no_shell_and_no_magic(path: Path) -> None:
    for cell in code_cells(path):
        ast.parse(cell.source)  # a magic is not Python
        assert not re.search(r"get_ipython|os\.system|subprocess", cell.source)
        assert not re.search(
            r"""["'](/(home|root|tmp|work|Users)/|C:\\)""", cell.source
        )


@each
def test_imports_are_folded(path: Path) -> None:
    for cell in code_cells(path):
        if re.search(r"^(import|from) ", cell.source, re.MULTILINE):
            assert "hide-input" in tags(cell), cell.source


@each
def test_figures_declare_name_caption_and_alternative_text(path: Path) -> None:
    for cell in code_cells(path):
        mystnb = cell.metadata.get("mystnb", {})
        if "figure" in mystnb or "image" in mystnb:
            assert re.fullmatch(r"fig-[a-z0-9-]+", mystnb["figure"]["name"])
            assert len(mystnb["figure"]["caption"]) > 20
            assert len(mystnb["image"]["alt"]) > 20
            assert mystnb["image"]["alt"] != mystnb["figure"]["caption"]


@each
def test_says_what_agrees_and_has_two_exercises_with_answers(path: Path) -> None:
    text = prose(path)
    assert re.search(r"^## What agrees", text, re.MULTILINE)
    exercises = re.findall(r"\{exercise\}[^\n]*\n:label: (\S+)", text)
    answers = re.findall(r"\{solution\} (\S+)\n:class: dropdown", text)
    assert len(exercises) >= 2
    assert exercises == answers


@each
def test_cites_the_paper(path: Path) -> None:
    assert "kumar2025precision" in prose(path)
