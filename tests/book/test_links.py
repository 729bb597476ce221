"""Every link within the book leads somewhere, and every page is linked to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

from tests.book.conftest import Page


def links(page: Page) -> Iterator[tuple[str, Path, str]]:
    """Each link within the book: as written, its page and its anchor."""
    for address in set(page.tree.xpath("//a/@href")):
        if urlsplit(address).scheme or address.startswith("//"):
            continue
        file, anchor = urldefrag(address)
        path = unquote(urlsplit(file).path)
        target = Path(os.path.normpath(page.path.parent / path)) if path else page.path
        yield address, target, unquote(anchor)


def test_links_within_the_book_lead_somewhere(pages: dict[Path, Page]) -> None:
    broken = []
    for page in pages.values():
        for address, target, anchor in links(page):
            known = pages.get(target)
            if not (known or target.exists()) or (
                known and anchor and anchor not in known.anchors
            ):
                broken.append(f"{page.name} -> {address}")
    assert broken == []


def test_every_page_can_be_reached_from_the_first(
    pages: dict[Path, Page], html: Path
) -> None:
    start = html / "index.html"
    seen, todo = {start}, [start]
    while todo:
        page = pages[todo.pop()]
        targets = [target for _, target, _ in links(page)]
        for refresh in page.tree.xpath("//meta[@http-equiv]/@content"):
            if match := re.search(r"url=(.+)$", refresh):
                targets.append(page.path.parent / match.group(1))
        fresh = {target for target in targets if target in pages} - seen
        seen |= fresh
        todo.extend(fresh)
    special = {"genindex.html", "search.html", "py-modindex.html", "prf-prf.html"}
    lost = {page.name for path, page in pages.items() if path not in seen}
    assert {name for name in lost if not name.startswith("_modules/")} <= special
