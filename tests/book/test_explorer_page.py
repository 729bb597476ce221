"""The explorer as a reader meets it: fields, link, own fits, keyboard, phone, dark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page, ViewportSize, expect

from precision_lib import decide
from precision_lib.laws import Fit, bootstrap, fit, planted_table, save_fits
from tools.steps import ROOT

SCREEN: ViewportSize = {"width": 1300, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def address(html: Path) -> str:
    return (html / "book" / "explorer.html").as_uri()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(viewport=SCREEN)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    page.wait_for_selector(".explorer.is-ready")
    yield page
    assert complaints == []
    context.close()


@pytest.fixture(scope="module")
def sets(html: Path) -> dict[str, list[Fit]]:
    """The fits that the built page carries."""
    text = (html / "book" / "explorer.html").read_text(encoding="utf-8")
    block = BeautifulSoup(text, "html.parser").find(id="explorer-data")
    assert block is not None
    data = json.loads(block.get_text())
    return {
        one["key"]: [Fit.from_json(text) for text in one["fits"]]
        for one in data["sets"]
    }


def settle(page: Page) -> None:
    """Wait for the next two frames: a change is drawn in the first."""
    page.evaluate(
        "() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))"
    )


def value(page: Page, name: str) -> Any:
    """Numbers behind what is shown."""
    settle(page)
    text = page.locator(f"#explorer-{name}").get_attribute("data-value") or ""
    numbers = [float(part) for part in text.split()]
    return numbers[0] if len(numbers) == 1 else numbers


def fill(page: Page, **fields: str) -> None:
    for name, text in fields.items():
        page.fill(f"#explorer-{name}", text)
    settle(page)


def choose(page: Page, key: str) -> None:
    page.check(f"input[name=explorer-set][value={key}]")
    settle(page)


def test_what_is_shown_is_what_the_library_says(
    page: Page, sets: dict[str, list[Fit]]
) -> None:
    choose(page, "paper")
    fill(page, N="110M", D="6e9", weights="8", activations="7", kv="6", post="4")
    fill(page, budget="3e20")
    bits = {"weight_bits": 8.0, "activation_bits": 7.0, "kv_bits": 6.0}
    held = decide.surface(*sets["paper"], columns=bits)
    loss = held.loss(np.array([0]), 110e6, 6e9, post_bits=4.0)[0]
    assert value(page, "loss") == pytest.approx(loss, rel=1e-9)
    size = decide.effective_size(decide.surface(*sets["paper"]), 110e6, 6e9, bits)
    assert value(page, "effective") == pytest.approx(size.values["N_eff"], rel=1e-9)
    critical = decide.critical_data(held, 110e6, 4.0).values["D"]
    assert value(page, "critical") == pytest.approx(critical, rel=1e-6)
    best = decide.optimal_precision(decide.surface(*sets["paper"]), 3e20).values
    for name in ("P", "N", "D"):
        assert value(page, f"optimum-0-{name}") == pytest.approx(best[name], rel=1e-3)
    assert value(page, "optimum-0-loss") == pytest.approx(best["loss"], rel=1e-9)


def test_our_runs_come_with_intervals(page: Page, sets: dict[str, list[Fit]]) -> None:
    choose(page, "ours")
    fill(page, N="98064", D="2.9M", weights="4")
    page.uncheck("#explorer-rounded")
    bits = {"weight_bits": 4.0, "activation_bits": 32.0, "kv_bits": 32.0}
    law = sets["ours"][0].law.columns()
    columns = {name: value for name, value in bits.items() if name in law}
    held = decide.surface(*sets["ours"], columns=columns)
    draws = held.loss(np.arange(1, held.size), 98064.0, 2.9e6)
    low, high = np.percentile(draws, [2.5, 97.5])
    assert value(page, "loss-span") == pytest.approx([low, high], rel=1e-9)
    shown = page.inner_text("#explorer-loss-span")
    assert shown == f"95%: {low:.3f} to {high:.3f}"
    assert low < value(page, "loss") < high


def test_where_the_laws_are_off_is_said_before_the_loss(
    page: Page, sets: dict[str, list[Fit]]
) -> None:
    said = page.locator("#explorer-doubt-words").inner_text()
    ours = sets["ours"]
    assert all(each.misfits[0] in said for each in ours if each.misfits)
    assert all(tie.law.name in said for each in ours for tie in each.ties)
    choose(page, "paper")
    settle(page)
    assert page.locator("#explorer-doubt").is_hidden()
    fill(page, N="1.3e9", D="1e11", post="8")
    assert page.locator("#explorer-critical").inner_text() == "89.4T"
    fill(page, post="12")
    assert page.locator("#explorer-critical").inner_text() == "beyond any data"


def test_the_parts_of_the_loss_add_up(page: Page) -> None:
    parts = ("floor", "size", "data", "training", "delta")
    total = sum(value(page, f"part-{part}") for part in parts)
    assert total == pytest.approx(value(page, "loss"), rel=1e-12)


def test_a_link_brings_everything_back(
    page: Page, address: str, browser: Browser
) -> None:
    choose(page, "paper-no-offsets")
    fill(page, N="123456789", D="4.5e10", weights="5.5", kv="4", budget="7e21")
    page.select_option("#explorer-map", "kv")
    page.uncheck("#explorer-rounded")
    settle(page)
    link = page.input_value("#explorer-link")
    assert link.startswith(address + "#")
    other = browser.new_page()
    other.goto(link)
    other.wait_for_selector(".explorer.is-ready")
    for name in ("N", "D", "weights", "activations", "kv", "post", "budget", "map"):
        field = f"#explorer-{name}"
        assert other.input_value(field) == page.input_value(field), name
    assert other.is_checked("input[value=paper-no-offsets]")
    assert not other.is_checked("#explorer-rounded")
    assert value(other, "loss") == value(page, "loss")
    assert other.input_value("#explorer-link") == link
    other.close()


def test_a_damaged_link_still_opens(address: str, browser: Browser) -> None:
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    for tail in ("#set=nobody&N=-4&w=x&map=(", "#set=own&fits=%%%", "#set=own"):
        page.goto("about:blank")
        page.goto(address + tail)
        page.wait_for_selector(".explorer.is-ready")
    assert errors == []
    page.close()


def cells(page: Page, name: str) -> list[list[float]]:
    """Numbers behind the rows of a table."""
    settle(page)
    rows = page.locator(f"#explorer-{name}-rows tr")
    found = [rows.nth(k).get_attribute("data-value") or "" for k in range(rows.count())]
    return [[float(part) for part in text.split()] for text in found]


def test_two_sets_stand_side_by_side(page: Page, sets: dict[str, list[Fit]]) -> None:
    assert not page.is_visible("#explorer-beside-table")
    fill(page, N="98064", D="2.9M", post="4")
    page.select_option("#explorer-beside", "paper")
    losses = cells(page, "beside")[0]
    for one, fits in zip(losses, (sets["ours"], sets["paper"]), strict=True):
        held = decide.surface(*fits)
        loss = held.loss(np.array([0]), 98064.0, 2.9e6, bits=32.0, post_bits=4.0)[0]
        assert one == pytest.approx(loss, rel=1e-9)
    assert "Dotted, Paper" in page.inner_text("#explorer-data-words")
    assert "beside=paper" in page.input_value("#explorer-link")
    page.select_option("#explorer-beside", "ours")  # nothing to compare with
    settle(page)
    assert not page.is_visible("#explorer-beside-table")


@pytest.mark.parametrize("mode", ["model", "memory"])
def test_widths_in_use_are_compared(
    page: Page, sets: dict[str, list[Fit]], mode: str
) -> None:
    fill(page, N="98064", D="2.9M", post="4")
    page.select_option("#explorer-widths", mode)
    size: dict[str, Any] = {"N": 98064.0}
    if mode == "memory":
        size = {"memory": 4 * 98064.0}
    expected = decide.serving_widths(decide.surface(*sets["ours"]), 2.9e6, **size)
    shown = cells(page, "widths")
    assert [row[0] for row in shown] == pytest.approx(expected.N)
    assert [row[2] for row in shown] == pytest.approx(expected.loss, rel=1e-9)
    assert page.locator("#explorer-widths-rows tr.explorer-best").count() == 1


def test_measured_runs_are_drawn_over_the_curve(page: Page) -> None:
    fill(page, N="98064", D="2.9M", weights="32", activations="32", kv="32", post="3")
    words = page.inner_text("#explorer-data-words")
    assert "measured runs of this size and these bits" in words
    fill(page, N="100B")
    assert "measured" not in page.inner_text("#explorer-data-words")


def own_fits() -> list[Fit]:
    """A reader's two fits, one with replicates."""
    loss = fit(planted_table("effective-weights", 80, noise=0.003), "effective-weights")
    return [
        loss.with_bootstrap(bootstrap(loss, replicates=20)),
        fit(planted_table("ptq", 60, noise=0.01), "ptq"),
    ]


