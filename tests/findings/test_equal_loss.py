"""What is left of robustness at equal loss and at equal data, and its figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precision_lib.figures.equal_loss import (
    delta_against_loss,
    ratios_at_equal_data_and_loss,
)
from precision_lib.findings.cost_growth import LADDER
from precision_lib.findings.equal_loss import ladder_roundings, ratios, robustness
from precision_lib.findings.measured import Measured
from tests.findings import planted_runs as plant
from tests.findings.planted_runs import Truth


@pytest.fixture(scope="module")
def made() -> Measured:
    """Models in few bits that lose what unquantized ones of equal loss do."""
    return plant.planted(Truth(robust=0.0, rounding=0.2), 3)


def test_a_higher_loss_alone_looks_robust_at_equal_data(made: Measured) -> None:
    table = ratios(made, ["gptq"]).xs("gptq", level="method")
    at_loss = table.loc[("all four", "loss")]
    assert at_loss["low"] < 1 < at_loss["high"]
    assert table.loc[("all four", "data"), "high"] < 0.9
    parts = table.xs("loss", level="equal").drop("all four")["ratio"]
    assert np.exp(np.log(parts).mean()) == pytest.approx(at_loss["ratio"])
    assert at_loss["ratio"] == pytest.approx(np.exp(robustness(made).value))


def test_each_part_counts_its_own_runs(made: Measured) -> None:
    table = ratios(made, ["rtn"]).xs(("rtn", "loss"), level=("method", "equal"))
    assert table.loc[list(LADDER), "runs"].sum() == table.loc["all four", "runs"]


def test_the_figures_draw_what_they_are_given(made: Measured) -> None:
    table = ratios(made, ["gptq"])
    [axis] = ratios_at_equal_data_and_loss(table).axes
    drawn = sorted(x for line in axis.lines[:-1] for x in line.get_xdata())
    assert drawn == pytest.approx(sorted(table["ratio"]))
    rows = ladder_roundings(made, "gptq")
    axes = delta_against_loss(rows).axes
    for axis, part in zip(axes, LADDER, strict=True):
        alone = [line for line in axis.lines if line.get_linestyle() == "None"]
        points = np.concatenate([line.get_ydata() for line in alone])
        wanted = rows.loc[rows["part"] == part, "delta"]
        assert sorted(points) == pytest.approx(sorted(wanted))


def test_runs_worse_than_every_control_are_left_out(made: Measured) -> None:
    rows = ladder_roundings(made, "gptq")
    high = rows[rows["part"] == "none"].groupby("N")["loss"].max()
    low = rows[rows["part"] != "none"]
    assert (low["loss"] <= low["N"].map(high)).all()
    assert isinstance(low, pd.DataFrame) and len(low)
