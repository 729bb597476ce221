"""The way through the book: next and previous, downloads, numbers, the first screen."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urldefrag

import pytest
import yaml
from playwright.sync_api import Browser, expect

from tests.book.conftest import SOURCES, Page, read
from tests.book.test_sources import listed
from tools.steps import ROOT

each = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def in_order() -> list[str]:
    """All pages in the order of the contents."""
    return list(listed(yaml.safe_load((ROOT / "_toc.yml").read_text())))


def neighbor(page: Page, side: str) -> Path | None:
    links = page.tree.cssselect(f".prev-next-area a.{side}")
    if not links:
        return None
    return (page.path.parent / urldefrag(links[0].get("href")).url).resolve()


def test_next_leads_through_all_pages_and_previous_back(
    html: Path, pages: dict[Path, Page]
) -> None:
    paths = [(html / f"{name}.html").resolve() for name in in_order()]
    by_path = {path.resolve(): page for path, page in pages.items()}
    for before, after in zip(paths, paths[1:], strict=False):
        assert neighbor(by_path[before], "right-next") == after
        assert neighbor(by_path[after], "left-prev") == before
    assert neighbor(by_path[paths[-1]], "right-next") is None


@each
def test_a_chapter_can_be_downloaded_as_the_notebook_it_is(
    source: Path, html: Path, pages: dict[Path, Page]
) -> None:
    page = pages[html / "notebooks" / f"{source.stem}.html"]
    links = page.tree.cssselect("a.btn-download-source-button")
    files = [page.path.parent / link.get("href") for link in links]
    (notebook,) = [path for path in files if path.suffix == ".ipynb"]
    assert [cell.source for cell in read(notebook).cells] == [
        cell.source for cell in read(source).cells
    ]


def test_a_list_of_chapters_and_the_chapter_tell_one_reading_time(
    html: Path, pages: dict[Path, Page]
) -> None:
    intro = html / "book" / "intro.html"
    listed_there = pages[intro].tree.cssselect("ul.chapters li")
    assert len(listed_there) > 20
    for item in listed_there:
        chapter = (intro.parent / item.cssselect("a")[0].get("href")).resolve()
        (minutes,) = re.findall(r"\((\d+) min to read", item.text_content())
        (times,) = pages[html / "notebooks" / chapter.name].tree.cssselect("p.times")
        assert times.text_content().startswith(f"{minutes} minute"), chapter.name


@each
def test_every_equation_of_a_chapter_shows_its_number(
    source: Path, html: Path, pages: dict[Path, Page]
) -> None:
    text = "\n".join(c.source for c in read(source).cells if c.cell_type == "markdown")
    labels = re.findall(r"\$\$ \((eq-[\w-]+)\)", text)
    page = pages[html / "notebooks" / f"{source.stem}.html"]
    for label in labels:
        (number,) = page.tree.cssselect(f"#equation-{label} .eqno")
        assert re.match(r"\(\d+\.\d+\)", number.text_content()), label


def test_links_to_an_equation_or_figure_show_its_number(
    pages: dict[Path, Page],
) -> None:
    for page in pages.values():
        for link in page.tree.cssselect("article a.reference.internal"):
            target = link.get("href", "").partition("#")[2]
            if target.startswith(("equation-", "fig-")):
                assert re.search(r"\d", link.text_content()), f"{page.name} {target}"


def test_the_first_screen_shows_words_and_the_figure(
    html: Path, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    page.goto((html / "book" / "intro.html").as_uri())
    expect(page.locator("figure#fig-opening img")).to_be_in_viewport(ratio=0.9)
    table = page.locator("table.scorecard")
    expect(table.locator("tbody tr").nth(20)).to_be_in_viewport()
    assert table.locator("tbody tr").count() == table.locator("td .word").count()
    page.close()


def test_a_word_leads_to_its_numbers(html: Path, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    page.goto((html / "book" / "intro.html").as_uri())
    page.locator("table.scorecard .word a").first.click()
    page.wait_for_url("**/scorecard.html#finding-*")
    name = page.url.partition("#")[2]
    expect(page.locator(f"tr[id='{name}']")).to_be_in_viewport()
    page.close()
