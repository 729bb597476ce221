"""The book as a PDF: what it needs is said, and a page is printed whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import pdf

PAGE = """<!doctype html><meta charset="utf-8"><title>Two pages</title>
<h1 id="one">First</h1><a href="#two">to the second</a>
<p style="break-before: page"></p><h1 id="two">Second</h1>
<script>document.body.append("written late")</script>
"""


def test_without_a_browser_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pdf, "PROGRAMS", ("no such browser",))
    assert pdf.main() == 2
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "apt-get install chromium" in said


def test_without_a_book_one_sentence_says_what_to_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(pdf, "chromium", lambda: "chromium")
    monkeypatch.setattr(pdf, "SOURCE", tmp_path / "none")
    assert pdf.main() == 2
    assert "run `make book` first" in capsys.readouterr().out


def test_links_within_the_page_stay_there_when_it_moves() -> None:
    text = '<a href="book/intro.html#fig-a">1</a><a href="https://a.org/#b">2</a>'
    moved = '<a href="#fig-a">1</a><a href="https://a.org/#b">2</a>'
    assert pdf.moved_up(text, "book/intro.html") == moved


def test_a_program_that_prints_nothing_is_an_error(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(PAGE)
    target = tmp_path / "page.pdf"
    target.write_text("of an earlier book")
    assert pdf.print_page("true", page, target) == "it said nothing"
    assert not target.exists()


def test_a_page_is_printed_with_its_links_and_headings(tmp_path: Path) -> None:
    if (program := pdf.chromium()) is None:
        pytest.skip("no Chromium is installed: nothing was printed")
    page, target = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text(PAGE)
    assert pdf.print_page(program, page, target) == ""
    printed = target.read_bytes()
    assert printed.startswith(b"%PDF-")
    assert printed.count(b"/Type /Page\n") == 2
    assert b"/Outlines" in printed
    assert b"/Link" in printed and b"/Dest" in printed
