"""Long tables of a chapter are folded, short ones are not."""

from __future__ import annotations

import sys
from typing import Any

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from tools.steps import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))
try:
    import page_finish  # type: ignore[import-not-found]
finally:
    sys.path.pop(0)


def page(rows: int) -> str:
    index = pd.MultiIndex.from_product([["a", "b"], range(rows // 2)])
    table: Any = pd.DataFrame({"cost": 1.0}, index)
    return f"<p>x</p>{table._repr_html_()}<p>y</p>"


@pytest.mark.parametrize("rows", [8, 10, 36])
def test_a_table_of_more_than_eight_rows_is_folded_whole(rows: int) -> None:
    soup = BeautifulSoup(page_finish.finished(page(rows)), "html.parser")
    details = soup.select("details.long-table")
    assert len(details) == (rows > 8)
    assert len(soup.select("tbody tr")) == rows
    assert [p.text for p in soup.select("p")] == ["x", "y"]
    for one in details:
        assert one.select("summary")[0].text == f"The table of {rows} rows"
        assert len(one.select("tbody tr")) == rows


def test_two_tables_are_folded_one_by_one() -> None:
    soup = BeautifulSoup(page_finish.finished(page(20) + page(4)), "html.parser")
    assert len(soup.select("details")) == 1
    assert len(soup.select("table")) == 2