def test_own_fits_are_pasted_opened_and_linked(
    page: Page, browser: Browser, tmp_path: Path
) -> None:
    choose(page, "own")
    assert not page.is_visible(".explorer-columns")
    loss, added = own_fits()
    page.fill("#explorer-own-text", loss.to_json() + "\n" + added.to_json())
    page.click("#explorer-own-use")
    fill(page, N="60M", D="3B", weights="32", post="4")
    held = decide.surface(loss, added, columns={"weight_bits": 32.0})
    expected = held.loss(np.array([0]), 60e6, 3e9, post_bits=4.0)[0]
    assert value(page, "loss") == pytest.approx(expected, rel=1e-9)
    assert len(value(page, "loss-span")) == 2
    other = browser.new_page()
    other.goto(page.input_value("#explorer-link"))
    other.wait_for_selector(".explorer.is-ready")
    assert value(other, "loss") == value(page, "loss")
    assert value(other, "loss-span") == pytest.approx(
        value(page, "loss-span"), rel=1e-6
    )
    other.close()
    save_fits([loss, added], tmp_path / "both.json")
    page.set_input_files("#explorer-own-file", tmp_path / "both.json")
    said = page.locator("#explorer-own-said")
    expect(said).to_have_text("In use: effective-weights and ptq.")
    save_fits([loss], tmp_path / "fit.json")
    page.set_input_files("#explorer-own-file", tmp_path / "fit.json")
    expect(said).to_have_text("In use: effective-weights.")
    expect(page.locator("#explorer-rounded")).to_be_disabled()


