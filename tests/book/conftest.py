"""The notebooks as stored, as executed, and the pages made of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import lxml.html
import nbformat
import psutil
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tools import book, notebooks
from tools.pdf import chromium
from tools.steps import digest, is_fresh

NOTE_VIOLATIONS = """
    window.violations = [];
    document.addEventListener('securitypolicyviolation', event =>
        window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""
expect.set_options(timeout=60_000)  # of a busy machine; five seconds were not enough
SOURCES = sorted(notebooks.NOTEBOOKS.glob("*.ipynb"))
# What hands numbers on or prices a sweep teaches nothing.
BOOKKEEPING = re.compile(
    r"\b(glue|say)\("
    r"|(?<![\w.])intervals\.(?!constants|r_squared|r2_gap)"
)


@dataclass(frozen=True)
class Page:
    """One rendered page."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(book.HTML).as_posix()

    @cached_property
    def tree(self) -> lxml.html.HtmlElement:
        return lxml.html.document_fromstring(self.path.read_text(encoding="utf-8"))

    @cached_property
    def anchors(self) -> set[str]:
        return set(self.tree.xpath("//@id"))


def read(path: Path) -> Any:
    """A notebook as nbformat reads it."""
    return nbformat.read(path, as_version=4)


@pytest.fixture(scope="session")
def html() -> Path:
    """Folder of the rendered book, which must be that of the present sources."""
    executed = [notebooks.EXECUTED / path.name for path in SOURCES]
    missing = [path.name for path in executed if not path.exists()]
    if missing:
        pytest.fail(f"not executed: {missing}; run `make book` first", pytrace=False)
    key = digest([*book.inputs(), *executed], sys.version)
    if not is_fresh(book.HTML, key):
        pytest.fail("the book is not up to date; run `make book`", pytrace=False)
    return book.HTML


@pytest.fixture(scope="session")
def pages(html: Path) -> dict[Path, Page]:
    """All rendered pages by their path."""
    found = sorted(html.rglob("*.html"))
    return {path: Page(path) for path in found if "_static" not in path.parts}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """An installed Chromium with the network off and the rights it has on a desk."""
    if (program := chromium()) is None:
        pytest.skip("no Chromium is installed: the pages were not opened")
    with sync_playwright() as playwright:
        alive = [p for p in psutil.Process().children() if p.status() != "zombie"]
        driver = next(process for process in alive if "playwright" in process.exe())
        yield playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"],
        )
        # Asked to close, the driver waits for Chromium and all that holds its pipes,
        # without a limit: a run of all tests once hung after the last of them.
        for process in [*driver.children(recursive=True), driver]:
            with suppress(psutil.NoSuchProcess):  # it went with its parent
                process.kill()
