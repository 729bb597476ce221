"""Two books are told apart by what a reader sees of them, and by nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from myst_nb.ext.glue import GLUE_PREFIX
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import compare_books


def fact(name: str, text: str) -> Any:
    """The output that myst_nb's `glue` leaves in a notebook."""
    return new_output(
        "display_data",
        {f"{GLUE_PREFIX}text/plain": text},
        metadata={"scrapbook": {"name": name}},
    )


def executed(folder: Path, *cells: Any, name: str = "05_a.ipynb") -> Path:
    """A folder with one executed notebook."""
    folder.mkdir(exist_ok=True)
    nbformat.write(new_notebook(cells=list(cells)), folder / name)
    return folder


def code(source: str, *outputs: Any, **metadata: Any) -> Any:
    return new_code_cell(source, outputs=list(outputs), metadata=metadata)


def plain(text: str) -> Any:
    return new_output("execute_result", {"text/plain": text}, execution_count=1)


def told(old: Path, new: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = compare_books.main([str(old), str(new)])
    return status, capsys.readouterr().out


def test_code_and_names_of_facts_may_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = executed(
        tmp_path / "old",
        code("a = 1", fact("x", "0.1234")),
        new_markdown_cell("It is {glue:text}`x:.2f`."),
        code("a", plain("1")),
    )
    new = executed(
        tmp_path / "new",
        new_markdown_cell("It is {glue:text}`y:.2f`."),
        code("b = 1\nb", plain("1")),
        code("say()", fact("y", "0.1201"), tags=["remove-input"]),
    )
    assert told(old, new, capsys) == (0, "1 compared, 0 differ.\n")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ([new_markdown_cell("It is {glue:text}`x:.2f`.")], "+It is (no fact x)."),
        ([code("", fact("x", "0.2")), new_markdown_cell("It is {glue:text}`x:.2f`.")],
         "+It is 0.20."),
        ([new_markdown_cell("It is 0.12."), code("", plain("2"))], "+2"),
        ([new_markdown_cell("It is 0.12."), code("", plain("2"), tags=["remove-cell"])],
         ""),
        ([new_markdown_cell("It is 0.12."),
          code("", new_output("display_data", {"image/svg+xml": "<svg/>"}))],
         "+figure "),
        ([new_markdown_cell("It is 0.12."),
          code("", mystnb={"figure": {"caption": "A line."}})],
         '+{"caption": "A line."}'),
        ([new_markdown_cell("It is 0.12."),
          code("", new_output("stream", text="hm\n"))], "+hm"),
    ],
)  # fmt: skip
def test_what_a_reader_sees_differs(
    changed: list[Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = executed(tmp_path / "old", new_markdown_cell("It is 0.12."))
    status, out = told(old, executed(tmp_path / "new", *changed), capsys)
    assert status == bool(said) and said in out
    assert ("05_a.ipynb" in out) == bool(said)


def test_a_chapter_of_one_book_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = executed(tmp_path / "old", new_markdown_cell("a"))
    new = executed(tmp_path / "new", new_markdown_cell("a"), name="06_b.ipynb")
    status, out = told(old, new, capsys)
    assert status == 1
    assert f"05_a.ipynb\n  only in {old}" in out
    assert f"06_b.ipynb\n  only in {new}" in out


def test_nothing_to_compare_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(tmp_path, tmp_path, capsys)[0] == 2


def test_built_pages_are_compared_without_their_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (
        "<nav>{0}</nav><article><p>It is {1}.</p><div class='cell'>"
        "<div class='cell_input'>{0}</div><img alt='A line'/></div></article>"
    )
    for name, parts in {"old": ("a", 1), "same": ("b", 1), "new": ("a", 2)}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "05_a.html").write_text(page.format(*parts))
    assert told(tmp_path / "old", tmp_path / "same", capsys)[0] == 0
    status, out = told(tmp_path / "old", tmp_path / "new", capsys)
    assert status == 1 and "-It is 1.\n  +It is 2." in out
