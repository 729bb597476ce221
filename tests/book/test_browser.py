"""Every page in a real browser with the network off, wide and on a phone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, expect

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
        if device == "screen" and "api" in path.parts:
            tall: int = page.evaluate("document.documentElement.scrollHeight")
            assert tall < 50_000, f"{name} is to be split"
    assert complaints == []
    assert asked == []
    context.close()


def test_the_first_page_leads_to_the_introduction(html: Path, browser: Browser) -> None:
    page = browser.new_page()
    page.goto((html / "index.html").as_uri())
    page.wait_for_url("**/book/intro.html")
    assert "Scaling laws for precision" in page.title()
    page.close()


@pytest.mark.parametrize(
    ("words", "target"),
    [
        ("effective parameters", "book/glossary"),
        ("bootstrap", "book/api/laws"),
        ("not at this scale", "book/scorecard"),
        ("critical data size", "notebooks/04_ptq_degradation"),
    ],
)
def test_the_search_finds(
    words: str, target: str, html: Path, browser: Browser
) -> None:
    page = browser.new_page()
    page.goto((html / "search.html").as_uri() + "?q=" + words.replace(" ", "+"))
    found = page.locator(f'#search-results li a[href*="{target}"]')
    expect(found.first).to_be_visible(timeout=20_000)  # they come one by one
    page.close()


def test_the_search_box_of_a_page_leads_to_results(
    html: Path, browser: Browser
) -> None:
    page = browser.new_page()
    page.goto((html / "book" / "symbols.html").as_uri())
    page.keyboard.press("Control+k")
    page.keyboard.type("tokens")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=tokens*")
    expect(page.locator("#search-results li a").first).to_be_visible(timeout=20_000)
    page.close()


def shade(page: Page) -> float:
    """Mean of the background's red, green and blue, 0 to 255."""
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(float, re.findall(r"[\d.]+", color)[:3])) / 3


@pytest.mark.parametrize("device", WIDTHS)
def test_dark_is_dark_and_stays_so_from_page_to_page(
    device: str, html: Path, browser: Browser
) -> None:
    width, height = WIDTHS[device]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="light"
    )
    page = context.new_page()
    page.goto((html / "book" / "symbols.html").as_uri())
    assert shade(page) > 200
    button = page.locator(".theme-switch-button:visible").first
    for _ in range(3):  # auto, light, dark
        if page.get_attribute("html", "data-theme") != "dark":
            button.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert shade(page) < 60
    page.wait_for_timeout(1000)  # the browser stores the choice a moment later
    page.goto((html / "book" / "references.html").as_uri())
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert shade(page) < 60
    context.close()


def test_a_narrow_window_folds_the_contents_away(html: Path, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((html / "book" / "symbols.html").as_uri())
    contents = page.locator(".bd-sidebar-primary nav a").first
    expect(contents).not_to_be_in_viewport()
    page.locator("button.primary-toggle:visible").first.click()
    expect(contents).to_be_in_viewport()
    page.close()
