"""No rendered page asks the network for anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.book.conftest import Page

# What a browser fetches by itself when it opens a page; a link waits for a click.
FETCHED = {
    "script": ("src",),
    "img": ("src", "srcset"),
    "iframe": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "link": ("href",),
    "form": ("action",),
    "use": ("href", "xlink:href"),
    "image": ("href", "xlink:href"),
}
PASSIVE_LINKS = {"canonical", "license", "author", "next", "prev", "index", "search"}
OUTSIDE = re.compile(r"^(?:https?:)?//", re.IGNORECASE)


def fetched(page: Page) -> Iterator[str]:
    """Every address that opening the page would ask for."""
    for name, attributes in FETCHED.items():
        for tag in page.tree.iter(name):
            if name == "link" and set(tag.get("rel", "").split()) & PASSIVE_LINKS:
                continue
            yield from (tag.get(one) for one in attributes if tag.get(one))
    for style in page.tree.xpath("//@style"):
        yield from re.findall(r"url\(['\"]?([^'\")]+)", style)
    for tag in page.tree.iter("style"):
        yield from addresses_in_css(tag.text_content())


def addresses_in_css(css: str) -> list[str]:
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    found = re.findall(r"url\(['\"]?([^'\")]+)", css)
    return found + re.findall(r"@import\s+['\"]([^'\"]+)", css)


def test_no_page_asks_the_network_for_anything(pages: dict[Path, Page]) -> None:
    outside = [
        f"{page.name}: {address}"
        for page in pages.values()
        for address in fetched(page)
        if OUTSIDE.match(address)
    ]
    assert outside == []


def test_no_style_sheet_asks_the_network_for_anything(html: Path) -> None:
    sheets = list(html.rglob("*.css"))
    assert sheets
    outside = [
        f"{sheet.name}: {address}"
        for sheet in sheets
        for address in addresses_in_css(sheet.read_text(encoding="utf-8"))
        if OUTSIDE.match(address)
    ]
    assert outside == []


def test_no_script_in_a_page_names_another_host(pages: dict[Path, Page]) -> None:
    for page in pages.values():
        for script in page.tree.iter("script"):
            assert not re.search(r"https?://", script.text_content()), page.name


def test_what_a_page_fetches_is_in_the_book(pages: dict[Path, Page]) -> None:
    for page in pages.values():
        for address in fetched(page):
            if address.startswith(("data:", "#")):
                continue
            target = page.path.parent / unquote(urlsplit(address).path)
            assert target.exists(), f"{page.name}: {address}"


def test_pages_with_formulas_load_the_vendored_mathjax(pages: dict[Path, Page]) -> None:
    with_formulas = [page for page in pages.values() if page.tree.cssselect(".math")]
    assert with_formulas
    for page in with_formulas:
        scripts = page.tree.xpath("//script/@src")
        assert any("mathjax/tex-svg-full.js" in src for src in scripts), page.name
