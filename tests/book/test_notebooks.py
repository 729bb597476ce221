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

from tests.book.conftest import BOOKKEEPING, SOURCES, read

LONGEST_LINE = 79
LONGEST_CELL = 25
MEDIAN_CELL = 6
VISIBLE_LINES = 60
WORDS = 1_200
OUT_OF_SIGHT = {"remove-input", "remove-cell"}
FOLDED = {"hide-input"}
# What is taught is built once in plain sight: chapter, what, what it is held against.
LESSONS = {
    "01": ("Absmax", "fake_quantize"),
    "02": ("step", "train"),
    "03": ("robust_fit", "fit"),
    "04": ("over_units", "bootstrap"),
    "13": ("square_error", "gaussian_absmax_error"),
    "14": ("gptq_step", "gptq"),
}
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

each = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)


def tags(cell: Any) -> list[str]:
    return list(cell.metadata.get("tags", []))


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def visible(path: Path) -> list[Any]:
    """Cells whose code the page shows without a click."""
    unseen = OUT_OF_SIGHT | FOLDED
    return [cell for cell in code_cells(path) if not unseen.intersection(tags(cell))]


def calls(cell: Any) -> set[str]:
    """Names of the functions that a cell calls."""
    found = (
        n.func for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Call)
    )
    return {ast.unparse(function).split(".")[-1] for function in found}


def defined(cell: Any) -> set[str]:
    """Names of the functions and classes at the top of a cell."""
    body = ast.parse(cell.source).body
    return {node.name for node in body if isinstance(node, DEFINITIONS)}


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
def test_its_main_figure_comes_before_any_section(path: Path) -> None:
    if path.stem.startswith("00"):  # explains its words first
        return
    cells = read(path).cells
    [first, *_] = [c for c in cells if "figure" in c.metadata.get("mystnb", {})]
    before = [c for c in cells[: cells.index(first)] if c.cell_type == "markdown"]
    assert before == cells[:1]


@each
def test_is_read_in_a_sitting(path: Path) -> None:
    lines = [x for x in prose(path).splitlines() if not x.startswith(("```", ":"))]
    assert len(" ".join(lines).split()) <= WORDS


@each
def test_parameters_are_what_papermill_finds(path: Path) -> None:
    tagged = [cell for cell in code_cells(path) if "parameters" in tags(cell)]
    assert len(tagged) == 1
    lines = [line for line in tagged[0].source.splitlines() if not line.startswith("#")]
    assert all(re.match(r"\w+ = ", line) for line in lines), "one assignment a line"
    found = inspect_notebook(str(path))
    assert len(found) == len(lines)
    assert found["seed"]["default"] == "0"
    if "runs" in found:
        assert found["runs"]["default"].strip("\"'") == "published"


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
def test_visible_code_is_short(path: Path) -> None:
    lines = [line for cell in visible(path) for line in cell.source.splitlines()]
    limit = 0 if path.stem.startswith("00") else VISIBLE_LINES
    assert len([line for line in lines if line.strip()]) <= limit


@each
def test_no_bookkeeping_is_in_sight(path: Path) -> None:
    for cell in code_cells(path):
        if found := BOOKKEEPING.search(cell.source):
            assert OUT_OF_SIGHT.intersection(tags(cell)), found[0]


@each
def test_one_call_hands_the_numbers_to_the_prose(path: Path) -> None:
    said = [cell for cell in code_cells(path) if "say" in calls(cell)]
    assert len(said) == 1
    assert not any("glue" in calls(cell) for cell in code_cells(path))


@each
def test_only_lessons_define_functions(path: Path) -> None:
    for cell in code_cells(path):
        if "lesson" not in tags(cell):
            assert not defined(cell)
            continue
        assert defined(cell)
        assert cell in visible(path)


@pytest.mark.parametrize("chapter", LESSONS)
def test_what_is_taught_is_built_and_held_against_the_library(chapter: str) -> None:
    [path] = [path for path in SOURCES if path.stem.startswith(chapter)]
    built, library = LESSONS[chapter]
    cells = visible(path)
    [lesson] = [cell for cell in cells if "lesson" in tags(cell)]
    assert built in defined(lesson)
    assert 8 <= len(lesson.source.splitlines()) <= LONGEST_CELL
    after = cells[cells.index(lesson) + 1]
    assert library in calls(after) and re.search("^ *assert ", after.source, re.M)
    assert built in calls(after) | set(re.findall(r"\w+", after.source))


def test_lessons_are_where_they_are_looked_for() -> None:
    chapters = [
        path.stem[:2]
        for path in SOURCES
        if any("lesson" in tags(cell) for cell in code_cells(path))
    ]
    assert chapters == list(LESSONS)


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
    for cell in visible(path):
        assert not re.search(r"^(import|from) ", cell.source, re.MULTILINE)


@each
def test_figures_declare_name_caption_and_alternative_text(path: Path) -> None:
    for cell in code_cells(path):
        mystnb = cell.metadata.get("mystnb", {})
        if "figure" in mystnb or "image" in mystnb:
            assert re.fullmatch(r"fig-[a-z0-9-]+", mystnb["figure"]["name"])
            assert len(mystnb["figure"]["caption"]) > 20
            assert len(mystnb["image"]["alt"]) > 20
            assert mystnb["image"]["alt"] != mystnb["figure"]["caption"]
            if isinstance(ast.parse(cell.source).body[-1], ast.Expr):
                assert cell.source.rstrip().endswith(";"), "the page shows it twice"


def test_no_two_figures_of_the_book_share_a_name() -> None:
    names = [
        cell.metadata["mystnb"]["figure"]["name"]
        for path in SOURCES
        for cell in code_cells(path)
        if "figure" in cell.metadata.get("mystnb", {})
    ]
    assert sorted(names) == sorted(set(names))


@each
def test_says_what_is_decided_and_has_two_exercises_with_answers(path: Path) -> None:
    text = prose(path)
    assert re.search(r"^## What (is decided|agrees)", text, re.MULTILINE)
    exercises = re.findall(r"\{exercise\}[^\n]*\n:label: (\S+)", text)
    answers = re.findall(r"\{solution\} (\S+)\n:class: dropdown", text)
    assert len(exercises) >= 2
    assert exercises == answers


@each
def test_cites_the_paper(path: Path) -> None:
    assert "kumar2025precision" in prose(path)
