"""Numbers of another machine may differ from the published ones, words may not."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from precision_lib.findings.outcomes import load_outcomes
from tests.book.conftest import Page as BookPage
from tools import agreement, book, notebooks
from tools.machine import machine
from tools.steps import ROOT

COLUMNS = ["id", *agreement.NUMBERS, "units"]
GOOD, OTHER = ("turn", 0.6, 0.5, 0.7, 99), ("base", 0.98, 0.97, 0.99, 40)
CONF = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "book" / "_ext")!r}]
extensions = ["myst_parser", "sphinx.ext.autodoc", "book_pages"]
myst_enable_extensions = ["colon_fence"]
"""


def faults(published: pd.DataFrame, made: pd.DataFrame) -> list[str]:
    """All that `make test` may not find."""
    return found_in(agreement.shifts(published, made))


def found_in(table: pd.DataFrame) -> list[str]:
    return agreement.words(table) + agreement.too_far(table)


def table(*rows: tuple[object, ...]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=COLUMNS)
    return made.assign(word="supports", complete=True, runs="9 of 9", missing="none")


@pytest.mark.slow
def test_the_words_are_those_of_the_rows_that_are_there() -> None:
    assert found_in(agreement.here()) == []


def test_a_planted_word_fails_that_test_and_names_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planted = load_outcomes()
    place = planted.index[planted["word"] != ""][0]
    true = planted["word"][place]
    planted.loc[place, "word"] = "supports" if true != "supports" else "contradicts"
    monkeypatch.setattr(agreement, "outcomes_of", lambda folder: load_outcomes())
    monkeypatch.setattr(agreement, "load_outcomes", lambda: planted)
    with pytest.raises(AssertionError, match=rf"word is '{true}' and not .*outcomes"):
        test_the_words_are_those_of_the_rows_that_are_there()


@pytest.mark.parametrize(("column", "length"), [("estimate", 0.02), ("low", 0.1),
                                                ("high", 0.1)])  # fmt: skip
def test_a_number_may_move_by_a_part_of_its_interval(
    column: str, length: float
) -> None:
    was = table(GOOD, OTHER)
    step = length * 0.2
    for share, fails in ((0.99, False), (1.01, True)):
        moved = was[column] + share * step * (was.index == 0)
        made = was.assign(**{column: moved})
        found = faults(was, made)
        assert bool(found) == fails
        assert not fails or found[0].startswith(f"turn: {column} moved by")
        assert agreement.moved(agreement.shifts(was, made)) == 1


def test_a_count_may_not_differ() -> None:
    was = table(GOOD, OTHER)
    made = was.assign(units=[98, 40])
    (found,) = faults(was, made)
    assert found.startswith("turn: units is 98 and not 99")
    said = agreement.in_one_line(agreement.shifts(was, made))
    assert "1 WORDS DIFFER (turn:" in said


def test_a_finding_without_an_estimate_equals_itself_alone(tmp_path: Path) -> None:
    was = load_outcomes()
    assert faults(was, was) == []
    was.to_csv(tmp_path / "outcomes.csv", index=False)
    assert faults(was, load_outcomes(tmp_path / "outcomes.csv")) == []
    waits = was["estimate"].isna()
    found = faults(was, was.assign(estimate=was["estimate"].fillna(0.1)))
    assert len(found) == waits.sum()
    newer = was.assign(runs="base 75 of 75")
    assert all(agreement.COMMAND in text for text in faults(was, newer))


def test_missing_and_new_entries_are_named() -> None:
    cure = f"; if the runs are new: {agreement.COMMAND}"
    assert sorted(faults(table(GOOD), table(OTHER))) == [
        f"base: is not in the table{cure}", f"turn: is not made anew{cure}"
    ]  # fmt: skip


def test_equal_tables_agree_and_open_ends_are_equal(tmp_path: Path) -> None:
    was = table(GOOD, OTHER, ("open", 1.0, -math.inf, math.inf, 1))
    was.to_csv(tmp_path / "outcomes.csv", index=False)
    again = pd.read_csv(tmp_path / "outcomes.csv")
    assert faults(was, again) == []
    assert faults(was, was.assign(high=9.0)) != []
    assert agreement.in_one_line(agreement.shifts(was, again)) == (
        "words and numbers: no word differs from data/outcomes.csv; "
        "0 of 9 numbers by more than a hundredth of their interval"
    )


def test_a_number_that_became_none_is_a_fault() -> None:
    assert faults(table(GOOD), table(GOOD).assign(estimate=math.nan)) != []


def test_a_book_whose_words_differ_is_built_and_says_so_loudly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = tmp_path / "agreement.json"
    monkeypatch.setattr(agreement, "load_outcomes", lambda: table(GOOD))
    changed = table(GOOD).assign(units=98)
    monkeypatch.setattr(agreement, "outcomes_of", lambda folder: changed)
    found = agreement.for_the_page(agreement.here())
    monkeypatch.setattr(notebooks, "execute", lambda sources: 0)
    monkeypatch.setattr(book, "is_fresh", lambda result, key: False)
    monkeypatch.setattr(book, "digest", lambda *inputs: "")
    for name in ("forget", "mark_fresh"):
        monkeypatch.setattr(book, name, lambda *given: None)
    monkeypatch.setattr(book, "AGREEMENT", facts)
    monkeypatch.setattr(book, "stage", lambda _: facts.write_text(json.dumps(found)))
    monkeypatch.setattr(book, "build", lambda: 0)
    assert book.main() == 0
    said = capsys.readouterr().out
    assert "1 WORDS DIFFER (turn: units is 98 and not 99;" in said
    page = machine_page(tmp_path / "page", found)
    (box,) = page.select(".admonition.danger")
    assert "units is 98 and not 99" in box.get_text()


def machine_page(folder: Path, facts: dict[str, object]) -> BeautifulSoup:
    """The table in a book of its own."""
    (folder / "data").mkdir(parents=True)
    (folder / "conf.py").write_text(CONF)
    (folder / "index.md").write_text("# Page\n\n```{machine-table}\n```\n")
    (folder / "data" / "agreement.json").write_text(json.dumps(facts))
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html"]
    command += [str(folder), str(folder / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return BeautifulSoup((folder / "out" / "index.html").read_text(), "html.parser")


def test_the_page_names_both_machines(html: Path, pages: dict[Path, BookPage]) -> None:
    published = json.loads(agreement.PUBLISHED_MACHINE.read_text("utf-8"))
    assert published.keys() == machine().keys()
    shown = pages[html / "book" / "status.html"].tree.text_content()
    for fact in (*published.values(), *machine().values()):
        assert fact in shown
    count = len(load_outcomes())
    assert f"of {3 * count}" in shown and f"none of {count}" in shown
