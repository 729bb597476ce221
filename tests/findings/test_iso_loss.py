"""Equal loss: sizes between runs, and the bits from which on more is no better."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precision_lib.decide import effective_size, iso_loss, paper_fit, surface
from precision_lib.errors import UserError
from precision_lib.figures.iso_loss import contours, size_factors
from precision_lib.findings.iso_loss import bits_to_keep, loss_levels, measured_sizes


def runs() -> pd.DataFrame:
    """Noise-free runs of the paper's law at four sizes and three precisions."""
    sizes = np.geomspace(2e7, 4e8, 12)
    table = pd.DataFrame({"N": sizes}).merge(
        pd.DataFrame({"weight_bits": [4, 6, 32]}), how="cross"
    )
    table = table.assign(D=2e10, activation_bits=32, kv_bits=32)
    return table.assign(loss=paper_fit().predict(table))


def test_measured_sizes_lie_on_the_lines_of_the_law_that_made_the_runs():
    held = surface(paper_fit(), columns={"activation_bits": 32, "kv_bits": 32})
    line = iso_loss(held, 3.5, 2e10, [4, 6, 32])
    found = measured_sizes(runs(), 3.5, "weight_bits").set_index("bits")["N"]
    assert found.index.tolist() == [4, 6, 32]
    assert np.allclose(found, line.N, rtol=0.01)


def test_a_loss_that_no_pair_of_sizes_encloses_has_no_size():
    assert measured_sizes(runs(), 9.0, "weight_bits").empty
    assert measured_sizes(runs(), 3.5, "weight_bits").columns.tolist() == ["bits", "N"]


@pytest.mark.parametrize("kept", [0.5, 0.9, 0.99])
def test_bits_to_keep_a_share_are_those_at_which_it_is_kept(kept: float):
    params = paper_fit().params
    bits = bits_to_keep(kept, params["gamma_weights"], params["n_weights"])
    answer = effective_size(surface(paper_fit()), 1e8, 1e10, {"weight_bits": bits})
    assert answer.values["share"] == pytest.approx(kept, rel=1e-6)


def test_a_share_of_one_is_refused():
    with pytest.raises(UserError, match="1"):
        bits_to_keep(1.0, 2.0, 0.3)


def test_levels_fall_and_lie_within_the_runs():
    levels = loss_levels(runs())
    assert levels == sorted(levels, reverse=True)
    assert runs()["loss"].min() < min(levels) < max(levels) < runs()["loss"].max()


def test_figures_draw_the_points_they_are_given():
    held = surface(paper_fit(), columns={"activation_bits": 32, "kv_bits": 32})
    points = measured_sizes(runs(), 3.5, "weight_bits")
    line = iso_loss(held, 3.5, 2e10, [4, 6, 8])
    axis = contours({"one": [(line, points)]}, [2e7, 4e8]).axes[0]
    drawn = [one for one in axis.lines if one.get_marker() == "o"]
    assert np.allclose(drawn[0].get_ydata(), points["N"])
    table = pd.DataFrame({"measured": [2.0, 1.1], "by_law": [1.8, 1.1], "bits": [3, 6]})
    assert len(size_factors(table).axes[0].get_legend().get_texts()) == 2
