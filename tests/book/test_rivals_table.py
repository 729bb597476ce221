"""Every work that the book was asked about has a row and an answer."""

from __future__ import annotations

import pandas as pd
import pytest

from precision_lib.findings.preregistration import preregistered
from precision_lib.paths import DATA
from tools.steps import ROOT

ASKED = (
    "2506.01863", "2605.23901", "2602.19241", "2506.23025", "2505.14302", "2509.22935",
    "2605.02105", "2503.19206", "2605.25966", "2510.25602", "2509.23500", "2508.18609",
    "2505.14669", "2603.22339",
)  # fmt: skip
ROWS = pd.read_csv(DATA / "rivals.csv", dtype=str).fillna("")


@pytest.mark.parametrize("arxiv", ASKED)
def test_every_work_has_a_row(arxiv: str) -> None:
    assert arxiv in set(ROWS["arxiv"])


@pytest.mark.parametrize("row", ROWS.to_dict("records"), ids=ROWS["work"])
def test_a_row_has_a_word_or_says_what_would_give_one(row: dict[str, str]) -> None:
    assert row["claim"] and (row["findings"] or row["needs"])
    assert set(row["findings"].split()) <= set(preregistered())
    for stem in row["chapters"].split():
        assert (ROOT / "notebooks" / f"{stem}.ipynb").exists()
    for name in row["findings"].split():
        whose = preregistered()[name].whose
        assert row["arxiv"] in whose, name
        rival = row["arxiv"] in whose.partition("against it")[2]
        assert rival == ("contrary claim" in row["claim"]), name


def test_the_page_shows_them() -> None:
    assert "{rivals-table}" in (ROOT / "book" / "scorecard.md").read_text("utf-8")
