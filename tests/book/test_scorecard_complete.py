"""Every finding has a word of its own, and a chapter; no chapter has another word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from precision_lib.findings.outcomes import (
    chapters_of,
    findings,
    load_outcomes,
    standing,
)
from precision_lib.findings.preregistration import preregistered
from tests.book.conftest import SOURCES, read

PAGES = [path for path in sorted((SOURCES[0].parents[1] / "book").glob("*.md"))]
READS_MAIN = re.compile(r'load_(measured|runs)\((?!.*"short")')
OLD = re.compile(
    r"\*(agree|partly|disagree|not at this scale)\*|(?<!-)\b[Vv]erdict", re.DOTALL
)
WAITS = re.compile(
    r"\bso far\b(?! out)|\bonce a seed\b|\bcome last\b|\bby now\b|\bstill to come\b"
    r"|\bno seed repeats\b|\bone model alone has been trained\b"
)
ALLOWED = {"changelog.md"}  # what was, in its own words


def sources(path: Path, kind: str) -> str:
    cells = read(path).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == kind)


def test_every_registered_finding_has_one_row_and_one_word() -> None:
    table = load_outcomes()
    assert table["id"].tolist() == list(preregistered())
    rows = table.to_dict("records")
    told = {"supports", "contradicts", "undecided", "not run", "too few runs"}
    assert {standing(row) for row in rows} <= told


def test_each_word_follows_from_its_interval_and_the_margins() -> None:
    for row in load_outcomes().query("word != ''").to_dict("records"):
        ends = (row["low"], row["high"]), (row["low_90"], row["high_90"])
        assert preregistered()[row["id"]].word_of(*ends) == row["word"]
        assert row["low"] <= row["low_90"] <= row["high_90"] <= row["high"]


def test_every_finding_is_shown_by_its_chapters() -> None:
    shown = {
        path.stem for path in SOURCES if "{finding-words}" in sources(path, "markdown")
    }
    for finding in preregistered().values():
        assert set(chapters_of(finding)) <= shown, finding.id


def test_every_finding_has_a_chapter_on_the_second_table() -> None:
    code = {path.stem: sources(path, "code") for path in SOURCES}
    for row in findings().to_dict("records"):
        assert READS_MAIN.search(code[row["chapter"]]), row["id"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_chapter_makes_a_word_of_its_own(path: Path) -> None:
    code = sources(path, "code")
    words = r"word_of|\.word\b|\"(supports|contradicts|undecided|agree|disagree)\""
    assert not re.search(words, code)
    assert not OLD.search(sources(path, "markdown"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_page_speaks_of_dropped_words(path: Path) -> None:
    assert path.name in ALLOWED or not OLD.search(path.read_text("utf-8"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_chapter_waits_for_no_run_once_all_are_in(path: Path) -> None:
    assert load_outcomes()["complete"].all()
    figures = [cell.metadata.get("mystnb", {}) for cell in read(path).cells]
    captions = [one["figure"]["caption"] for one in figures if "figure" in one]
    assert not WAITS.search("\n".join([sources(path, "markdown"), *captions]))


def test_short_claims_fit_a_line_of_the_first_page() -> None:
    assert all(0 < len(one.short) <= 50 for one in preregistered().values())
