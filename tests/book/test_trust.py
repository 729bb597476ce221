"""What opening a page does: allowed by its policy, light, and usable by everybody."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page as Tab, expect

from tests.book.conftest import Page

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
MOST_BYTES = 1_500_000
TEXT = {".html", ".css", ".js", ".svg"}  # what a server sends compressed
NOTE_VIOLATIONS = """
    window.violations = [];
    document.addEventListener('securitypolicyviolation', event =>
        window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""
LOAD_IMAGES = """() => Promise.all([...document.images].map(image => {
    image.loading = 'eager';
    return image.decode().catch(() => null); }))"""
STAND_STILL = """() => Promise.all(document.getAnimations()
    .filter(one => one instanceof CSSTransition).map(
    one => one.finished.catch(() => null)))"""
FAULTS = """async options => (await axe.run(document, options)).violations
    .filter(fault => ['serious', 'critical'].includes(fault.impact))
    .flatMap(fault => fault.nodes.map(
        node => `${fault.id}: ${node.target} ${node.html.slice(0, 200)}`))"""


@dataclass(frozen=True)
class Visit:
    """What was seen when a page was opened, in the light and in the dark."""

    violations: list[str]
    bytes_sent: dict[str, int]
    faults: list[str]


def sent(path: Path) -> int:
    """Bytes that a server sends for a file."""
    content = path.read_bytes()
    return len(gzip.compress(content, 6) if path.suffix in TEXT else content)


def visit(tab: Tab, path: Path, name: str) -> Visit:
    """Open a page; source listings are all alike, so their colors are not looked at."""
    fetched: set[str] = set()
    tab.on("request", lambda request: fetched.add(request.url))
    tab.emulate_media(color_scheme="light")
    tab.goto(path.as_uri(), wait_until="load")
    tab.evaluate("async () => { await window.MathJax?.startup?.promise; }")
    tab.evaluate(LOAD_IMAGES)
    files = {Path(unquote(urlsplit(url).path)) for url in fetched if "file:" in url}
    violations = tab.evaluate("window.violations")
    tab.evaluate(AXE.read_text(encoding="utf-8"))  # not a script of the page
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if name.startswith("_modules/precision_lib"):
        options["rules"] = {"color-contrast": {"enabled": False}}
        faults = tab.evaluate(FAULTS, options)
    else:
        faults = tab.evaluate(FAULTS, options)
        tab.emulate_media(color_scheme="dark")
        expect(tab.locator("html")).to_have_attribute("data-theme", "dark")
        tab.evaluate(STAND_STILL)  # a color between light and dark has no contrast
        faults += tab.evaluate(FAULTS, {"runOnly": ["color-contrast"]})
    return Visit(violations, {one.name: sent(one) for one in files}, faults)


@pytest.fixture(scope="module")
def visits(
    html: Path, pages: dict[Path, Page], browser: Browser
) -> Iterator[dict[str, Visit]]:
    found = {}
    for path in sorted(pages.keys() - {html / "index.html"}):  # which leads on at once
        context = browser.new_context(viewport={"width": 1300, "height": 900})
        context.add_init_script(NOTE_VIOLATIONS)
        name = path.relative_to(html).as_posix()
        found[name] = visit(context.new_page(), path, name)
        context.close()
    yield found


@pytest.mark.slow
def test_no_page_breaks_its_policy(visits: dict[str, Visit]) -> None:
    assert {k: v.violations for k, v in visits.items() if v.violations} == {}


@pytest.mark.slow
def test_no_page_has_a_serious_fault_for_assistive_tools(
    visits: dict[str, Visit],
) -> None:
    assert {k: v.faults for k, v in visits.items() if v.faults} == {}


@pytest.mark.slow
def test_no_page_is_heavy(visits: dict[str, Visit]) -> None:
    heavy = {
        name: sorted(visit.bytes_sent.items(), key=lambda one: -one[1])[:5]
        for name, visit in visits.items()
        if sum(visit.bytes_sent.values()) > MOST_BYTES
    }
    assert heavy == {}


def policy(page: Page) -> dict[str, str]:
    """The directives of a page's policy."""
    metas = page.soup.select('meta[http-equiv="Content-Security-Policy"]')
    assert len(metas) == 1, page.name
    pairs = (part.split(maxsplit=1) for part in str(metas[0]["content"]).split("; "))
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
        foot = page.soup.select_one("footer .book-made-from")
        assert foot is not None, page.name
        assert re.search(
            rf"Version {re.escape(version)} · run tables [0-9a-f]{{12}}",
            foot.get_text(),
        )
