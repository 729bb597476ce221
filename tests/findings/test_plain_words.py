"""Comparisons without a law, on made-up runs."""

import numpy as np
import pandas as pd
import pytest

from precision_lib.figures.plain_words import (
    bars_with_intervals,
    lines_by_size,
    share_that_counts,
)
from precision_lib.findings.plain_words import (
    doublings,
    mean_with_interval,
    rounded_after_low_training,
    slope_within,
    who,
    worth_of_text,
)
from precision_lib.findings.twins import law_runs

BASE = pd.DataFrame(
    [(n, d, s) for n in (100, 200, 400) for d in (1000, 2000, 4000) for s in (0, 1)],
    columns=["N", "D", "seed"],
).assign(
    sweep="base", role="fit", status="finished", corpus="default",
    weight_bits=32, activation_bits=32, kv_bits=32,
)  # fmt: skip
ABLATION = {"sweep": "ablation", "role": "ablation"}
BASE["loss"] = 6 - 0.5 * np.log2(BASE["D"] / 1000) + 0.01 * BASE["seed"]


def test_twice_the_data_gains_what_was_put_in():
    found = doublings(law_runs(BASE))
    assert len(found) == 3 * 2 * 2
    assert np.allclose(found["gain"], 0.5)
    runs = BASE.assign(loss=BASE["loss"] * np.log2(BASE["N"]))
    slope, low, high = slope_within(doublings(runs), "gain", "N", "D")
    assert low <= slope <= high
    assert slope == pytest.approx(0.5)


def test_a_text_that_costs_a_doubling_is_worth_half():
    other = BASE[BASE["D"] == 4000].assign(**ABLATION, corpus="replaced20")
    other["loss"] += 0.5
    table = worth_of_text(pd.concat([BASE, other], ignore_index=True))
    assert len(table) == 6
    assert np.allclose(table["worth"], 0.5)
    assert np.allclose(table["loss"] - table["clean_loss"], 0.5)


def test_a_worth_outside_the_measured_tokens_is_not_made_up():
    other = BASE[BASE["D"] == 1000].assign(**ABLATION, corpus="half")
    other["loss"] += 0.5
    table = worth_of_text(pd.concat([BASE, other], ignore_index=True))
    assert table["worth"].isna().all()


def test_models_trained_in_few_bits_stand_beside_their_twins():
    high = BASE.assign(method="rtn", post_bits=3, delta=0.4, post_loss=5.0)
    low = high.assign(sweep="parts", weight_bits=4, delta=0.1)
    same = high.assign(sweep="parts", weight_bits=3, delta=0.0)
    table = rounded_after_low_training(
        pd.concat([high, low, same], ignore_index=True), 3
    )
    assert len(table) == len(BASE)
    assert np.allclose(table["twin_delta"] - table["delta"], 0.3)


def test_intervals_and_words():
    middle, low, high = mean_with_interval(pd.Series([1.0, 2.0, 3.0]))
    assert low < middle == 2 < high
    assert np.isnan(mean_with_interval(pd.Series([], dtype=float))[0])
    assert who((-2, -1), "a", "b", "c") == "b"


def test_figures_draw_what_they_are_given():
    axis = lines_by_size(BASE, "D", "loss", "x", "y").axes[0]
    marks = [line for line in axis.lines if line.get_linestyle() == "None"]
    assert len(marks) == BASE["N"].nunique() == len(axis.lines) - len(marks)
    assert sum(len(line.get_ydata()) for line in marks) == len(BASE)
    axis = bars_with_intervals({"a": (1.0, 0.5, 2.0)}, "y", line=1.0).axes[0]
    assert axis.patches[0].get_height() == 1.0
    x = np.array([4.0, 6.0, 8.0])
    axis = share_that_counts(x, x / 8, x / 9, x / 7).axes[0]
    assert np.allclose(axis.lines[0].get_ydata(), 100 * x / 8)
