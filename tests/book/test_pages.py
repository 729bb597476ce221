"""The rendered chapters: executed as stored, nothing failed, figures complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from precision_lib.findings.outcomes import load_outcomes
from tests.book.conftest import BOOKKEEPING, SOURCES, Page, read
from tools import notebooks

pytestmark = pytest.mark.usefixtures("html")
each = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)

RAW_MARKUP = re.compile(
    r"\{(?:eq|numref|ref|cite:?[tp]?|glue:?\w*|py:\w+|math)\}`|^:::|``|:[a-z]+:`"
    r"|(?<=\s)–(?=\w)",  # an option whose two hyphens became a dash
    re.MULTILINE,
)
NUMBER = r"(-?\d*\.\d+)"
ESTIMATE = re.compile(rf"{NUMBER} \({NUMBER} to {NUMBER}\)")
PANELS = ("Two", "Three", "Four", "Five", "Six")
SVG = "image/svg+xml"
LEAST_TEXT = 7.5  # pixels
ROLE = r"\{[a-z]+(:[a-z]+)?\}"  # backticks around a role make code of its name


def chapter(pages: dict[Path, Page], html: Path, source: Path) -> Page:
    return pages[html / "notebooks" / f"{source.stem}.html"]


def text_without_code(page: Page) -> str:
    code = "ancestor::pre or ancestor::code or ancestor::script or ancestor::style"
    articles = page.tree.xpath("//article") or [page.tree]
    return "".join(articles[0].xpath(f".//text()[not({code})]"))


def test_no_bookkeeping_is_on_a_page(pages: dict[Path, Page], html: Path) -> None:
    for source in SOURCES:
        page = chapter(pages, html, source)
        for code in page.tree.cssselect("div.cell_input"):
            if not code.xpath("ancestor::details"):  # imports are a click away
                assert not BOOKKEEPING.search(code.text_content()), page.name


def test_no_table_is_cut(pages: dict[Path, Page]) -> None:
    """Pandas leaves out the middle of a long one and the end of a long cell."""
    cut = re.compile(r"\d+ rows × \d+ columns")
    texts = {page.name: text_without_code(page) for page in pages.values()}
    assert not [name for name, text in texts.items() if cut.search(text)]
    for page in pages.values():
        cells = page.tree.cssselect("table.dataframe td")
        assert not [c.text for c in cells if (c.text or "").endswith("...")], page.name


@each
def test_a_registered_estimate_has_one_interval(
    source: Path, pages: dict[Path, Page], html: Path
) -> None:
    """Prose that has the number of a word with other ends measures it twice."""
    page = chapter(pages, html, source)
    links = page.tree.cssselect("table.finding-words .word a")
    ids = {link.get("href").partition("#finding-")[2] for link in links}
    table = load_outcomes()
    rows = table[table["id"].isin(ids)].to_dict("records")
    prose = page.tree.xpath("//article//p[not(ancestor::table)]")
    for said in ESTIMATE.findall(" ".join(each.text_content() for each in prose)):
        for row in rows if len(said[0].partition(".")[2]) > 2 else ():
            ends = [row["estimate"], row["low"], row["high"]]
            near = [
                abs(float(text) - end) < 1.5 * 10 ** -len(text.partition(".")[2])
                for text, end in zip(said, ends, strict=True)
            ]
            assert all(near) or not near[0], f"{row['id']}: {said} is not {ends}"


@each
def test_no_cell_failed_or_complained(source: Path) -> None:
    executed = read(notebooks.EXECUTED / source.name)
    for cell in executed.cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", output.get("text")


@each
def test_every_cell_was_executed_in_order(source: Path) -> None:
    executed = read(notebooks.EXECUTED / source.name)
    counts = [
        cell.execution_count
        for cell in executed.cells
        if cell.cell_type == "code" and cell.source.strip()
    ]
    assert counts == list(range(1, len(counts) + 1))


@each
def test_the_copy_in_the_book_is_of_this_notebook(source: Path) -> None:
    executed = read(notebooks.EXECUTED / source.name)
    assert [cell.source for cell in executed.cells] == [
        cell.source for cell in read(source).cells
    ]


def test_no_page_shows_a_traceback(pages: dict[Path, Page]) -> None:
    for page in pages.values():
        assert not page.tree.cssselect(".output.traceback, .cell_output .traceback")
        for output in page.tree.cssselect(".cell_output"):
            assert "Traceback (most recent call last)" not in output.text_content()


@each
def test_every_figure_is_there_with_number_caption_and_alternative_text(
    source: Path, pages: dict[Path, Page], html: Path
) -> None:
    page = chapter(pages, html, source)
    declared = [
        cell.metadata.mystnb for cell in read(source).cells if "mystnb" in cell.metadata
    ]
    declared = [mystnb for mystnb in declared if "figure" in mystnb]
    for mystnb in declared:
        (figure,) = page.tree.xpath(f"//figure[@id='{mystnb['figure']['name']}']")
        (image,) = figure.iter("img")
        assert image.get("alt") == mystnb["image"]["alt"]
        assert (page.path.parent / image.get("src")).stat().st_size > 1000
        (caption,) = figure.iter("figcaption")
        assert re.match(r"\s*Fig\. \d+", caption.text_content())
    assert len(page.tree.cssselect(".cell_output img")) == len(declared)


def drawings(source: Path) -> list[tuple[str, str, str]]:
    """Caption, alternative text and SVG of each figure of an executed chapter."""
    found = []
    for cell in read(notebooks.EXECUTED / source.name).cells:
        if "figure" in (words := cell.metadata.get("mystnb", {})):
            shown = [one.get("data", {}) for one in cell.outputs]
            [svg] = [one[SVG] for one in shown if SVG in one]
            found.append((words["figure"]["caption"], words["image"]["alt"], svg))
    return found


@each
def test_words_name_only_dashes_and_panels_that_are_drawn(source: Path) -> None:
    for caption, alt, svg in drawings(source):
        if re.search("dashed|dotted", caption + alt):
            assert "stroke-dasharray" in svg, caption
        if counted := re.match(rf"({'|'.join(PANELS)})(?: \w+)? panels", alt):
            drawn = set(re.findall(r'<g id="(axes_\d+)"', svg))
            assert len(drawn) == PANELS.index(counted[1]) + 2, alt


@each
def test_words_of_a_figure_hold_in_the_dark_and_its_text_on_a_telephone(
    source: Path,
) -> None:
    """The dark turns black and white about; a telephone shows 350 pixels of width."""
    for caption, alt, svg in drawings(source):
        assert not re.search(r"\b(black|white)\b", caption + alt, re.IGNORECASE), (
            caption
        )
        [width] = re.findall(r'<svg [^>]*?width="([\d.]+)pt"', svg)
        sizes = [100 * float(one) for one in re.findall(r"scale\(([\d.]+) -", svg)]
        assert min(sizes) * 350 / float(width) > LEAST_TEXT, (caption, float(width))


@each
def test_the_page_can_show_every_kind_of_output(source: Path) -> None:
    # The build leaves out kinds that it does not know, without a warning.
    shown = {"text/plain", "text/html", "text/markdown", "text/latex", "image/svg+xml"}
    shown |= {"image/png", "application/papermill.record/text/plain"}
    for cell in read(notebooks.EXECUTED / source.name).cells:
        for output in cell.get("outputs", []):
            kinds = set(output.get("data", {}))
            assert kinds <= {*shown}, cell.source


@each
def test_every_picture_that_a_cell_draws_is_declared(source: Path) -> None:
    for cell in read(notebooks.EXECUTED / source.name).cells:
        kinds = {
            kind
            for output in cell.get("outputs", [])
            for kind in output.get("data", {})
        }
        if any(kind.startswith("image/") for kind in kinds):
            assert "figure" in cell.metadata.get("mystnb", {}), cell.source


def test_every_image_has_an_alternative_text(pages: dict[Path, Page]) -> None:
    for page in pages.values():
        for image in page.tree.cssselect("article img"):
            assert image.get("alt", "").strip(), f"{page.name}: {image.get('src')}"


def test_no_markup_is_left_unrendered(pages: dict[Path, Page]) -> None:
    for page in pages.values():
        found = RAW_MARKUP.search(text_without_code(page))
        assert not found, f"{page.name}: {found}"
        heads = page.tree.xpath("//article//*[self::h1 or self::h2 or self::h3]")
        assert not [one for one in heads if "`" in one.text_content()], page.name
        fields = page.tree.xpath("//dl[contains(@class, 'field-list')]/dt/text()")
        assert "Type" not in fields, page.name  # of a text with a colon
        for code in page.tree.xpath("//article//code[not(parent::pre)]"):
            text = code.text_content()
            assert not re.fullmatch(ROLE, text), f"{page.name}: {text}"


@each
def test_every_number_in_the_prose_is_filled_in(
    source: Path, pages: dict[Path, Page], html: Path
) -> None:
    page = chapter(pages, html, source)
    for pasted in page.tree.cssselect(".pasted-text, .pasted-inline"):
        assert pasted.text_content().strip()
        assert not re.fullmatch(r"\d{4,}", pasted.text_content().strip())  # no comma
    text = text_without_code(page)
    assert not re.search(r"np\.float|\bnan\b|tensor\(", text)
