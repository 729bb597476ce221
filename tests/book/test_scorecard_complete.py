"""The published scorecard is what the chapters say, and leaves out no finding."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from precision_lib.findings import scorecard
from precision_lib.findings.scorecard import (
    collected,
    differences,
    findings,
    load_scorecard,
)
from tests.book.conftest import SOURCES
from tools import book, notebooks


def test_every_finding_has_a_verdict() -> None:
    missing = set(findings()["id"]) - set(load_scorecard()["finding"])
    assert missing == set()


def test_every_estimate_lies_in_its_interval() -> None:
    table = load_scorecard()
    outside = ~table["estimate"].between(table["low"], table["high"])
    assert not outside.any(), table.loc[outside, "quantity"].to_list()


def test_the_table_is_what_the_executed_chapters_say(html: Path) -> None:
    made = collected([notebooks.EXECUTED / path.name for path in SOURCES])
    assert differences(load_scorecard(), made) == []


def test_every_chapter_of_a_finding_exists_and_states_it() -> None:
    stated = load_scorecard().groupby("finding")["chapter"].agg(set)
    stems = {path.stem for path in SOURCES}
    for row in findings().to_dict("records"):
        assert row["chapter"] in stems, row["id"]
        assert row["chapter"] in stated[row["id"]], row["id"]


def test_short_claims_fit_a_line_of_the_first_page() -> None:
    assert findings()["short"].str.len().max() <= 55


def test_a_book_whose_chapters_say_otherwise_does_not_build(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never() -> int:
        raise AssertionError("it was built")

    one = {"finding": "F1", "quantity": "gamma_D", "verdict": "agree", "runs": 9}
    table = pd.DataFrame([one | {"estimate": 0.6, "low": 0.5, "high": 0.7}])
    monkeypatch.setattr(notebooks, "execute", lambda sources: 0)
    monkeypatch.setattr(book, "is_fresh", lambda result, key: False)
    monkeypatch.setattr(book, "digest", lambda *inputs: "")
    monkeypatch.setattr(book, "forget", lambda result: None)
    monkeypatch.setattr(book, "build", never)
    monkeypatch.setattr(book, "stage", lambda executed: never())
    monkeypatch.setattr(scorecard, "load_scorecard", lambda: table)
    monkeypatch.setattr(
        scorecard, "collected", lambda paths: table.assign(verdict="partly")
    )
    assert book.main() == 1
    assert "verdict is 'partly' and not 'agree'" in capsys.readouterr().out
