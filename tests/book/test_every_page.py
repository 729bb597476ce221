"""Every page, opened once: wide and narrow, light and dark, with the network off."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import axe_playwright_python
import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page as Tab,
    ViewportSize,
    expect,
)

from tests.book.conftest import NOTE_VIOLATIONS, Page

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
SHARES = 10  # of the pages, a test each, for the processes that share the work
WIDE: ViewportSize = {"width": 1300, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
MOST_BYTES = 1_500_000
TEXT = {".html", ".css", ".js", ".svg"}  # what a server sends compressed

FORMULAS = "async () => { await window.MathJax?.startup?.promise; }"
UNRENDERED = """() => [...document.querySelectorAll('article .math')].filter(
    node => !node.querySelector('mjx-container')
         || node.querySelector('[data-mml-node="merror"]'))
    .map(node => node.outerHTML.slice(0, 200))"""
LOAD_IMAGES = """() => Promise.all([...document.images].map(image => {
    image.loading = 'eager';
    return image.decode().catch(() => null); }))"""
BROKEN_IMAGES = """() => [...document.images].filter(
    image => image.complete && !image.naturalWidth).map(image => image.src)"""
# A width that was just set is drawn in one of the next two frames.
DRAWN = """async () => {
    const frame = () => new Promise(requestAnimationFrame);
    await frame(); await frame(); }"""
TOO_WIDE = """() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.querySelectorAll('article, article *')]
        .filter(node => node.scrollWidth > width
                     && getComputedStyle(node).overflowX === 'visible')
        .slice(-3).map(node => node.outerHTML.slice(0, 200))
        .concat([`the page is ${document.documentElement.scrollWidth} wide`]); }"""
# On a telephone code may scroll, but no number of a table and no end of a formula.
OUT_OF_SIGHT = """() => {
    const folded = [...document.querySelectorAll('article details:not([open])')];
    folded.forEach(one => { one.open = true; });
    const boxes = document.querySelectorAll(`article :is(.output, .explorer-scroll,
        .pst-scrollable-table-container, mjx-container[display="true"])`);
    const found = [...boxes].filter(
        one => one.scrollWidth > one.clientWidth + 1 && !one.querySelector('pre'))
        .map(one => `${one.scrollWidth} of ${one.clientWidth}: ${one.textContent}`);
    folded.forEach(one => { one.open = false; });
    return found; }"""
LARGER_BELOW = """() => {
    const sizes = ['h1', 'h2', 'h3'].map(level => document.querySelector(
        `article ${level}`)).filter(Boolean)
        .map(one => parseFloat(getComputedStyle(one).fontSize));
    return sizes.filter((size, place) => size >= sizes[place - 1]); }"""
# Waited for, a transition of a busy machine once never ended. One may start another.
STAND_STILL = """() => {
    const running = () => document.getAnimations().filter(
        one => one instanceof CSSTransition);
    for (let some = running(); some.length; some = running())
        some.forEach(one => one.finish()); }"""
FAULTS = """async options => (await axe.run(document, options)).violations
    .filter(fault => ['serious', 'critical'].includes(fault.impact))
    .flatMap(fault => fault.nodes.map(
        node => `${fault.id}: ${node.target} ${node.html.slice(0, 200)}`))"""
# A source listing is one page with another text, and what goes with that.
ARTICLE = re.compile(r'<article class="bd-article">.*?</article>', re.DOTALL)
OWN = re.compile(r"<title>.*?</title>|pagename = '[^']*'|'sha256-[^']*'", re.DOTALL)
UPWARDS = re.compile(r"(\.\./)+")
PUT = "text => { document.querySelector('article').outerHTML = text; }"
# A token of code has a color and nothing else that a reader, seeing or not, is told;
# as one text a listing of thousands of them is looked at in a tenth of the time.
CODE_AS_TEXT = """() => {
    const tokens = document.querySelectorAll('pre span, dt.sig :is(span, em)');
    for (const token of [...tokens].reverse())  // the inner ones first
        if (!token.children.length && token.getAttributeNames().every(
            name => name === 'class')) token.replaceWith(token.textContent);
    document.body.normalize(); }"""
STRUCTURE: dict[str, Any] = {
    "resultTypes": ["violations"],
    "preload": False,  # the policy forbids it
    "rules": {"color-contrast": {"enabled": False}},
}
# The contrast of a text hangs on its color, size and weight and on what is painted
# behind it. One text of each look is enough, on whichever page it comes first: a page
# has thousands of tokens of code, and axe reads all of a page however few are asked.
CONTRAST = """async known => {
    const behind = new Map();
    const backdrop = node => {
        if (!node) return '';
        if (!behind.has(node)) {
            const s = getComputedStyle(node);
            const own = s.position === 'static' ? '' : node.className;
            const paint = s.backgroundColor === 'rgba(0, 0, 0, 0)' ? ''
                : s.backgroundColor;
            const image = s.backgroundImage === 'none' ? '' : s.backgroundImage;
            const veil = s.opacity === '1' ? '' : s.opacity;
            behind.set(node, backdrop(node.parentElement)
                + [own, paint, image, veil].join(''));
        }
        return behind.get(node);
    };
    const seen = new Set(known);
    const looks = new Map();
    for (const node of document.querySelectorAll('body *')) {
        const says = [...node.childNodes].some(
            one => one.nodeType === Node.TEXT_NODE && one.data.trim());
        if (!says || !node.checkVisibility({visibilityProperty: true})) continue;
        const s = getComputedStyle(node);
        const look = [s.color, s.fontSize, s.fontWeight, s.textShadow, node.disabled,
            backdrop(node)].join('|');
        if (!seen.has(look) && !looks.has(look)) looks.set(look, node);
    }
    if (!looks.size) return {looks: [], faults: []};
    const found = await axe.run({include: [...looks.values()]},
        {runOnly: ['color-contrast'], resultTypes: ['violations'], preload: false});
    const faults = found.violations.flatMap(fault => fault.nodes.map(
        node => `${fault.id}: ${node.target} ${node.html.slice(0, 200)}`));
    return {looks: [...looks.keys()], faults}; }"""
LOOKED_AT: dict[str, set[str]] = {"light": set(), "dark": set()}


@dataclass(frozen=True)
class Visit:
    """What was seen on a page that was opened once; all but the bytes are faults."""

    errors: list[str]
    asked: list[str]
    violations: list[str]
    unrendered: list[str]
    broken_images: list[str]
    too_wide: list[str]
    out_of_sight: list[str]
    larger_below: list[float]
    inaccessible: list[str]
    sent: dict[str, int]


@cache
def bytes_sent(path: Path) -> int:
    """What a server sends for a file."""
    content = path.read_bytes()
    return len(gzip.compress(content, 6) if path.suffix in TEXT else content)


def visit(tab: Tab, path: Path) -> Visit:
    """Open a page."""
    errors: list[str] = []
    fetched: set[str] = set()
    listeners: dict[Any, Any] = {
        "request": lambda request: fetched.add(request.url),
        "pageerror": lambda error: errors.append(str(error)),
        "console": note_errors(errors),
    }
    for event, listener in listeners.items():
        tab.on(event, listener)
    tab.set_viewport_size(NARROW)
    tab.emulate_media(color_scheme="light")
    tab.goto(path.as_uri(), wait_until="load")
    tab.evaluate(FORMULAS)
    tab.evaluate(LOAD_IMAGES)
    violations = tab.evaluate("window.violations")
    files = {Path(unquote(urlsplit(url).path)) for url in fetched if "file:" in url}
    narrow = {js: tab.evaluate(js) for js in (TOO_WIDE, OUT_OF_SIGHT, LARGER_BELOW)}
    tab.set_viewport_size(WIDE)
    tab.evaluate(DRAWN)
    wide = {js: tab.evaluate(js) for js in (TOO_WIDE, OUT_OF_SIGHT)}
    found = Visit(
        errors=errors,
        asked=[u for u in fetched if not u.startswith(("file:", "data:", "blob:"))],
        violations=violations,
        unrendered=tab.evaluate(UNRENDERED),
        broken_images=tab.evaluate(BROKEN_IMAGES),
        too_wide=narrow[TOO_WIDE] + wide[TOO_WIDE],
        out_of_sight=narrow[OUT_OF_SIGHT] + wide[OUT_OF_SIGHT],
        larger_below=narrow[LARGER_BELOW],
        inaccessible=faults(tab),
        sent={one.name: bytes_sent(one) for one in files},
    )
    for event, listener in listeners.items():
        tab.remove_listener(event, listener)
    return found


def note_errors(errors: list[str]) -> Callable[[ConsoleMessage], None]:
    """A listener that keeps what the page complains about."""

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    return note


def faults(tab: Tab) -> list[str]:
    """What assistive tools stumble over, and contrast in the light and in the dark."""
    tab.evaluate(AXE.read_text(encoding="utf-8"))  # not a script of the page
    found = too_pale(tab, "light")
    tab.emulate_media(color_scheme="dark")
    expect(tab.locator("html")).to_have_attribute("data-theme", "dark")
    tab.evaluate(STAND_STILL)  # a color between light and dark has no contrast
    found += too_pale(tab, "dark")
    tab.evaluate(CODE_AS_TEXT)
    structure: list[str] = tab.evaluate(FAULTS, STRUCTURE)
    return found + structure


def too_pale(tab: Tab, scheme: str) -> list[str]:
    """Texts of too little contrast, of looks that no page before had."""
    said = tab.evaluate(CONTRAST, [*LOOKED_AT[scheme]])
    LOOKED_AT[scheme].update(said["looks"])
    faults: list[str] = said["faults"]
    return faults


@pytest.mark.parametrize("share", range(SHARES))
def test_every_page_is_whole_light_and_usable_by_everybody(
    share: int, html: Path, pages: dict[Path, Page], browser: Browser
) -> None:
    paths = [html / "index.html", *listings(html, pages)[1:]]  # which leads on at once
    paths = sorted(pages.keys() - set(paths))
    tab = new_tab(browser)
    visits = {
        path.relative_to(html).as_posix(): visit(tab, path)
        for path in paths[share::SHARES]
    }
    tab.context.close()
    assert len(visits) >= len(paths) // SHARES
    kinds = [name for name in Visit.__annotations__ if name != "sent"]
    for kind in kinds:
        found = {name: getattr(seen, kind) for name, seen in visits.items()}
        assert {name: said for name, said in found.items() if said} == {}, kind
    heavy = {
        name: sorted(seen.sent.items(), key=lambda one: -one[1])[:5]
        for name, seen in visits.items()
        if sum(seen.sent.values()) > MOST_BYTES
    }
    assert heavy == {}


def listings(html: Path, pages: dict[Path, Page]) -> list[Path]:
    """The pages with the source of a module each."""
    folder = html / "_modules" / "precision_lib"
    return sorted(path for path in pages if folder in path.parents)


def new_tab(browser: Browser) -> Tab:
    """A tab of its own that notes what the policy of a page refuses."""
    context = browser.new_context()
    context.add_init_script(NOTE_VIOLATIONS)
    return context.new_page()


@pytest.mark.parametrize("share", range(2))
def test_listings_are_one_page_with_other_texts_that_are_as_good(
    share: int, html: Path, pages: dict[Path, Page], browser: Browser
) -> None:
    """The first is opened as any page is, then shows the text of each other one.

    What fits into a narrow window fits into a wide one here: a text that scrolls.
    """
    paths = listings(html, pages)
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    frames = {UPWARDS.sub("", OWN.sub("", ARTICLE.sub("", t))) for t in texts.values()}
    assert len(frames) == 1
    most = sum(visit(tab := new_tab(browser), paths[0]).sent.values())
    own = bytes_sent(paths[0])
    tab.set_viewport_size(NARROW)
    tab.evaluate(DRAWN)
    for path in paths[share::2]:
        (article,) = ARTICLE.findall(texts[path])
        assert most - own + bytes_sent(path) < MOST_BYTES, path
        tab.evaluate(PUT, article)
        assert tab.evaluate(TOO_WIDE) == [], path
        tab.evaluate(CODE_AS_TEXT)
        assert tab.evaluate(FAULTS, STRUCTURE) == [], path
    tab.context.close()