def test_own_fits_can_be_dropped(page: Page) -> None:
    choose(page, "own")
    page.evaluate(
        """text => { const bag = new DataTransfer();
             bag.items.add(new File([text], 'fit.json', {type: 'application/json'}));
             document.getElementById('explorer').dispatchEvent(
                 new DragEvent('drop', {dataTransfer: bag, bubbles: true})); }""",
        own_fits()[0].to_json(),
    )
    page.wait_for_selector("#explorer-loss[data-value]:visible")
    assert "effective-weights" in page.inner_text("#explorer-own-said")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hello", "not JSON"),
        ('{"a": 1}', "names no law"),
        ('{"law": "sun", "params": {}}', "cannot draw the law “sun”"),
        ("", "not JSON"),
    ],
)
def test_a_bad_fit_is_told_in_one_sentence(page: Page, text: str, said: str) -> None:
    choose(page, "own")
    page.fill("#explorer-own-text", text)
    page.click("#explorer-own-use")
    settle(page)
    assert said in page.inner_text("#explorer-own-error")
    assert not page.is_visible(".explorer-columns")


def test_a_point_outside_the_runs_is_marked_loudly(
    page: Page, sets: dict[str, list[Fit]]
) -> None:
    choose(page, "ours")
    low, high = sets["ours"][0].ranges["N"]
    fill(page, N=str(int(np.sqrt(low * high))))
    assert not page.is_visible("#explorer-outside")
    fill(page, N=str(int(high * 10)))
    assert page.is_visible("#explorer-outside")
    assert "parameters N" in page.inner_text("#explorer-outside")
    field = page.locator(".explorer-field", has=page.locator("#explorer-N"))
    assert "is-outside" in (field.get_attribute("class") or "")


def test_a_bad_number_is_said_beside_its_field(page: Page) -> None:
    before = value(page, "loss")
    fill(page, N="many")
    assert page.get_attribute("#explorer-N", "aria-invalid") == "true"
    assert "such as 98k" in page.inner_text("#explorer-N-error")
    assert value(page, "loss") == before
    fill(page, N="98k")
    assert page.get_attribute("#explorer-N", "aria-invalid") == "false"


def test_widths_of_a_budget_come_with_intervals(
    page: Page, sets: dict[str, list[Fit]]
) -> None:
    fill(page, budget="1e13")
    rows = decide.training_widths(decide.surface(*sets["ours"]), 1e13).rows()
    for k, row in zip((4, 3, 2, 1), rows, strict=True):
        ends = [row["low"], row["high"]] if row["low"] < row["high"] else []
        shown = np.atleast_1d(value(page, f"optimum-{k}-above"))
        assert shown == pytest.approx([row["above"], *ends], abs=1e-8)
    assert any(row["low"] < row["high"] for row in rows)


def test_laws_have_the_numbers_of_their_chapters(page: Page, html: Path) -> None:
    links = page.locator("a[href*='#equation-']").evaluate_all(
        "all => all.map(a => [a.getAttribute('href'), a.textContent.trim()])"
    )
    assert len(links) == 3
    for target, number in links:
        path, _, name = target.partition("#")
        assert "/notebooks/" in path
        text = (html / "book" / path).read_text(encoding="utf-8")
        found = BeautifulSoup(text, "html.parser").select_one(f"#{name} .eqno")
        assert found is not None and found.get_text().strip("#\n ") == number


