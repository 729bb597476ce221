"""A law that holds is right where it was not shown, and one that bends is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precision_lib.errors import UserError
from precision_lib.findings import held_out_errors as held_out, leaving_out
from precision_lib.findings.measured import labelled
from precision_lib.findings.twins import law_roundings
from tests.findings.planted_runs import Truth, planted


def rounded(truth: Truth) -> pd.DataFrame:
    return law_roundings(planted(truth, seed=3).ptq, (3, 6), "gptq")


def test_no_split_asks_for_what_it_fits_and_all_ways_are_tried() -> None:
    rows = labelled(rounded(Truth()))
    splits = leaving_out.splits(rows)
    assert not any((split.fitted & split.asked).any() for split in splits)
    assert all(split.fitted.any() and split.asked.any() for split in splits)
    longer = [split for split in splits if split.way == leaving_out.DATA]
    for split in longer:
        tokens = rows["tokens"]
        assert tokens[split.fitted].max() < tokens[split.asked].min()
        assert tokens[split.fitted].nunique() >= leaving_out.FEWEST
    assert len({split.way for split in splits}) == 5
    for split in splits:
        if split.way == leaving_out.CELL:  # no size and no length goes as a whole
            assert set(rows["tokens"][split.fitted]) == set(rows["tokens"])
            assert set(rows["N"][split.fitted]) == set(rows["N"])
    in_range = [split.asked for split in splits if split.way == leaving_out.CELL]
    assert (np.sum(in_range, axis=0) == 1).all()
    first = leaving_out.furthest(rows)
    assert first[leaving_out.CELL] is None and set(first) == {s.way for s in splits}


@pytest.mark.slow
def test_longer_runs_are_missed_where_the_power_of_data_falls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tables = {0.0: held_out.misses(rounded(Truth()), "ptq", "delta", 20)}
    longer = [
        split
        for split in leaving_out.splits(labelled(rounded(Truth())))
        if split.way == leaving_out.DATA
    ]  # all that is asked below of the bent one
    monkeypatch.setattr(held_out, "splits", lambda rows: longer)
    tables[-0.3] = held_out.misses(rounded(Truth(late=-0.3)), "ptq", "delta", 20)
    found = {late: held_out.errors(t, ["way"]) for late, t in tables.items()}
    assert found[0.0].loc[leaving_out.DATA, "too high"] == pytest.approx(1, abs=0.15)
    assert found[-0.3].loc[leaving_out.DATA, "too high"] > 1.15
    assert (found[0.0]["inside"] > 0.6).all()
    assert found[-0.3].loc[leaving_out.DATA, "inside"] < 0.6
    assert (tables[0.0]["low"] <= tables[0.0]["predicted"]).all()
    assert (tables[0.0]["predicted"] <= tables[0.0]["high"]).all()


def test_runs_that_are_held_out_are_refused() -> None:
    rows = rounded(Truth()).assign(role="held-out")
    with pytest.raises(UserError, match="held-out"):
        held_out.misses(rows, "ptq", "delta", 5)
