"""The policy of every page, what it lets through, and where a page comes from."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.book.conftest import NOTE_VIOLATIONS, Page


def policy(page: Page) -> dict[str, str]:
    """The directives of a page's policy."""
    name = "Content-Security-Policy"
    (content,) = page.tree.xpath(f"//meta[@http-equiv='{name}']/@content")
    pairs = (part.split(maxsplit=1) for part in content.split("; "))
    return dict(pairs)


def test_every_page_carries_a_strict_policy(pages: dict[Path, Page]) -> None:
    for page in pages.values():
        found = policy(page)
        assert found["default-src"] == "'none'"
        assert "connect-src" not in found  # falls back to 'none'
        assert "'unsafe-inline'" not in found["script-src"]
        assert "'unsafe-eval'" not in found["script-src"]
        sources = " ".join(found.values())
        assert not re.search(r"https?:|\*", sources), page.name


def test_the_policy_comes_before_the_first_script(pages: dict[Path, Page]) -> None:
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert text.index("Content-Security-Policy") < (text + "<script").index(
            "<script"
        )


def test_the_policy_stops_a_script_that_is_not_of_the_book(
    html: Path, browser: Browser
) -> None:
    tab = browser.new_page()
    tab.add_init_script(NOTE_VIOLATIONS)
    tab.goto((html / "book" / "symbols.html").as_uri())
    tab.evaluate(
        """() => { const script = document.createElement('script');
             script.textContent = 'window.stranger = true';
             document.body.append(script);
             document.body.setAttribute('onclick', 'window.stranger = true');
             document.body.click(); }"""
    )
    assert tab.evaluate("window.stranger") is None
    assert len(tab.evaluate("window.violations")) == 2
    refused = tab.evaluate("() => fetch('https://example.org').catch(e => 'refused')")
    assert refused == "refused"
    assert any("connect-src" in one for one in tab.evaluate("window.violations"))
    tab.close()


def test_buttons_of_the_theme_work_under_the_policy(
    html: Path, browser: Browser
) -> None:
    tab = browser.new_page()
    tab.goto((html / "book" / "symbols.html").as_uri())
    tab.click("button.btn-fullscreen-button")
    expect(tab.locator("html:fullscreen")).to_have_count(1)
    tab.close()


def test_icons_are_drawn_though_most_were_dropped(html: Path, browser: Browser) -> None:
    script = html / "_static" / "scripts" / "fontawesome.js"
    assert script.stat().st_size < 150_000
    tab = browser.new_page()
    tab.goto((html / "book" / "symbols.html").as_uri())
    tab.wait_for_selector("svg.fa-bars")
    icons = tab.evaluate(
        """() => [...document.querySelectorAll('svg.svg-inline--fa')].map(
             icon => [icon.dataset.icon, icon.querySelectorAll('path[d]').length])"""
    )
    assert len({name for name, _ in icons}) >= 5
    assert [name for name, paths in icons if not paths] == []
    assert tab.locator(".fa-circle-question, [data-icon=missing]").count() == 0
    tab.close()


def test_every_page_says_which_version_and_data_it_is_made_from(
    pages: dict[Path, Page], html: Path
) -> None:
    import importlib.metadata

    version = importlib.metadata.version("precision-lib")
    for path, page in pages.items():
        if path == html / "index.html":
            continue
        (foot,) = page.tree.cssselect("footer .book-made-from")
        assert re.search(
            rf"Version {re.escape(version)} · run tables [0-9a-f]{{12}}",
            foot.text_content(),
        ), page.name