def test_parts_without_runs_say_so(page: Page, sets: dict[str, list[Fit]]) -> None:
    columns = sets["ours"][0].law.columns()
    for name, column in (("activations", "activation_bits"), ("kv", "kv_bits")):
        absent = column not in columns
        assert page.is_disabled(f"#explorer-{name}") == absent
        assert page.is_visible(f"#explorer-{name}-absent") == absent
    choose(page, "paper")
    assert page.is_enabled("#explorer-kv")


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.focus("#explorer-N-slider")
    before = value(page, "loss")
    page.keyboard.press("ArrowRight")
    assert value(page, "loss") < before
    spoken = page.get_attribute("#explorer-N-slider", "aria-valuetext")
    assert spoken == page.input_value("#explorer-N") != "98064"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"
    focused = set()
    page.focus("input[name=explorer-set]:checked")
    for _ in range(40):
        focused.add(page.evaluate("document.activeElement.id"))
        page.keyboard.press("Tab")
    names = {"N", "N-slider", "weights-slider", "rounded", "budget", "map", "copy"}
    assert {f"explorer-{name}" for name in names} <= focused


def test_a_change_is_announced_once_it_rests(page: Page) -> None:
    fill(page, D="1M")
    shown = page.inner_text("#explorer-loss")
    status = page.locator("#explorer-status")
    expect(status).to_contain_text(f"Predicted loss {shown}")


def test_every_field_has_a_name(page: Page) -> None:
    nameless = page.evaluate(
        """() => [...document.getElementById('explorer')
               .querySelectorAll('input, select, textarea')]
             .filter(f => !f.labels?.length && !f.getAttribute('aria-label'))
             .map(f => f.id)"""
    )
    assert nameless == []


def test_the_charts_are_drawn_and_follow_the_theme(page: Page) -> None:
    def ink() -> list[str]:
        settle(page)
        images: list[str] = page.evaluate(
            "() => [...document.querySelectorAll('.explorer-chart canvas')]"
            ".map(canvas => canvas.toDataURL())"
        )
        return images

    light = ink()
    assert len(light) == 2 and min(map(len, light)) > 5000
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    settle(page)
    assert all(a != b for a, b in zip(light, ink(), strict=True))
    for name in ("map", "data"):
        assert "NaN" not in page.inner_text(f"#explorer-{name}-words")


def test_a_click_on_the_map_moves_the_point(page: Page) -> None:
    page.select_option("#explorer-map", "weights")
    settle(page)
    before = page.input_value("#explorer-N")
    page.locator("#explorer-map-chart .u-over").click(position={"x": 200, "y": 60})
    settle(page)
    assert page.input_value("#explorer-N") != before
    assert page.input_value("#explorer-weights") != "32"


def test_examples_set_the_scene(page: Page) -> None:
    page.click("[data-preset=paper]")
    settle(page)
    assert page.is_checked("input[value=paper]")
    assert page.input_value("#explorer-N") == "1B"
    assert page.is_visible("#explorer-outside")
    page.click("[data-preset=low]")
    settle(page)
    assert page.input_value("#explorer-weights") == "4"
    assert not page.is_visible("#explorer-outside")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_whole(browser: Browser, address: str, scheme: Any) -> None:
    context = browser.new_context(
        viewport=PHONE, color_scheme=scheme, has_touch=True, device_scale_factor=2
    )
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector(".explorer.is-ready")
    for key in ("ours", "paper"):
        choose(page, key)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"]
    page.locator("#explorer-post-slider").scroll_into_view_if_needed()
    box = page.locator("#explorer-loss").bounding_box()
    assert box is not None and box["y"] >= 0  # stays in view beside the sliders
    context.close()


def test_nothing_is_asked_of_the_network(browser: Browser, address: str) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.click("[data-preset=paper]")
    settle(page)
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    page.close()


def test_its_files_are_loaded_on_its_page_only(html: Path) -> None:
    for path in html.rglob("*.html"):
        if "_static" not in path.parts:
            loads = "explorer/laws.js" in path.read_text(encoding="utf-8")
            assert loads == (
                path.name == "explorer.html" and path.parent.name == "book"
            )


def test_the_vendored_charts_are_the_published_files() -> None:
    import hashlib

    folder = ROOT / "book" / "_static" / "explorer" / "uplot"
    script = "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"
    styles = "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04"
    for name, expected in (("uPlot.iife.min.js", script), ("uPlot.min.css", styles)):
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected
    assert "MIT License" in (folder / "LICENSE").read_text(encoding="utf-8")
