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


TOLD = '<span class="pasted-text">0.35</span>'
SIZE = r'<span class="math notranslate nohighlight">\(N\)</span>'


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


def test_sizes_have_their_thousands_apart_and_code_names_are_words() -> None:
    index = pd.Index([23_936, 396_848], name="N")
    table: Any = pd.DataFrame({"kv": [0.5, None], "tokens": [7e6, 2.8e7]}, index)
    soup = BeautifulSoup(page_finish.finished(table._repr_html_()), "html.parser")
    cells = [cell.text for cell in soup.select("th, td") if cell.text]
    assert cells == [
        "N", "KV cache", "tokens",
        "23,936", "0.5", "7,000,000", "396,848", "–", "28,000,000",
    ]  # fmt: skip


def test_a_number_in_a_text_and_a_year_stay_as_they_are() -> None:
    texts = ["N = 23936", "2024", "0.12345", "12345.5"]
    table: Any = pd.DataFrame({"x": texts})
    soup = BeautifulSoup(page_finish.finished(table._repr_html_()), "html.parser")
    assert [cell.text for cell in soup.select("td")] == texts


def test_a_zero_has_no_sign() -> None:
    texts = ["-0.00", "-0.00 (-0.10 to -0.0)", "-0.003"]
    table: Any = pd.DataFrame({"x": texts})
    soup = BeautifulSoup(page_finish.finished(table._repr_html_()), "html.parser")
    cells = [cell.text for cell in soup.select("td")]
    assert cells == ["0.00", "0.00 (−0.10 to 0.0)", "−0.003"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("costs -0.05, from -.1 to -∞", "costs −0.05, from −0.1 to −∞"),
        ("<td>-3</td>, 2026-11-28, GPT-2, 1-5", "<td>−3</td>, 2026-11-28, GPT-2, 1-5"),
        ("<code>x[-1]</code> <pre>-2\n-3</pre>", None),
        ('<a href="a-1" title="-1">W4-16</a>', None),
        (r'<span class="math notranslate">\(x^{-1}\)</span>', None),
        ("1e-07 --3 <script>y = -1</script>", None),
    ],
)
def test_a_negative_number_has_a_minus_outside_of_code(
    text: str, shown: str | None
) -> None:
    assert page_finish.finished(text) == (shown or text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0.5 (-0.1 to 3%)", '0.5 <span class="whole">(−0.1 to 3%)</span>'),
        (f"({TOLD} to {TOLD})", f'<span class="whole">({TOLD} to {TOLD})</span>'),
        (f"({SIZE}, x)", f'<span class="whole">({SIZE},</span> x)'),
        (".5 (.1 to 1.5), a.5", '0.5 <span class="whole">(0.1 to 1.5)</span>, a.5'),
        ("wrong (p &lt; .1)", 'wrong <span class="whole">(p &lt; 0.1)</span>'),
        ("γ_kv of e4m3, e4m3fn", "γ<sub>kv</sub> of E4M3, E4M3fn"),
        ('<code>γ_D (1 to 2)</code> <a title="(1 to 2)">(so to say)</a>', None),
        (
            "Solution to<a href='#x'> Exercise 1</a>",
            "Solution to <a href='#x'>Exercise 1</a>",
        ),
    ],
)
def test_what_belongs_together_is_not_torn_apart(text: str, shown: str | None) -> None:
    assert page_finish.finished(text) == (shown or text)


def test_rows_are_named_in_the_line_of_the_heads() -> None:
    index = pd.Index([3, 4], name="bits")
    columns = pd.Index([1, 2], name="D")
    both: Any = pd.DataFrame(0.5, index, columns)
    one: Any = both.rename_axis(columns=None)
    heads = {"one": one, "both": both}
    for name, table in heads.items():
        soup = BeautifulSoup(page_finish.finished(table._repr_html_()), "html.parser")
        heads[name] = [[th.text for th in tr("th")] for tr in soup.select("thead tr")]
    assert heads["one"] == [["bits", "1", "2"]]
    assert heads["both"] == [["D", "1", "2"], ["bits", "", ""]]
