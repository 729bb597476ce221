"""Published rows against what the present trainer makes of their configs."""

import pandas as pd
import pytest

from precision_lib.runs.run_table import load_runs
from tools import recreated


def test_recreated_rows_lie_within_the_tolerance():
    table = pd.read_csv(recreated.TABLE).set_index("run_id")
    assert set(table.index) == {config.run_id for config in recreated.drawn()}
    published = load_runs(table="short").set_index("run_id")["loss"]
    assert table["loss"].to_dict() == pytest.approx(published[table.index].to_dict())
    gaps = table["recreated"] - table["loss"]
    assert gaps.abs().max() < recreated.TOLERANCE and abs(gaps.mean()) < 0.01
    assert set(table["engine"]) == {"eager", "compiled"}


def test_the_summary_tells_the_largest_difference(tmp_path, monkeypatch):
    table = pd.read_csv(recreated.TABLE)
    table.loc[0, "recreated"] = table.loc[0, "loss"] + 0.5
    monkeypatch.setattr(recreated, "TABLE", tmp_path / "recreated.csv")
    table.to_csv(recreated.TABLE, index=False)
    told = recreated.summary()
    assert "| 0.5000 |" in told and f"{len(table) - 1} come out within 0.03" in told
