"""The scorecard: rows are checked, found in executed chapters, and compared."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from precision_lib.errors import UserError
from precision_lib.findings import scorecard

GOOD = scorecard.entry("F1", "gamma_D", (0.6, 0.5, 0.7), 99, paper=0.507)
OTHER = scorecard.entry("base", "R2", (0.98, 0.97, 0.99), 40)


def executed(folder: Path, *entries: scorecard.Entry, name: str = "03_base") -> Path:
    """A notebook as papermill leaves it, with these entries shown."""
    bundle = scorecard.show(list(entries))._repr_mimebundle_()
    outputs = [{"output_type": "display_data", "data": bundle, "metadata": {}}]
    cells = [
        {"cell_type": "markdown", "source": "text"},
        {"cell_type": "code", "source": "", "outputs": outputs},
    ]
    path = folder / f"{name}.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"finding": "F99"}, "F99"),
        ({"found": (math.nan, 0.5, 0.7)}, "nan"),
        ({"found": (0.6, 0.7, 0.5)}, "0.7"),
        ({"found": (0.6, math.nan, 0.5)}, "nan"),
    ],
)
def test_a_wrong_row_is_refused(change: dict[str, object], word: str) -> None:
    row = {"finding": "F1", "quantity": "gamma_D", "found": (0.6, 0.5, 0.7), "runs": 9}
    with pytest.raises(UserError, match=word):
        scorecard.entry(**{**row, **change})  # type: ignore[arg-type]


def test_rows_come_back_from_a_notebook_in_the_order_of_the_findings(
    tmp_path: Path,
) -> None:
    later = executed(tmp_path, GOOD, name="04_ptq")
    sooner = executed(tmp_path, OTHER)
    table = scorecard.collected([later, sooner])
    assert table["finding"].tolist() == ["base", "F1"]
    assert table["chapter"].tolist() == ["03_base", "04_ptq"]
    assert table["paper"].isna().tolist() == [True, False]


def test_a_row_stated_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="stated twice"):
        scorecard.collected([executed(tmp_path, GOOD, GOOD)])


def test_an_open_interval_comes_back_and_is_shown_as_one(tmp_path: Path) -> None:
    one = scorecard.entry("G", "x", (1.0, -math.inf, math.inf), 1)
    path = executed(tmp_path, one)
    assert "Infinity" not in path.read_text("utf-8")
    table = scorecard.collected([path])
    assert (table["low"][0], table["high"][0]) == (-math.inf, math.inf)
    assert scorecard.in_words(table)["short runs (95%)"][0] == "1 (-∞ to ∞)"
