"""Every page in a real browser with the network off, wide and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request

WIDTHS = {"screen": (1300, 900), "phone": (390, 844)}


def wait_for_formulas(page: Page) -> None:
    page.evaluate("async () => { await window.MathJax?.startup?.promise; }")


def unrendered_formulas(page: Page) -> int:
    return int(
        page.evaluate(
            """() => [...document.querySelectorAll('article .math')].filter(
                 node => !node.querySelector('mjx-container')
                      || node.querySelector('[data-mml-node="merror"]')).length"""
        )
    )


def broken_images(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        """() => { document.querySelectorAll('img').forEach(i => i.loading = 'eager');
             return [...document.images].filter(i => i.complete && !i.naturalWidth)
                 .map(i => i.src); }"""
    )
    return found


def too_wide(page: Page) -> list[str]:
    """The innermost boxes whose content sticks out of the window."""
    found: list[str] = page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return [];
          return [...document.querySelectorAll('article, article *')]
            .filter(node => node.scrollWidth > width
                         && getComputedStyle(node).overflowX === 'visible')
            .slice(-3).map(node => node.outerHTML.slice(0, 200))
            .concat([`the page is ${document.documentElement.scrollWidth} wide`]);
        }"""
    )
    return found


@pytest.mark.slow
@pytest.mark.parametrize("device", WIDTHS)
def test_every_page_opens_without_a_network(
    device: str, html: Path, pages: dict[Path, object], browser: Browser
) -> None:
    width, height = WIDTHS[device]
    context = browser.new_context(viewport={"width": width, "height": height})
    complaints: list[str] = []
    asked: list[str] = []

    def note_request(request: Request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            asked.append(request.url)

    page = context.new_page()
    page.on("request", note_request)
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    page.on(
        "console",
        lambda message: (
            complaints.append(f"{page.url}: {message.text}")
            if message.type == "error"
            else None
        ),
    )
    for path in pages.keys() - {html / "index.html"}:  # which leads on at once
        page.goto(path.as_uri(), wait_until="load")
        wait_for_formulas(page)
        name = path.relative_to(html)
        assert unrendered_formulas(page) == 0, name
        assert broken_images(page) == [], name
        assert too_wide(page) == [], name
    assert complaints == []
    assert asked == []
    context.close()


def test_the_first_page_leads_to_the_introduction(html: Path, browser: Browser) -> None:
    page = browser.new_page()
    page.goto((html / "index.html").as_uri())
    page.wait_for_url("**/book/intro.html")
    assert "Scaling laws for precision" in page.title()
    page.close()
