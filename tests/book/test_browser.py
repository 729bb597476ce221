"""Search, contents and dark mode in a real browser with the network off."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

WIDTHS = {"screen": (1300, 900), "phone": (390, 844)}


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
        ("undecided", "book/scorecard"),
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
    page.goto((html / "book" / "references.html").as_uri())
    for _ in range(40):  # a busy browser hands the choice to the next page late
        if page.evaluate("localStorage.getItem('mode')") == "dark":
            break
        page.wait_for_timeout(250)
    page.reload()
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
